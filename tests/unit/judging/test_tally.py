"""Rates of what is ticked."""

from pathlib import Path

from made_grid import made_grid

from trainer.journal.grid_records import CellNote
from trainer.judging.tally import axes_of, items_ticked, rates, trend


def test_ticks_are_counted_for_each_value_of_an_axis(tmp_path: Path) -> None:
    made = made_grid(tmp_path, shape=(3, 2, 1, 2))
    notes = {
        cell.place.name: CellNote(1, cell.place.name, ticks={"straps": cell.place.x < 2 and cell.place.seed == 0})
        for cell in made.cells
    }
    of_x = rates(made, notes, "straps", "x")
    assert [(rate.label, rate.yes, rate.seen) for rate in of_x] == [
        (label, yes, 4) for label, yes in zip(made.x.labels, (2, 2, 0), strict=True)
    ]
    assert [(rate.yes, rate.seen) for rate in rates(made, notes, "straps", "seed")] == [(4, 6), (0, 6)]


def test_pictures_nobody_looked_at_are_not_counted(tmp_path: Path) -> None:
    made = made_grid(tmp_path, shape=(2, 1, 1, 2))
    notes = {"x1-y1-z1-s1": CellNote(1, "x1-y1-z1-s1", ticks={"halo": True})}
    first, second = rates(made, notes, "halo", "x")
    assert (first.yes, first.seen, second.seen) == (1, 1, 0)
    assert first.text == "1/1 (21–100 %)"
    assert trend((first, second)) == ""


def test_a_change_says_when_it_may_be_chance(tmp_path: Path) -> None:
    made = made_grid(tmp_path, shape=(2, 1, 1, 36))
    few = {"x1": 14, "x2": 3}
    notes = {}
    for cell in made.cells:
        name = cell.place.name
        notes[name] = CellNote(1, name, ticks={"straps": cell.place.seed < few[name[:2]]})
    assert trend(rates(made, notes, "straps", "x")) == "14/36 → 3/36"
    notes = {name: CellNote(1, name, ticks={"straps": int(name.rsplit("s", 1)[1]) <= 14}) for name in notes}
    assert trend(rates(made, notes, "straps", "x")) == "14/36 → 14/36 (may be chance)"


def test_items_come_in_the_checklists_order_and_old_ones_behind() -> None:
    notes = [CellNote(1, "a", ticks={"gone": True, "halo": False}), CellNote(1, "b", ticks={"straps": True})]
    assert items_ticked(notes, ("straps", "halo", "bow")) == ("straps", "halo", "gone")


def test_an_axis_without_values_to_compare_is_left_out(tmp_path: Path) -> None:
    assert [name for name, _ in axes_of(made_grid(tmp_path, shape=(3, 1, 1, 2)))] == ["x", "seed"]
