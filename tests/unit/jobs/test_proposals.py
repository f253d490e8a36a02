"""How a judgement becomes held drafts in the queue, and how those are changed."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_grid import made_grid

from trainer.demo.workspace import make_demo
from trainer.errors import GridError, SettingsError, WorkspaceError
from trainer.gallery.sidecar import MadeCell, MadeGrid
from trainer.grid.recipe import LoraUse
from trainer.jobs.bakes import check, queue_bake
from trainer.jobs.proposals import change_held_bake, queue_proposals
from trainer.journal.grid_records import CellNote
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Checkpoint
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
        journal.bakes.set_state(bake.number, BakeState.DONE)
    return bake


@pytest.fixture
def made(demo: Workspace, judged: Bake, tmp_path: Path) -> MadeGrid:
    """Return a grid over three epochs of the judged bake."""
    made = made_grid(tmp_path / "grid", shape=(3, 1, 1, 2))
    folder = demo.root / judged.folder

    def of_bake(cell: MadeCell) -> MadeCell:
        lora = LoraUse(folder / f"hifumi-{cell.place.x + 1:06d}.safetensors")
        return replace(cell, recipe=replace(cell.recipe, loras=(lora,)))

    with Journal(demo.journal_path) as journal:
        for epoch in (1, 2, 3):
            saved = Checkpoint(epoch, 40 * epoch, f"hifumi-{epoch:06d}.safetensors", 1, None, None, None, None, 0.0)
            journal.results.add_checkpoint(judged.number, saved)
    return replace(made, cells=tuple(map(of_bake, made.cells)))


def over(made: MadeGrid, *, epochs: tuple[str, ...] = ("1", "2", "3")) -> dict[str, CellNote]:
    names = [cell.place.name for cell in made.cells if cell.epoch in epochs]
    return {name: CellNote(1, name, text_encoder="over") for name in names}


def test_verdicts_become_held_drafts_with_their_reason(demo: Workspace, judged: Bake, made: MadeGrid) -> None:
    with Journal(demo.journal_path) as journal:
        proposed = queue_proposals(journal, demo, made, over(made), engine="ours")
        waiting = journal.queue.waiting()
    assert (proposed.bake, [lean.lean for lean in proposed.directions]) == (judged.number, ["unknown", "over"])
    # No state is kept, so there is nothing to fork from.
    assert [draft.number for draft in proposed.held_bakes] == [bake.number for bake in waiting]
    assert all(bake.held and bake.parent == judged.number and bake.engine == "ours" for bake in waiting)
    rate, stop = (parse_settings(bake.settings_toml, "") for bake in waiting)
    assert (rate.text_encoder_lr, rate.text_encoder_stop) == (5e-4, "")
    # Half of the six epochs.
    assert (stop.text_encoder_lr, stop.text_encoder_stop) == (1e-3, "3ep")
    assert waiting[0].why == "text encoder over: text_encoder_lr=5e-4"


def test_verdicts_on_one_epoch_are_about_that_one(demo: Workspace, made: MadeGrid) -> None:
    with Journal(demo.journal_path) as journal:
        _, stop = queue_proposals(journal, demo, made, over(made, epochs=("2",))).held_bakes
    assert parse_settings(stop.settings_toml, "").text_encoder_stop == "1ep"


def test_verdicts_that_point_nowhere_queue_nothing(demo: Workspace, made: MadeGrid) -> None:
    with Journal(demo.journal_path) as journal:
        with pytest.raises(GridError, match="no part was rated under or over"):
            queue_proposals(journal, demo, made, {})
        assert journal.queue.waiting() == []


def test_pictures_of_no_bake_propose_nothing(demo: Workspace, tmp_path: Path) -> None:
    strange = made_grid(tmp_path / "strange", shape=(3, 1, 1, 2))
    with Journal(demo.journal_path) as journal, pytest.raises(GridError, match="no rated picture is from a bake"):
        queue_proposals(journal, demo, strange, over(strange))


def test_a_draft_takes_another_setting_and_its_plan_follows(demo: Workspace, made: MadeGrid) -> None:
    with Journal(demo.journal_path) as journal:
        draft = queue_proposals(journal, demo, made, over(made)).held_bakes[0]
        changed = change_held_bake(journal, demo, draft.number, ("max_train_epochs=2",))
    assert (draft.total_steps, changed.total_steps) == (240, 80)
    settings = parse_settings(changed.settings_toml, "")
    assert (settings.max_train_epochs, settings.text_encoder_lr) == (2, 5e-4)
    assert changed.held
    assert changed.why == "text encoder over: text_encoder_lr=5e-4; then max_train_epochs=2"


def test_a_wrong_change_leaves_the_draft_as_it_was(demo: Workspace, made: MadeGrid) -> None:
    with Journal(demo.journal_path) as journal:
        draft = queue_proposals(journal, demo, made, over(made)).held_bakes[0]
        with pytest.raises(SettingsError, match="unet_lr"):
            change_held_bake(journal, demo, draft.number, ("unet_lr=much",))
        assert journal.bakes.read(draft.number) == draft


def test_a_bake_that_does_not_wait_cannot_be_changed(demo: Workspace, judged: Bake) -> None:
    with Journal(demo.journal_path) as journal, pytest.raises(WorkspaceError, match="expected a waiting bake"):
        change_held_bake(journal, demo, judged.number, ("seed=3",))


def test_a_waiting_bake_like_another_trainer_keeps_what_was_asked_for(demo: Workspace) -> None:
    path = demo.root / "hifumi.toml"
    settings = load_settings(path).model_copy(update={"behave_like": "kohya_ss 2023-02", "max_train_epochs": 3})
    with Journal(demo.journal_path) as journal:
        waits = queue_bake(journal, demo, check(settings, path), why="", engine="")
        # 160 pictures: 40 batches of 4, 20 of 8.
        smaller = change_held_bake(journal, demo, waits.number, ("train_batch_size=8",))
        ours = change_held_bake(journal, demo, waits.number, ("behave_like=",))
    assert (waits.total_steps, smaller.total_steps, ours.total_steps) == (120, 60, 60)
    kept = parse_settings(ours.settings_toml, "")
    assert (kept.max_train_epochs, kept.lr_scheduler_num_cycles) == (3, settings.lr_scheduler_num_cycles)
    assert kept.lr_warmup_steps == settings.lr_warmup_steps
