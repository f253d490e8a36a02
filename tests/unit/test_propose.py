"""How a judgement becomes held drafts in the queue, and how those are changed."""

from pathlib import Path

import pytest
from made_grid import made_grid

from trainer.demo.workspace import make_demo
from trainer.errors import GridError, SettingsError, WorkspaceError
from trainer.jobs import check, queue_bake
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, CellNote
from trainer.propose import change_draft, propose
from trainer.settings.toml_file import load_settings, parse_settings
from trainer.workspace import Workspace


@pytest.fixture
def demo(tmp_path: Path) -> Workspace:
    return make_demo(tmp_path / "demo")


@pytest.fixture
def judged(demo: Workspace) -> Bake:
    """Return a bake of the demo that is done: six epochs of forty steps."""
    path = demo.root / "hifumi.toml"
    with Journal(demo.journal_path) as journal:
        bake = queue_bake(journal, demo, check(load_settings(path), path), why="first", engine="")
        journal.set_state(bake.number, BakeState.DONE)
    return bake


def over(made_folder: Path) -> dict[str, CellNote]:
    made = made_grid(made_folder, shape=(3, 1, 1, 2))
    return {cell.place.name: CellNote(1, cell.place.name, text_encoder="over") for cell in made.cells}


def test_verdicts_become_held_drafts_with_their_reason(demo: Workspace, judged: Bake, tmp_path: Path) -> None:
    notes = over(tmp_path / "grid")
    with Journal(demo.journal_path) as journal:
        leans, drafts = propose(journal, demo, made_grid(tmp_path / "grid"), notes, judged.number, engine="ours")
        waiting = journal.queue()
    assert [lean.lean for lean in leans] == ["unknown", "over"]
    # No state is kept, so there is nothing to fork from.
    assert [draft.number for draft in drafts] == [bake.number for bake in waiting]
    assert all(bake.held and bake.parent == judged.number and bake.engine == "ours" for bake in waiting)
    rate, stop = (parse_settings(bake.settings_toml, "") for bake in waiting)
    assert (rate.text_encoder_lr, rate.text_encoder_stop) == (5e-4, "")
    assert (stop.text_encoder_lr, stop.text_encoder_stop) == (1e-3, "3ep")
    assert waiting[0].why == "text encoder over: text_encoder_lr=5e-4"


def test_verdicts_that_point_nowhere_queue_nothing(demo: Workspace, judged: Bake, tmp_path: Path) -> None:
    with Journal(demo.journal_path) as journal:
        with pytest.raises(GridError, match="no part was called under or over"):
            propose(journal, demo, made_grid(tmp_path / "grid"), {}, judged.number)
        assert journal.queue() == []


def test_a_draft_takes_another_setting_and_its_plan_follows(demo: Workspace, judged: Bake, tmp_path: Path) -> None:
    with Journal(demo.journal_path) as journal:
        _, drafts = propose(
            journal, demo, made_grid(tmp_path / "grid"), over(tmp_path / "grid"), judged.number, engine="ours"
        )
        changed = change_draft(journal, demo, drafts[0].number, ("max_train_epochs=2",))
    assert (drafts[0].total_steps, changed.total_steps) == (240, 80)
    settings = parse_settings(changed.settings_toml, "")
    assert (settings.max_train_epochs, settings.text_encoder_lr) == (2, 5e-4)
    assert changed.held


def test_a_wrong_change_leaves_the_draft_as_it_was(demo: Workspace, judged: Bake, tmp_path: Path) -> None:
    with Journal(demo.journal_path) as journal:
        _, drafts = propose(journal, demo, made_grid(tmp_path / "grid"), over(tmp_path / "grid"), judged.number)
        with pytest.raises(SettingsError, match="unet_lr"):
            change_draft(journal, demo, drafts[0].number, ("unet_lr=much",))
        assert journal.bake(drafts[0].number) == drafts[0]


def test_a_bake_that_does_not_wait_cannot_be_changed(demo: Workspace, judged: Bake) -> None:
    with Journal(demo.journal_path) as journal, pytest.raises(WorkspaceError, match="expected one that waits"):
        change_draft(journal, demo, judged.number, ("seed=3",))
