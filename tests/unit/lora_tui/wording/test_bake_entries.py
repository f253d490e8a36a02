"""The list of bakes as text: columns by width, orders, the tree."""

import pytest

from lora_tui.wording.bake_entries import COLUMNS, changed_text, columns_for
from lora_tui.wording.bake_orders import ORDERS
from lora_tui.wording.list_columns import GAP
from lora_tui.workers.bake_listing import as_tree
from trainer.history.records import BakeEntry
from trainer.journal.records import BakeState


def entry(number: int, **values: object) -> BakeEntry:
    fields = {"name": "x", "folder": "bakes/x", "state": BakeState.DONE, "created": 0.0, "fault": "", **values}
    return BakeEntry(number=number, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [*range(1, 260, 7)])
def test_columns_never_take_more_than_there_is(width: int) -> None:
    shown = columns_for(width)
    assert sum(cells for _, cells in shown) + GAP * max(0, len(shown) - 1) <= max(width, 0)
    assert [column for column, _ in shown] == [column for column in COLUMNS if column in dict(shown)]
    assert all(column.least <= cells <= column.most for column, cells in shown)


def test_what_changed_is_shown_before_figures_are_and_everything_in_120_columns() -> None:
    assert {column.key for column, _ in columns_for(45)} == {"number", "name", "changed"}
    assert [column.key for column, _ in columns_for(115)] == [column.key for column in COLUMNS]


def test_a_bake_of_which_nothing_is_known_says_so_and_one_without_changes_why_it_was_made() -> None:
    assert changed_text(entry(1, fault="its settings were not read yet")) == "its settings were not read yet"
    assert changed_text(entry(1, why="again\x1b[2J", settings={}, settings_before={})) == "again\\x1b[2J"


@pytest.mark.parametrize("key", list(ORDERS))
def test_an_order_puts_what_is_not_known_last(key: str) -> None:
    known = entry(1, val=0.2, loss=0.1, verdict="right", steps=5, seconds=3.0, peak=7)
    unknown = entry(2, val=float("nan"))
    ordered = sorted([unknown, known], key=ORDERS[key].sort_key)
    assert [each.number for each in ordered] == ([2, 1] if key in ("newest", "name") else [1, 2])


def test_a_tree_has_every_bake_once_also_where_two_are_each_other_s_parent() -> None:
    entries = [
        entry(1),
        entry(2, parent=1),
        entry(3, parent=9),
        entry(4, parent=5),
        entry(5, parent=4),
        entry(6, parent=2),
    ]
    ordered, depths = as_tree(entries)
    assert sorted(each.number for each in ordered) == [1, 2, 3, 4, 5, 6]
    assert [each.number for each in ordered][:3] == [1, 2, 6]
    assert (depths[1], depths[2], depths[6]) == (0, 1, 2)
