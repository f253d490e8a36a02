"""How grids come back where the journal was lost."""

from pathlib import Path

import pytest
from made_grid import made_grid

from trainer.gallery.judged_file import write_judged
from trainer.journal.grid_records import CellNote, GridState
from trainer.journal.journal import Journal
from trainer.recovery.grids import recover_grids
from trainer.workspace import Workspace, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


def test_a_grid_comes_back_with_its_pictures_and_what_was_judged(workspace: Workspace) -> None:
    folder = workspace.grids / "0007-halo"
    made = made_grid(folder)
    note = CellNote(3, "x1-y1-z1-s1", favourite=True, whole="right", ticks={"halo": True}, seconds=5.0)
    write_judged([note], folder)
    (found,) = recover_grids(workspace, workspace.journal_path)
    with Journal(workspace.journal_path) as journal:
        grid = journal.grids.read(7)
        assert found.grid == grid
        assert (grid.name, grid.folder, grid.state) == ("halo", "grids/0007-halo", GridState.DONE)
        assert grid.done == grid.total == len(made.cells)
        assert journal.grids.picture(made.cells[0].fingerprint) == f"grids/0007-halo/{made.cells[0].file}"
        assert journal.grids.cell_notes(7) == [
            CellNote(7, "x1-y1-z1-s1", favourite=True, whole="right", ticks={"halo": True}, seconds=5.0)
        ]


def test_a_grid_that_lacks_pictures_comes_back_as_cut(workspace: Workspace) -> None:
    made_grid(workspace.grids / "0002-cut", missing=3)
    (found,) = recover_grids(workspace, workspace.journal_path)
    assert found.grid is not None
    assert (found.grid.state, found.grid.total - found.grid.done) == (GridState.CUT, 3)


def test_folders_without_information_are_named_and_left_out(workspace: Workspace) -> None:
    (workspace.grids / "0001-empty").mkdir(parents=True)
    (workspace.grids / "mine").mkdir()
    broken = workspace.grids / "0003-broken"
    broken.mkdir()
    (broken / "grid.json").write_text('{"spec": 3}')
    found = recover_grids(workspace, workspace.journal_path)
    assert [(each.folder, each.grid) for each in found] == [("0001-empty", None), ("0003-broken", None), ("mine", None)]
    assert "is damaged" in found[1].note


def test_damaged_notes_are_named_and_cost_nothing_else(workspace: Workspace) -> None:
    made_grid(workspace.grids / "0001-halo")
    (workspace.grids / "0001-halo" / "judged.json").write_text("[{]")
    (found,) = recover_grids(workspace, workspace.journal_path)
    assert found.grid is not None and found.grid.state is GridState.DONE
    assert found.note == "judged.json is damaged (not valid JSON): no verdicts"
