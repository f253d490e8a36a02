"""Rates of a grid's ticks held against the noise of twins: bakes and pictures counted apart."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_grid import made_grid
from made_twins import EPOCH, OTHER_DATA, add_bake

from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.grid.recipe import LoraUse
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.judging.report import report
from trainer.noise_floor.grid_rates import GridRates

SEEDS = 10


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as opened:
        yield opened


def grid_of(journal: Journal, bakes: Sequence[int], epochs: int = 1) -> MadeGrid:
    """Return a grid with a column for each epoch of each bake, and ten seeds."""
    root = journal.path.parent
    made = made_grid(root / "grids" / "0001-g", shape=(len(bakes) * epochs, 1, 1, SEEDS))
    files = [
        root / journal.bakes.read(bake).folder / f"x-{(epoch + 1) * EPOCH}.safetensors"
        for bake in bakes
        for epoch in range(epochs)
    ]

    def of_bake(cell: MadeCell) -> MadeCell:
        return replace(cell, recipe=replace(cell.recipe, loras=(LoraUse(files[cell.place.x]),)))

    return replace(made, cells=tuple(map(of_bake, made.cells)))


def ticked(made: MadeGrid, counts: Sequence[int], item: str = "hood") -> dict[str, CellNote]:
    """Return notes in which the first so many pictures of each column are ticked."""
    return {
        cell.place.name: CellNote(1, cell.place.name, ticks={item: cell.place.seed < counts[cell.place.x]})
        for cell in made.cells
    }


def lines(journal: Journal, bakes: Sequence[int], counts: Sequence[int], epochs: int = 1) -> tuple[str, ...]:
    made = grid_of(journal, bakes, epochs)
    return GridRates(journal, made).lines(ticked(made, counts), "hood")


def saved(journal: Journal, **settings: object) -> int:
    return add_bake(journal, losses={EPOCH: 0.1, 2 * EPOCH: 0.05}, **settings)


def test_two_bakes_without_a_twin_are_compared_without_a_claim(journal: Journal) -> None:
    bakes = saved(journal, seed=1), saved(journal, seed=1, network_dim=3)
    assert lines(journal, bakes, (9, 2)) == (
        "bake 1 at epoch 1 against bake 2 at epoch 1: 9/10 → 2/10,"
        " noise not known: make a twin (1 bake × 10 pictures on each side)",
    )


def test_twins_in_the_grid_are_the_noise_of_all_its_comparisons(journal: Journal) -> None:
    twins = [saved(journal, seed=seed) for seed in (4, 5, 6)]
    other = saved(journal, seed=4, network_dim=3)
    alone, near = lines(journal, (*twins, other), (8, 2, 5, 4))
    assert alone == (
        "bakes 1, 2, 3 at epoch 1 are twins: 8/10, 2/10, 5/10 of the pictures of each, 20% to 80%"
        " (3 bakes × 10 pictures)"
    )
    assert near == (
        "bakes 1, 2, 3 at epoch 1 against bake 4 at epoch 1: 15/30 → 4/10, inside the noise"
        " (3 bakes × 10 pictures against 1 bake × 10 pictures)"
    )
    far = lines(journal, (*twins, other), (9, 10, 9, 0))[1]
    assert "28/30 → 0/10, " in far and " times outside the noise (3 bakes" in far


def test_twins_that_agree_are_still_no_surer_than_their_few_pictures(journal: Journal) -> None:
    twins = [saved(journal, seed=seed) for seed in (4, 5, 6)]
    other = saved(journal, seed=4, data=OTHER_DATA)
    assert "15/30 → 3/10, inside the noise" in lines(journal, (*twins, other), (5, 5, 5, 3))[1]


def test_epochs_of_one_bake_are_no_comparison_of_bakes(journal: Journal) -> None:
    assert lines(journal, [saved(journal)], (1, 9), epochs=2) == ()
    first, second = saved(journal, network_dim=2), saved(journal, network_dim=3)
    found = lines(journal, (first, second), (1, 9, 5, 5), epochs=2)
    assert [line.split(":")[0] for line in found] == [
        "bake 2 at epoch 1 against bake 3 at epoch 1",
        "bake 2 at epoch 2 against bake 3 at epoch 2",
    ]


def test_bakes_without_an_epoch_in_common_are_compared_at_their_last(journal: Journal) -> None:
    made = grid_of(journal, (saved(journal, network_dim=2), saved(journal, network_dim=3)), epochs=2)
    notes = ticked(made, (1, 9, 5, 5))
    kept = {name: note for name, note in notes.items() if not name.startswith(("x2-", "x3-"))}
    (line,) = GridRates(journal, made).lines(kept, "hood")
    assert line.startswith("bake 1 at epoch 1 against bake 2 at epoch 2: 1/10 → 5/10, ")


def test_files_from_elsewhere_are_no_bakes(journal: Journal, tmp_path: Path) -> None:
    made = made_grid(tmp_path / "grids" / "0002-g", shape=(2, 1, 1, SEEDS))
    assert GridRates(journal, made).lines(ticked(made, (1, 9)), "hood") == ()
    strange = ("bakes/x.safetensors", "bakes/0007-gone/x.safetensors", f"bakes/{'9' * 99}-x/x.safetensors")
    for file in strange:
        cells = tuple(
            replace(cell, recipe=replace(cell.recipe, loras=(LoraUse(tmp_path / file),))) for cell in made.cells
        )
        assert GridRates(journal, replace(made, cells=cells)).lines(ticked(made, (1, 9)), "hood") == ()


def test_the_report_has_them_below_the_rates_of_the_axes(journal: Journal) -> None:
    made = grid_of(journal, (saved(journal, network_dim=2), saved(journal, network_dim=3)))
    notes = ticked(made, (9, 2))
    rates = GridRates(journal, made)
    (section, *_) = report(made, notes, (), lambda item: rates.lines(notes, item))
    assert section.title == "hood"
    assert section.lines[0].startswith("by Epoch   1: 9/10 (60–98 %)   2: 2/10 ")
    assert section.lines[-1].startswith("bake 1 at epoch 1 against bake 2 at epoch 1: 9/10 → 2/10, noise not known")
