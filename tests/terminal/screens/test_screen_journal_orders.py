"""The Journal screen: what is written about a bake, queued from it and deleted, and what is refused."""

import time
from pathlib import Path

import pytest
from bursts import type_at_once
from ended_bakes import made_bake
from journal_alone import NARROW, WIDE, JournalAlone, listed, messages, opened, three
from lora_on_disk import write_lora
from textual.widgets import Input, TextArea

from lora_tui.actions import journal as journal_actions
from lora_tui.keys.keymap import ACTIONS
from lora_tui.ports import Rights
from lora_tui.screens.bake_diff import BakeDiffDialog
from lora_tui.screens.bake_notes import NotesDialog, TagsDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.pick import PickDialog
from trainer.history.imports import find_loras, import_loras
from trainer.journal.measure_records import BakeNote
from trainer.journal.records import BakeState


@pytest.fixture
def alone(runner) -> JournalAlone:
    return JournalAlone(runner.workspace, runner.engine, runner.journal)


def note_of(runner, number: int) -> BakeNote:
    with runner.journal() as journal:
        return journal.notes.of(number)


def state_of(alone: JournalAlone, number: int) -> BakeState:
    with alone.journal() as journal:
        return journal.bakes.read(number).state


@pytest.mark.parametrize("key", ["r", "B", "t"])
async def test_what_a_lora_from_elsewhere_cannot_do_is_said_with_the_way_to_bake_it_here(
    alone, until, seen, tmp_path_factory, key: str
) -> None:
    lora = write_lora(tmp_path_factory.mktemp("elsewhere") / "cat.safetensors")
    with alone.journal() as journal:
        import_loras(journal, alone.workspace, find_loras([lora]))
    async with alone.run(NARROW) as pilot:
        await opened(alone, pilot, until)
        await pilot.press(key, *(["enter", "enter"] if key == "t" else []))
        told = messages if key != "t" else seen
        await until(pilot, lambda: "comes from elsewhere" in told(alone.app) and "`lora-tui import`" in told(alone.app))


async def test_a_note_is_in_the_journal_as_it_is_typed(alone, until, seen) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("home", "n")
        await until(pilot, lambda: isinstance(alone.app.screen, NotesDialog))
        await pilot.press(*"# ears", "enter", *"[b]soft")
        # Nobody has closed it yet.
        await until(pilot, lambda: note_of(alone, 3).text == "# ears\n[b]soft")
        await pilot.press("escape")
        await until(pilot, lambda: alone.app.screen is screen)
        await until(pilot, lambda: "[b]soft" in seen(alone.app))


async def test_a_note_is_kept_when_the_terminal_is_lost_in_the_middle_of_it(runner, until, monkeypatch) -> None:
    three(runner)
    write = journal_actions.keep_text

    def write_slowly(*arguments):
        time.sleep(0.3)
        return write(*arguments)

    # As where another program is writing.
    monkeypatch.setattr(journal_actions, "keep_text", write_slowly)
    async with runner.run(NARROW) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("home", "n")
        await until(pilot, lambda: isinstance(runner.app.screen, NotesDialog))
        type_at_once(runner.app, "half a sent")
        await until(pilot, lambda: runner.app.screen.query_one(TextArea).text == "half a sent")
        runner.app.lose_terminal()
    assert note_of(runner, 3).text == "half a sent"


async def test_codes_in_a_note_are_shown_as_text_and_kept_until_it_is_edited(alone, until, seen) -> None:
    three(alone)
    with alone.journal() as journal:
        journal.notes.keep(BakeNote(bake=3, text="a\x1b[2J[red]b"))
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("home")
        await until(pilot, lambda: "a\\x1b[2J[red]b" in seen(alone.app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(alone.app.screen, NotesDialog))
        await pilot.press("escape")
        await until(pilot, lambda: alone.app.screen is screen)
    assert note_of(alone, 3).text == "a\x1b[2J[red]b"


async def test_tags_are_given_in_a_line_and_a_wrong_one_is_named_in_it(alone, until, seen) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("home", "number_sign")
        await until(pilot, lambda: isinstance(alone.app.screen, TagsDialog))
        await pilot.press(*"te -no", "enter")
        await until(pilot, lambda: "expected one word" in seen(alone.app))
        await pilot.press(*(("backspace",) * 3), *"#final", "enter")
        await until(pilot, lambda: list(note_of(alone, 3).tags) == ["te", "final"])
        await until(pilot, lambda: screen.entry.tags == ("te", "final"))
        await pilot.press("down", "number_sign")
        await until(
            pilot, lambda: isinstance(alone.app.screen, TagsDialog) and "used elsewhere: final, te" in seen(alone.app)
        )
        assert alone.app.screen.query_one(Input).value == ""


async def test_the_best_epoch_is_the_user_s_choice(alone, until) -> None:
    three(alone)
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("end", "e")
        await until(pilot, lambda: isinstance(alone.app.screen, PickDialog))
        # The newest epoch stands first.
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: note_of(alone, 1).best_step == 80)
        await until(pilot, lambda: screen.entry.best is not None and screen.entry.best.epoch == 2)


