"""Cosines between the LoRAs of twins, which a cosine between two bakes is read beside."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lora_of_numbers import Layer, write_lora_of_numbers
from made_twins import add_bake

from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint
from trainer.measures.interference import interference
from trainer.noise_floor.twin_cosines import twin_cosines

LAYERS = {"lora_unet_mid_block_attentions_0_proj_in": Layer(12, 12, 3), "lora_te_text_model_x": Layer(9, 9, 2)}


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def save(journal: Journal, bake: int, near: float | None, step: int = 40) -> Path:
    folder = journal.path.parent / journal.bakes.read(bake).folder
    folder.mkdir(parents=True, exist_ok=True)
    row = Checkpoint(1, step, f"x-{step}.safetensors", 1, None, None, None, None, 0.0)
    journal.results.add_checkpoint(bake, row)
    return write_lora_of_numbers(folder / row.file, LAYERS, near=near)


def test_the_twins_of_a_bake_are_compared_at_the_same_step(journal: Journal) -> None:
    bakes = [add_bake(journal, seed=seed) for seed in (1, 2, 3)]
    files = [save(journal, bake, near) for bake, near in zip(bakes, (None, 0.5, 2.0), strict=True)]
    save(journal, bakes[1], 9.0, step=80)
    found = twin_cosines(journal, files[1])
    assert found is not None
    assert (found.bake, found.step, found.twins) == (bakes[1], 40, (bakes[0], bakes[2]))
    cosines = [scopes["", ""].cosine for scopes in interference(files).values()]
    assert found.cosines["", ""] == (min(cosines), max(cosines))
    assert {part for part, _ in found.cosines} == {"", "unet", "text_encoder"}


def test_a_repeat_with_the_same_bits_is_no_twin(journal: Journal) -> None:
    bakes = [add_bake(journal, seed=1), add_bake(journal, seed=1)]
    files = [save(journal, bake, None) for bake in bakes]
    assert twin_cosines(journal, files[0]) is None


def test_other_files_and_bakes_without_twins_have_none(journal: Journal, tmp_path: Path) -> None:
    alone, other = add_bake(journal, seed=1), add_bake(journal, seed=2, unet_lr=1.0)
    file = save(journal, alone, None)
    save(journal, other, 0.5)
    elsewhere = write_lora_of_numbers(tmp_path / "x-40.safetensors", LAYERS)
    for path in (file, elsewhere, file.with_name("y.safetensors"), tmp_path / "bakes" / "0099-x" / file.name):
        assert twin_cosines(journal, path) is None
