"""The index of pictures: what it knows, what it reads again, and that it is always right after a refresh."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from check_inputs import caption, cut_in_half, draw, write_broken_inside
from indexed import by_name, faults, settings
from many_pictures import make_many
from PIL import Image

import trainer.data_index.refresh as refreshing
from trainer.data_index.index import DataIndex
from trainer.data_index.record import PictureQuery
from trainer.dataset import picture_file
from trainer.dataset.buckets import placements_of
from trainer.dataset.read import read_data
from trainer.plan.plan import make_plan
from trainer.prompts.clip_tokens import clip_tokens
from trainer.workspace import Workspace, cache_home


def test_every_picture_that_is_read_is_in_it(index: DataIndex, root: Path) -> None:
    asked = settings(root, reg_data_dir=str(root / "reg"), validation_data_dir=str(root / "held"))
    done = index.refresh(asked, tokens=clip_tokens)
    assert (done.pictures, done.added, done.decoded, done.undecoded) == (9, 9, 9, 0)
    found = by_name(index)
    assert list(found) == [
        *(f"2_knight/{number}.png" for number in range(4)),
        *(f"3_her/{number}.jpg" for number in range(4, 7)),
        "1_girl/20.png",
        "held/30.png",
    ]
    assert [each.use for each in found.values()] == ["training"] * 7 + ["regularisation", "validation"]
    data = read_data(asked)
    for picture, placement in zip(data.pictures, placements_of(data), strict=True):
        row = found[data.name_of(picture)]
        assert (row.path, row.folder, row.repeats, row.width, row.height) == (
            picture.path,
            picture.folder,
            picture.repeats,
            picture.width,
            picture.height,
        )
        assert (row.caption, row.caption_file, row.mask) == (picture.caption, picture.caption_file, picture.mask)
        assert (row.bucket, row.resized, row.crop) == (placement.bucket, placement.resized, placement.crop)
        assert row.tokens == len(clip_tokens(picture.caption))
        assert row.bytes == picture.path.stat().st_size
        assert row.pixels is not None and row.pixels.picture_hash is not None
    assert found["2_knight/1.png"].tags == ("my_knight", "castle", "tag 1", "moat")
    without = found["3_her/6.jpg"]
    assert (without.tags, without.caption_file, without.caption_place.name) == ((), None, "6.txt")
    assert found["held/30.png"].bucket is not None and found["held/30.png"].folder == "held"


def test_what_is_unchanged_is_not_read_again(index: DataIndex, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = settings(root)
    index.refresh(asked)
    ids = index.ids()

    def refuse(*arguments: object, **more: object) -> object:
        raise AssertionError("read again")

    with monkeypatch.context() as patched:
        patched.setattr(picture_file, "_known", picture_file._KnownFacts())
        for name in ("read_data", "pixel_facts"):
            patched.setattr(refreshing, name, refuse)
        patched.setattr(picture_file, "_measured", refuse)
        with DataIndex(Workspace(root)) as again:
            done = again.refresh(asked)
            assert (done.pictures, done.added, done.changed, done.removed, done.decoded) == (7, 0, 0, 0, 0)
            assert again.ids() == ids
    # Where one caption is new, no picture is opened for it.
    caption(root / "train" / "3_her" / "6.png", "armour")
    monkeypatch.setattr(picture_file, "_known", picture_file._KnownFacts())
    monkeypatch.setattr(picture_file, "_measured", refuse)
    monkeypatch.setattr(refreshing, "pixel_facts", refuse)
    assert index.refresh(asked).changed == 1
    assert by_name(index)["3_her/6.jpg"].tags == ("armour",)
    assert index.ids() == ids


CHANGES: dict[str, Callable[[Path], object]] = {
    "a picture is drawn anew": lambda folder: draw(folder / "1.png", 77, size=(96, 64)),
    "one is added": lambda folder: draw(folder / "9.png", 78),
    "one is removed": lambda folder: (folder / "2.png").unlink(),
    "one is renamed": lambda folder: (folder / "2.png").rename(folder / "8.png"),
    "a caption is written": lambda folder: caption(folder / "1.png", "moat, bridge"),
    "a caption is removed": lambda folder: (folder / "1.txt").unlink(),
    "one is cut off": lambda folder: cut_in_half(folder / "3.png"),
    "two change places": lambda folder: (
        (folder / "0.png").rename(folder / "x.png"),
        (folder / "1.png").rename(folder / "0.png"),
        (folder / "x.png").rename(folder / "1.png"),
    ),
    "a folder is renamed": lambda folder: folder.rename(folder.with_name("5_knight")),
    "a folder is added": lambda folder: draw(folder.parent / "4_new" / "a.png", 79),
}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_it_is_as_if_it_were_made_anew(
    change: str, index: DataIndex, root: Path, tmp_path: Path
) -> None:
    asked = settings(root)
    index.refresh(asked, tokens=clip_tokens)
    CHANGES[change](root / "train" / "2_knight")
    index.refresh(asked, tokens=clip_tokens)
    (tmp_path / "fresh").mkdir()
    (tmp_path / "fresh" / "journal.sqlite").touch()
    with DataIndex(Workspace(tmp_path / "fresh")) as fresh:
        fresh.refresh(asked, tokens=clip_tokens)
        assert [asdict(each) | {"id": 0} for each in by_name(index).values()] == [
            asdict(each) | {"id": 0} for each in by_name(fresh).values()
        ]
        assert index.tag_counts() == fresh.tag_counts()
        assert index.buckets(asked) != [] and [asdict(bar) | {"ids": len(bar.ids)} for bar in index.buckets(asked)] == [
            asdict(bar) | {"ids": len(bar.ids)} for bar in fresh.buckets(asked)
        ]


def test_what_cannot_be_used_is_a_row_with_its_fault(index: DataIndex, root: Path) -> None:
    folder = root / "train" / "2_knight"
    cut_in_half(draw(folder / "a.jpg", 50))
    (folder / "0.txt").write_bytes("caf\xe9".encode("latin-1"))
    write_broken_inside(folder / "b.png", 64, 64)
    caption(folder / "b.png", "castle")
    draw(folder / "c.png", 51, size=(40, 40))
    index.refresh(settings(root))
    found = by_name(index)
    assert faults(found["2_knight/a.jpg"]) == ["unusable"] and found["2_knight/a.jpg"].width == 0
    assert "caption" in found["2_knight/0.png"].faults[0].text
    assert faults(found["2_knight/b.png"]) == ["undecodable"]
    assert "small" in faults(found["2_knight/c.png"])
    assert "40×40, enlarged 1.6 times for its bucket of 64×64" in found["2_knight/c.png"].faults[0].text
    assert [fault.stops for fault in found["2_knight/a.jpg"].faults] == [True]
    assert set(by_name(index, PictureQuery(fault="unusable"))) == {"2_knight/0.png", "2_knight/a.jpg"}
    counts = index.fault_counts()
    assert (counts["unusable"], counts["undecodable"]) == (2, 1)


def test_pictures_that_are_held_out_or_left_out_are_there(index: DataIndex, root: Path) -> None:
    asked = settings(root, exclude_pictures=["2_knight/2.png"], validation_outfit="her")
    index.refresh(asked)
    found = by_name(index)
    assert [name for name, picture in found.items() if picture.excluded] == ["2_knight/2.png"]
    assert {picture.use for name, picture in found.items() if name.startswith("3_her")} == {"held out"}
    before = {name: picture.id for name, picture in found.items()}
    index.refresh(settings(root))
    assert {name: picture.id for name, picture in by_name(index).items()} == before
    assert not any(picture.excluded for picture in by_name(index).values())


def test_a_validation_folder_of_the_same_name_is_another_one(index: DataIndex, root: Path) -> None:
    draw(root / "more" / "train" / "2_knight" / "0.png", 40)
    draw(root / "more" / "train" / "0.png", 41)
    index.refresh(settings(root, validation_data_dir=str(root / "more" / "train")))
    assert index.folders() == ["2_knight", "3_her", "train (validation)", "train/2_knight"]
    assert index.count(PictureQuery(folder="2_knight")) == 4
    assert set(by_name(index, PictureQuery(use="validation"))) == {
        f"{folder}/0.png" for folder in index.folders() if folder.startswith("train")
    }


def test_the_same_file_in_two_data_sets_is_two_rows(index: DataIndex, root: Path) -> None:
    subset = f"[[datasets.subsets]]\nimage_dir = '{root / 'train' / '2_knight'}'\n"
    (root / "data.toml").write_text(f"[[datasets]]\n{subset}[[datasets]]\nresolution = 96\n{subset}")
    asked = settings(root, dataset_config=str(root / "data.toml"))
    index.refresh(asked)
    buckets = [picture.bucket for picture in index.pictures(index.ids())]
    assert len(buckets) == 8 and len(set(buckets)) > 2
    assert index.near_duplicates() == []


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"train_batch_size": 3},
        {"reg": True},
        {"exclude_pictures": ["2_knight/2.png", "3_her/4.jpg"]},
        {"validation_split": 0.3},
        {"num_repeats": ["3_her=7"], "bucket_no_upscale": True},
        {"behave_like": "kohya_ss 2023-02", "train_batch_size": 4},
        {"behave_like": "ai-toolkit 2026", "train_batch_size": 4},
    ],
    ids=str,
)
def test_buckets_are_counted_as_the_plan_counts_them(index: DataIndex, root: Path, values: dict[str, object]) -> None:
    from trainer.profiles.registry import PROFILES

    if str(values.get("behave_like", "kohya_ss 2023-02")) not in PROFILES:
        values = values | {"behave_like": list(PROFILES)[-1]}
    given = {key: value for key, value in values.items() if key != "reg"}
    asked = settings(root, **given, **({"reg_data_dir": str(root / "reg")} if "reg" in values else {}))
    plan = make_plan(asked, read_data(asked), family="sd1")
    index.refresh(asked, pixels=False)
    known = index.buckets(asked)
    with DataIndex(Workspace(root)) as other:
        other.refresh(settings(root), pixels=False)
        for bars in (known, other.buckets(asked)):
            sizes = {bar.size for bar in bars}
            for bucket in plan.buckets:
                same = [bar for bar in bars if bar.size == bucket.size]
                assert sum(bar.shown for bar in same) == bucket.pictures
                assert sum(bar.batches for bar in same) == bucket.batches
            assert sizes == {bucket.size for bucket in plan.buckets}
    for bar in known:
        assert len(bar.ids) == bar.pictures
        assert bar.last == (bar.shown - (bar.batches - 1) * bar.batch_size) % bar.batch_size or not bar.last


def test_what_it_knows_is_there_at_once_and_read_by_others(index: DataIndex, root: Path) -> None:
    asked = settings(root)
    assert not index.recall(asked)
    index.refresh(asked)
    with DataIndex(Workspace(root)) as other:
        assert other.recall(asked)
        assert other.ids() == index.ids()
        caption(root / "train" / "2_knight" / "1.png", "bridge")
        index.refresh(asked)
        # It sees what another one has written.
        assert other.tag_counts(PictureQuery(with_tags=("bridge",)))[0].tag == "bridge"
        assert not other.recall(settings(root / "elsewhere"))
        assert other.count() == 0


def test_one_writes_at_a_time(index: DataIndex, root: Path) -> None:
    asked = settings(root)
    with DataIndex(Workspace(root)) as other:
        inside: list[bool] = []

        def show(stage: str, done: int, total: int) -> None:
            if not inside:
                inside.append(other.refresh(asked).elsewhere)

        index.refresh(asked, show=show)
        assert inside == [True]
        assert not other.refresh(asked).elsewhere


@pytest.mark.parametrize("stage", [refreshing.MEASURING, refreshing.READING, refreshing.LISTING, refreshing.LOOKING])
def test_stopped_in_the_middle_what_was_done_is_kept(
    stage: str, index: DataIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "_PIECE", 2)
    monkeypatch.setattr(refreshing, "_SHOWN_EACH", 1)
    asked = settings(root)
    at: list[str] = []
    done = index.refresh(asked, show=lambda stage, done, total: at.append(stage), stop=lambda: at.count(stage) >= 3)
    assert done.stopped and at.count(stage) >= 3
    counted: list[str] = []
    again = index.refresh(asked, show=lambda stage, done, total: counted.append(stage))
    assert not again.stopped and again.pictures == 7 and again.undecoded == 0
    if stage == refreshing.LOOKING:
        assert done.decoded >= 2 and done.decoded + again.decoded == 7
    assert counted.count(refreshing.MEASURING) <= (5 if stage == refreshing.MEASURING else 0)


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"SQLite format 3\0" + b"x" * 5000),
        lambda path: path.write_bytes(b""),
        lambda path: _execute(path, "PRAGMA user_version = 99"),
        lambda path: _execute(path, "DROP TABLE picture"),
        lambda path: _execute(path, "UPDATE picture SET tags = 'x', tokens = 'y'"),
        lambda path: _execute(path, "UPDATE file SET hash = 'x'"),
        lambda path: _execute(path, "UPDATE data_set SET bars = '{', folders = '3'"),
        lambda path: _execute(path, "UPDATE file SET path = id"),
    ],
)
def test_a_damaged_file_is_made_again(harm: Callable[[Path], object], index: DataIndex, root: Path) -> None:
    asked = settings(root)
    index.refresh(asked)
    path, expected = index.path, by_name(index)
    index.close()
    for ending in ("-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    harm(path)
    with DataIndex(Workspace(root)) as again:
        again.recall(asked)
        again.pictures(again.ids())
        again.buckets(asked)
        again.folder_places()
        again.refresh(asked)
        found = by_name(again)
        assert [asdict(each) | {"id": 0} for each in found.values()] == [
            asdict(each) | {"id": 0} for each in expected.values()
        ]


def _execute(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_deleted_while_it_is_open_it_is_made_again(index: DataIndex, root: Path) -> None:
    asked = settings(root)
    index.refresh(asked)
    shutil.rmtree(index.path.parent)
    assert index.count() == 0
    assert index.refresh(asked).pictures == 7


def test_names_that_are_not_text_are_found_again(index: DataIndex, root: Path) -> None:
    name = os.fsdecode(b"caf\xe9, (1).png")
    picture = draw(root / "train" / "2_knight" / "plain.png", 60)
    os.rename(picture, picture.with_name(name))
    index.refresh(settings(root))
    assert index.pictures(index.ids())[4].path.name == name
    assert index.count(PictureQuery(text="(1)")) == 1


def test_masks_are_known(index: DataIndex, root: Path) -> None:
    for path in sorted((root / "train").rglob("*.[pj][np]g")):
        mask = root / "masks" / path.parent.name / f"{path.stem}.png"
        mask.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as picture:
            Image.new("L", picture.size, 255).save(mask)
    asked = settings(root, masked_loss=True, conditioning_data_dir=str(root / "masks"))
    index.refresh(asked)
    assert all(
        picture.mask == root / "masks" / picture.folder / f"{picture.path.stem}.png"
        for picture in by_name(index).values()
    )
    index.refresh(settings(root, alpha_mask=True))
    assert {picture.mask for picture in by_name(index).values()} == {"alpha"}


def test_tokens_are_counted_again_for_another_base(index: DataIndex, root: Path) -> None:
    index.refresh(settings(root))
    assert {picture.tokens for picture in by_name(index).values()} == {None}
    index.refresh(settings(root, caption_prefix="one two,"), tokens=clip_tokens)
    first = by_name(index)["2_knight/1.png"].tokens
    index.refresh(settings(root), tokens=clip_tokens)
    assert first == (by_name(index)["2_knight/1.png"].tokens or 0) + 3


def test_tags_that_no_picture_has_any_more_do_not_pile_up(
    index: DataIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "_MORE_TAGS", 3)
    asked = settings(root)
    index.refresh(asked)
    first, picture = {each.tag for each in index.tag_counts()}, root / "train" / "2_knight" / "1.png"
    for number in range(30):
        caption(picture, f"my_knight, castle, she is at place {number}, and rests")
        os.utime(picture.with_suffix(".txt"), (number, number))
        index.refresh(asked)
        assert by_name(index)["2_knight/1.png"].tags[2:] == (f"she is at place {number}", "and rests")
    with sqlite3.connect(index.path) as connection:
        (kept,) = connection.execute("SELECT count(*) FROM tag").fetchone()
    now = {each.tag for each in index.tag_counts()}
    assert now == first - {"tag 1"} | {"she is at place 29", "and rests"}
    assert kept <= 2 * len(now) + 4
    # As it would be if it were made anew.
    with DataIndex(None) as other:
        other.refresh(asked)
        assert [each.tags for each in by_name(other).values()] == [each.tags for each in by_name(index).values()]


def test_where_nothing_can_be_written_it_lies_elsewhere(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "journal.sqlite").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).startswith((f"{root}/journal", f"{root}/cache")))
    with DataIndex(Workspace(root)) as index:
        assert index.refresh(settings(root)).pictures == 7
        assert index.path == cache_home() / "data-index.sqlite"
    assert not (root / "cache").exists()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with DataIndex(None) as index:
        assert index.refresh(settings(root)).pictures == 7
        lent = index.path
    assert not lent.parent.exists()


def test_many_pictures_are_found_by_the_thousand(tmp_path: Path) -> None:
    make_many(tmp_path / "train", 1000)
    (tmp_path / "journal.sqlite").touch()
    asked = settings(tmp_path)
    with DataIndex(Workspace(tmp_path)) as index:
        done = index.refresh(asked, tokens=clip_tokens)
        assert (done.pictures, done.decoded) == (1000, 1000)
        assert len(index.near_duplicates()) == 4
        assert index.tag_counts()[0].pictures > 300
