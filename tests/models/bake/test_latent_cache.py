"""Latents are found again by the picture's content, with the bits that encoding would give."""

import copy
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import trainer.bake.latent_cache
from trainer.bake.latent_cache import LatentCache, forget_latents
from trainer.bake.latents import PreparedPicture, encode_pictures
from trainer.models.stable_diffusion.model import StableDiffusion

pytestmark = pytest.mark.usefixtures("nothing_kept")


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures went through the VAE, pass by pass."""
    counts: list[int] = []
    encode = StableDiffusion.encode_pictures

    def counted(self: StableDiffusion, pixels: Tensor) -> Tensor:
        counts.append(len(pixels))
        return encode(self, pixels)

    monkeypatch.setattr(StableDiffusion, "encode_pictures", counted)
    return counts


@pytest.fixture
def own(make_settings: Any, pictures: Path, tmp_path: Path) -> Any:
    """Settings whose pictures are a copy that a test may change."""
    data = Path(shutil.copytree(pictures / "train", tmp_path / "train"))
    for path in data.rglob("*.png"):
        os.utime(path, (1, 1))
    return make_settings(train_data_dir=str(data))


@pytest.fixture
def session(own: Any, open_session: Any) -> Iterator[Any]:
    with ExitStack() as closing:
        yield closing.enter_context(open_session(own))


def all_of(session: Any, store: LatentCache | None, together: int = 1) -> dict[int, PreparedPicture]:
    model, planned = session[0].model, session[1]
    return dict(encode_pictures(model, planned.data.pictures, planned.plan.placements, together, store))


def bits(prepared: dict[int, PreparedPicture]) -> dict[int, bytes]:
    return {index: each.latents.numpy().tobytes() for index, each in prepared.items()}


def test_what_was_encoded_once_is_found_with_the_same_bits(session: Any, passes: list[int]) -> None:
    fresh = all_of(session, None)
    store = LatentCache(session[0].model)
    assert bits(all_of(session, store)) == bits(fresh)
    passes.clear()
    again = all_of(session, LatentCache(session[0].model))
    assert passes == []
    assert bits(again) == bits(fresh)
    assert {index: each.time_ids for index, each in again.items()} == {
        index: each.time_ids for index, each in fresh.items()
    }


def test_a_moved_picture_is_found_and_a_changed_one_is_encoded(
    session: Any, passes: list[int], own: Any, open_session: Any
) -> None:
    all_of(session, LatentCache(session[0].model))
    folder = Path(own.train_data_dir) / "2_red"
    shutil.copy(Path(own.train_data_dir) / "1_blue" / "d.png", folder / "d.png")
    shutil.copy(folder / "b.png", folder / "a.png")
    (folder / "c.png").rename(folder / "z.png")
    passes.clear()
    with open_session(own) as other:
        all_of(other, LatentCache(other[0].model))
        assert passes == []
        (folder / "b.png").write_bytes((folder / "z.png").read_bytes())
        image = bytearray((Path(own.train_data_dir) / "1_blue" / "e.png").read_bytes())
        (Path(own.train_data_dir) / "1_blue" / "d.png").write_bytes(image + b"\0")
        all_of(other, LatentCache(other[0].model))
    assert passes == [1]


def test_batches_of_another_size_are_encoded_again(session: Any, passes: list[int]) -> None:
    # In other company the last bits may be others.
    all_of(session, LatentCache(session[0].model), 1)
    passes.clear()
    assert bits(all_of(session, LatentCache(session[0].model), 2)) == bits(all_of(session, None, 2))
    # The last one of its bucket was alone the first time too.
    assert passes == [2, 2, *(2, 2, 1)]


@pytest.mark.parametrize(
    "changes",
    [{"resolution": "96"}, {"mixed_precision": "bf16", "no_half_vae": False}],
    ids=["other placement", "other type of the VAE"],
)
def test_what_decides_latents_is_part_of_the_key(
    session: Any, passes: list[int], own: Any, open_session: Any, changes: dict[str, Any]
) -> None:
    all_of(session, LatentCache(session[0].model))
    passes.clear()
    with open_session(own.model_copy(update=changes)) as other:
        all_of(other, LatentCache(other[0].model))
    assert sum(passes) == 5


def test_after_the_vae_overflowed_nothing_is_looked_up_or_kept(session: Any, passes: list[int]) -> None:
    model = session[0].model
    all_of(session, LatentCache(model))
    model.vae = copy.deepcopy(model.vae)
    assert model.vae_is_widened
    passes.clear()
    all_of(session, LatentCache(model))
    all_of(session, LatentCache(model))
    assert sum(passes) == 10


def test_memory_keeps_what_was_used_last(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = trainer.bake.latent_cache._Memory(3 * 16)
    for name in "abc":
        memory.keep(name, torch.zeros(4))
    memory.get("a")
    memory.keep("d", torch.zeros(4))
    assert [name for name in "abcd" if memory.get(name) is not None] == ["a", "c", "d"]


def test_files_outlive_the_program(session: Any, passes: list[int], tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "latents"
    fresh = all_of(session, LatentCache(session[0].model, folder))
    assert len(list(folder.glob("*.safetensors"))) == 5
    passes.clear()
    forget_latents()
    assert bits(all_of(session, LatentCache(session[0].model, folder))) == bits(fresh)
    assert passes == []


def test_what_is_in_memory_goes_to_a_disk_that_is_asked_for_later(session: Any, tmp_path: Path) -> None:
    all_of(session, LatentCache(session[0].model))
    all_of(session, LatentCache(session[0].model, tmp_path / "latents"))
    assert len(list((tmp_path / "latents").iterdir())) == 5


def test_damaged_files_are_reported_and_encoded_again(session: Any, passes: list[int], tmp_path: Path) -> None:
    fresh = all_of(session, LatentCache(session[0].model, tmp_path))
    files = sorted(tmp_path.glob("*.safetensors"))
    files[0].write_bytes(files[0].read_bytes()[:-4])
    turned = bytearray(files[1].read_bytes())
    turned[-1] ^= 1
    files[1].write_bytes(turned)
    files[2].write_bytes(b"")
    lines: list[str] = []
    passes.clear()
    forget_latents()
    store = LatentCache(session[0].model, tmp_path, lines.append)
    assert bits(all_of(session, store)) == bits(fresh)
    store.close()
    assert passes == [1, 1, 1]
    assert lines == [f"3 damaged files in {tmp_path}: encoded again"]
    forget_latents()
    passes.clear()
    all_of(session, LatentCache(session[0].model, tmp_path))
    assert passes == []


def test_a_folder_that_cannot_be_written_is_reported_once_and_the_bake_continues(session: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    lines: list[str] = []
    assert len(all_of(session, LatentCache(session[0].model, tmp_path / "file" / "latents", lines.append))) == 5
    assert len(lines) == 1
    assert "latents are not kept on disk" in lines[0]
