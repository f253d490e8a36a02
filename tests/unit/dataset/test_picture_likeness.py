"""Pictures that are nearly the same, and signatures kept by content."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from check_inputs import draw, write_broken_inside
from PIL import Image, ImageEnhance

from trainer.dataset import picture_likeness
from trainer.dataset.picture_likeness import SignatureCache, thumbnails_of

CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda picture: picture.resize((48, 48), Image.Resampling.LANCZOS),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.06),
    "cut at the edges": lambda picture: picture.crop((1, 1, 95, 95)),
    "with transparency": lambda picture: picture.convert("RGBA"),
}


def groups(folder: Path) -> list[set[str]]:
    paths = sorted(folder.iterdir())
    found = thumbnails_of([path for path in paths if path.suffix != ".txt"], SignatureCache(None), threads=1)
    assert found is not None
    return [{path.name for path in group} for group in found.near_duplicates]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(change: str, tmp_path: Path) -> None:
    for number in range(5):
        draw(tmp_path / f"{number}.png", number, side=96)
    CHANGES[change](Image.open(tmp_path / "2.png")).save(tmp_path / "copy.png")
    assert groups(tmp_path) == [{"2.png", "copy.png"}]


@pytest.mark.parametrize("quality", [35, 60, 90])
@pytest.mark.parametrize("kind", ["jpg", "webp"])
def test_a_picture_saved_again_is_found(kind: str, quality: int, tmp_path: Path) -> None:
    for number in range(5):
        draw(tmp_path / f"{number}.png", number, side=96)
    draw(tmp_path / f"again.{kind}", 4, side=96, quality=quality)
    assert groups(tmp_path) == [{"4.png", f"again.{kind}"}]


def test_other_pictures_are_not(tmp_path: Path) -> None:
    for number in range(40):
        draw(tmp_path / f"{number}.png", number)
    assert groups(tmp_path) == []


def test_the_same_drawing_in_other_colours_is_another_picture(tmp_path: Path) -> None:
    planes = [np.random.default_rng(seed).integers(96, 160, (5, 5), np.uint8) for seed in range(5)]
    light, *colours = (Image.fromarray(plane).resize((64, 64), Image.Resampling.BICUBIC) for plane in planes)
    for name, (blue, red) in (("a.png", colours[:2]), ("b.png", colours[2:])):
        Image.merge("YCbCr", (light, blue, red)).convert("RGB").save(tmp_path / name)
    assert groups(tmp_path) == []


def test_a_chain_of_likenesses_is_one_group(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        draw(tmp_path / name, 1)
    draw(tmp_path / "d.png", 2)
    assert groups(tmp_path) == [{"a.png", "b.png", "c.png"}]


def test_signatures_are_kept_by_content_and_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [draw(tmp_path / "data" / f"{number}.png", number) for number in range(3)]
    cache = tmp_path / "cache" / "signatures.json"
    first = thumbnails_of(paths, SignatureCache(cache))
    assert first is not None and cache.is_file()

    def refuse(path: Path, side: int) -> Image.Image:
        raise AssertionError(f"{path} was decoded again")

    moved = [shutil.copy(path, tmp_path / f"moved-{path.name}") for path in paths]
    monkeypatch.setattr(picture_likeness, "open_small", refuse)
    again = thumbnails_of([Path(path) for path in moved], SignatureCache(cache))
    assert again is not None and list(again.signatures.values()) == list(first.signatures.values())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        '{"version": 1, "signatures": {"a": 5}}',
        '{"version": 99}',
        "[]",
        pytest.param("[" * 100_000, id="nested deeply"),
    ],
)
def test_a_damaged_cache_is_made_again(content: str, tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", 1)
    cache = tmp_path / "signatures.json"
    cache.write_text(content)
    assert thumbnails_of([path], SignatureCache(cache)) is not None
    assert SignatureCache(cache)._read()


def test_a_picture_that_cannot_be_decoded_is_named_and_one_that_is_gone_is_left_out(tmp_path: Path) -> None:
    write_broken_inside(tmp_path / "broken.png", 40, 40)
    found = thumbnails_of([tmp_path / "broken.png", tmp_path / "gone.png"], SignatureCache(None))
    assert found is not None and list(found.broken) == [tmp_path / "broken.png"] and not found.signatures


def test_nothing_is_answered_once_nobody_waits(tmp_path: Path) -> None:
    assert thumbnails_of([draw(tmp_path / "a.png", 1)], SignatureCache(None), stop=lambda: True) is None


def test_groups_are_those_of_every_pair_compared() -> None:
    rng = np.random.default_rng(5)
    signatures: dict[Path, bytes] = {}
    for number in range(40):
        signature = rng.integers(0, 256, picture_likeness._BYTES, np.uint8)
        for copy in range(rng.integers(1, 4)):
            # About as many bits as the limit are others: some copies are alike, some are not.
            for bit in rng.choice(256, size=rng.integers(0, 40) * min(copy, 1), replace=False):
                signature[bit // 8] ^= np.uint8(1 << (bit % 8))
            signatures[Path(f"{number}-{copy}")] = signature.tobytes()
    paths = list(signatures)
    alike = {
        path: {
            other
            for other in paths
            if sum(
                (one ^ two).bit_count() for one, two in zip(signatures[path][:32], signatures[other][:32], strict=True)
            )
            <= 30
        }
        for path in paths
    }
    expected = set()
    for path in paths:
        group = {path}
        while (more := group.union(*(alike[each] for each in group))) != group:
            group = more
        if len(group) > 1:
            expected.add(tuple(sorted(group)))
    found = picture_likeness.PictureThumbnails(signatures, {}).near_duplicates
    assert {tuple(sorted(group)) for group in found} == expected
    assert 1 < len(expected) < 40


def test_frames_of_one_scene_are_compared_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def distance(one: object, other: object) -> float:
        nonlocal compared
        compared += 1
        return 0.0

    monkeypatch.setattr(picture_likeness, "_colour_distance", distance)
    frames = {Path(str(number)): bytes(picture_likeness._BYTES) for number in range(50)}
    thumbnails = picture_likeness.PictureThumbnails(frames, {})
    assert [len(group) for group in thumbnails.near_duplicates] == [50]
    assert [len(group) for group in thumbnails.near_duplicates] == [50]
    assert compared == 49