async def test_a_re_bake_puts_the_settings_into_the_form_and_names_its_parent(runner, until) -> None:
    three(runner)
    async with runner.run(NARROW) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        editor = runner.app.bake_screen.editor
        editor.typed("seed", "55")
        await opened(runner, pilot, until)
        await pilot.press("home", "down", "b")
        # What is not saved is asked about first.
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        assert editor.draft.now.seed == 55
        await pilot.press("d")
        await until(pilot, lambda: editor.draft.now.unet_lr == 6e-3)
        # Paths that the subject fills in stay blank in its file.
        assert editor.draft.unsaved == {"unet_lr"} and editor.draft.path.name == "hifumi.toml"
        await until(pilot, lambda: editor.view is not None)
        await pilot.press("b")
        await until(pilot, lambda: len(runner.app.screen_stack) == 2)
        await pilot.press("enter")
        await until(pilot, lambda: len(runner.bakes()) == 4)
    assert runner.bakes()[0].parent == 2


async def test_a_bake_that_ended_early_is_resumed_and_one_that_is_done_is_not(alone, until) -> None:
    three(alone)
    made_bake(alone.workspace, {}, epochs=1, state=BakeState.STOPPED)
    async with alone.run(NARROW) as pilot:
        await opened(alone, pilot, until)
        await pilot.press("end", "r")
        await until(pilot, lambda: "0001 is done" in messages(alone.app))
        await pilot.press("home", "r")
        await until(pilot, lambda: state_of(alone, 4) is BakeState.QUEUED)
        # Those who wait for jobs are woken.
        await until(pilot, lambda: alone.engine.wakes)


@pytest.mark.parametrize(
    ("key", "answer", "left"), [("P", "p", ["hifumi-000003"]), ("x", "d", [])], ids=["prune", "delete"]
)
async def test_what_goes_and_what_stays_is_said_before_it_goes(alone, until, seen, key, answer, left) -> None:
    three(alone)
    folder = alone.workspace.root / "bakes" / "0001-hifumi"
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("end", key)
        await until(pilot, lambda: isinstance(alone.app.screen, ConfirmDialog))
        shown = seen(alone.app)
        assert (
            "LoRA files would go" in shown
            and "hifumi-000001.safetensors" in shown
            and "grids stay" in shown.replace("\n", " ")
        )
        await pilot.press("escape")
        await until(pilot, lambda: alone.app.screen is screen)
        assert len(files(folder)) == 3
        await pilot.press(key)
        await until(pilot, lambda: isinstance(alone.app.screen, ConfirmDialog))
        await pilot.press(answer)
        await until(pilot, lambda: files(folder) == left)
        # The bake stays in the list.
        assert 1 in listed(screen)


async def test_a_bake_that_runs_is_not_deleted(alone, runner, until) -> None:
    runner.baking()
    async with alone.run(NARROW) as pilot:
        screen = await opened(alone, pilot, until)
        await pilot.press("x")
        await until(pilot, lambda: "baking" in messages(alone.app))
        assert alone.app.screen is screen


def files(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def acting_keys() -> list[str]:
    """Return the first key of every action of the journal that needs a right."""
    return [each.keys.partition(",")[0] for each in ACTIONS if "journal" in each.scopes and each.right]


async def test_where_nothing_may_be_written_every_key_that_would_says_why(runner, alone, until, seen) -> None:
    three(runner)
    alone.screen.sender.rights = Rights(bake=False, order=False, instead="this workspace cannot be written")
    before = {path: path.stat().st_mtime_ns for path in runner.workspace.root.rglob("*.safetensors")}
    async with alone.run(WIDE) as pilot:
        screen = await opened(alone, pilot, until)
        assert not {"notes", "re-bake"} & set(seen(alone.app).splitlines()[-1].split())
        for key in acting_keys():
            alone.app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: "cannot be written" in messages(alone.app))
            assert alone.app.screen is screen, key
        assert len(acting_keys()) >= 8
        # What only looks works.
        await pilot.press("home", "D")
        await until(pilot, lambda: isinstance(alone.app.screen, BakeDiffDialog))
    assert {path: path.stat().st_mtime_ns for path in runner.workspace.root.rglob("*.safetensors")} == before
