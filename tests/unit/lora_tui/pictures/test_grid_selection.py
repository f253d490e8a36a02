"""The grid that is shown, the picture under the cursor, and what was judged of it; without a screen."""

from dataclasses import replace
from pathlib import Path

import pytest
from grid_viewer import view_of
from made_grid import made_grid

from lora_tui.pictures.grid_model import GridView
from lora_tui.pictures.grid_selection import GridSelection
from trainer.grid.cell import Place
from trainer.journal.grid_records import CellNote


class Viewer:
    """A cursor, and a list of what was written."""

    def __init__(self, view: GridView, *, may_write: bool = True) -> None:
        self.cursor = Place(0, 0, 0, 0)
        self.written: list[CellNote] = []
        self.redrawn = 0
        self.may_write = may_write
        self.selection = GridSelection(lambda: self.cursor, self.write, lambda: 5.0)
        self.selection.open_grid(view.grid.number)
        self.selection.replace_view(view)
        self.selection.watch(self.redraw)

    def write(self, note: CellNote) -> bool:
        if self.may_write:
            self.written.append(note)
        return self.may_write

    def redraw(self) -> None:
        self.redrawn += 1


@pytest.fixture
def view(tmp_path: Path) -> GridView:
    return view_of(made_grid(tmp_path / "0007-look", (3, 2, 1, 2)))


def test_a_verdict_on_a_part_holds_for_the_next_verdict_alone(view: GridView) -> None:
    viewer = Viewer(view)
    viewer.selection.name_part("unet")
    viewer.selection.give_verdict("over")
    viewer.selection.give_verdict("right")
    note = viewer.selection.note
    assert note is not None and (note.unet, note.whole, note.seconds) == ("over", "right", 5.0)
    assert viewer.written[-1] == note
    assert viewer.redrawn == 2


def test_another_key_than_a_verdict_forgets_the_part(view: GridView) -> None:
    selection = Viewer(view).selection
    selection.name_part("unet")
    selection.forget_part("3")
    assert selection.part == "unet"
    selection.forget_part("right")
    assert selection.part == ""


def test_what_may_not_be_written_is_not_kept(view: GridView) -> None:
    viewer = Viewer(view, may_write=False)
    viewer.selection.toggle_favourite()
    assert viewer.selection.notes == {} and viewer.redrawn == 0


def test_a_note_newer_than_what_was_read_stays(view: GridView) -> None:
    viewer = Viewer(view)
    viewer.selection.toggle_favourite()
    name = Place(0, 0, 0, 0).name
    viewer.selection.replace_view(replace(view, notes={name: CellNote(7, name, seconds=4.0)}))
    assert viewer.selection.notes[name].favourite
    viewer.selection.replace_view(replace(view, notes={name: CellNote(7, name, seconds=6.0)}))
    assert not viewer.selection.notes[name].favourite


def test_a_view_of_a_grid_that_is_no_longer_open_changes_nothing(view: GridView) -> None:
    viewer = Viewer(view)
    viewer.selection.open_grid(8)
    viewer.selection.replace_view(view)
    assert viewer.selection.view is None and viewer.selection.cell is None


def test_the_sheet_is_another_one_after_each_change_but_the_cursors(view: GridView) -> None:
    viewer = Viewer(view)
    before = viewer.selection.sheet
    viewer.cursor = Place(1, 0, 0, 0)
    viewer.selection.cursor_moved()
    assert viewer.selection.sheet is before
    viewer.selection.toggle_mark()
    assert viewer.selection.sheet is not before
    assert viewer.selection.marked_cell is viewer.selection.cell


def test_blind_mode_sends_the_cursor_to_the_first_place_and_back_to_the_picture(view: GridView) -> None:
    viewer = Viewer(view)
    viewer.cursor = Place(2, 1, 0, 1)
    assert viewer.selection.toggle_blind() == Place(0, 0, 0, 0)
    viewer.cursor = Place(0, 0, 0, 0)
    shown = viewer.selection.cell
    assert shown is not None
    assert viewer.selection.toggle_blind() == shown.place
