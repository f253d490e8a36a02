"""A grid by keys alone on a real terminal: made between two steps of a bake, judged, cut and gone on with."""

from pathlib import Path

import pytest
from pseudo_terminal import Terminal
from run_engine import small_demo

from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.settings.toml_file import load_settings, save_settings
from trainer.workspace import Workspace


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    """A demo whose epochs are eight steps, far more of them than a test waits for."""
    workspace = small_demo(tmp_path / "demo")
    (workspace.root / "data" / "10_hifumi_chan").rename(workspace.root / "data" / "2_hifumi_chan")
    path = workspace.root / "hifumi.toml"
    save_settings(load_settings(path).model_copy(update={"max_train_epochs": 60, "validation_data_dir": ""}), path)
    return workspace


def _bake_an_epoch(terminal: Terminal) -> None:
    terminal.wait_for("b bake", "steps ×")
    terminal.press("b")
    terminal.wait_for("note for this bake")
    terminal.press("enter")
    terminal.wait_for("● baking", seconds=90)
    terminal.wait_for("hifumi-000001", seconds=60)


def test_a_grid_in_the_middle_of_a_bake_is_made_and_judged(open_terminal, demo: Workspace) -> None:
    terminal = open_terminal(columns=120, lines=36, folder=demo.root)
    _bake_an_epoch(terminal)
    terminal.press("g")
    terminal.wait_for("4 pictures · duration", "b make")
    terminal.press("b")
    terminal.wait_for("Make the grid?", "between two steps of bake")
    terminal.press("i")
    # Its first picture, the sheet and what the keys do there.
    terminal.wait_for("─ grid 0001", "space favourite", seconds=60)
    terminal.wait_for("✓", seconds=90)
    terminal.press("T", "3")
    terminal.wait_for("text encoder over")
    terminal.press("J")
    terminal.wait_for("Results of hifumi", "encoder over 1")
    terminal.press("escape")
    terminal.wait_for("esc back")
    terminal.press("escape")
    terminal.wait_for("● baking")
    with Journal(demo.journal_path) as journal:
        grid = journal.grids.read(1)
        assert (grid.state, grid.bake, grid.done) == (GridState.DONE, 1, grid.total)
        assert [note.text_encoder for note in journal.grids.cell_notes(1)] == ["over"]
        assert journal.bakes.read(1).state is BakeState.BAKING
    assert len(list((demo.root / grid.folder).glob("x*.png"))) == grid.total
