"""Keys of a user's own on the screens: they do what the others did, and help, key lines, dialogs and messages name them."""

import pytest
from textual.widgets import Input, TextArea

from lora_tui.app import LoraApp
from lora_tui.keys.own_keys import check_own_keys
from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.plan import PlanDialog
from lora_tui.screens.queue import QueueDialog
from lora_tui.user_config import UserConfig
from lora_tui.widgets.log_pane import LogPane
from trainer.errors import SettingsError
from trainer.journal.records import Order


@pytest.fixture
def with_keys(runner):
    """Return a function that gives the app of the runner keys of its user's own."""

    def set_keys(*problems: SettingsError, **keys: str) -> None:
        table, wrong = check_own_keys(
            {name.replace("__", "-").replace("_", "."): key for name, key in keys.items()}, str
        )
        assert wrong == []
        config = UserConfig(keys=table, problems=problems)
        runner.app = LoraApp(runner.workspace, runner.engine, runner.sampler, clock=lambda: 1.7e9, config=config)

    return set_keys


def toasts(app: LoraApp) -> list[str]:
    return [note.message for note in app._notifications]


async def test_an_own_key_does_what_the_other_did_and_the_other_nothing(runner, until, with_keys) -> None:
    with_keys(bake_pause="p", plan_open="space", bake_save="")
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        # Without a plan its key opens nothing.
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("s", "p")
        await until(pilot, runner.orders)
        await pilot.press("space")
        await until(pilot, lambda: isinstance(runner.app.screen, PlanDialog))
    assert runner.orders() == [Order.PAUSE]


async def test_help_key_lines_and_dialogs_show_the_own_keys(runner, until, seen, with_keys) -> None:
    with_keys(bake_start="f5", queue_open="ctrl+o", dialog_cancel="f6", bake_report="")
    async with runner.run((120, 50)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await until(pilot, lambda: "f5 bake" in seen(runner.app).splitlines()[-1])
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(runner.app.screen, HelpScreen))
        lines = seen(runner.app).splitlines()
        assert any("^o" in line and "queue: expected start" in line for line in lines), lines
        assert not any("one HTML page" in line for line in lines)
        await pilot.press("escape", "f5")
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        assert "f6: cancel" in seen(runner.app)
        await pilot.press("f6", "ctrl+o")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))


async def test_a_message_names_the_own_key(runner, until, with_keys) -> None:
    with_keys(subject_new="f2", settings_open="f3")
    for path in runner.workspace.settings_files():
        path.unlink()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is None and runner.engine.started)
        await pilot.press("p")
        await until(
            pilot, lambda: any("press f2 to create a subject, f3 to open a file" in text for text in toasts(runner.app))
        )


@pytest.mark.parametrize("key", ["escape", "x"])
async def test_a_screen_can_always_be_left_by_escape(runner, until, with_keys, key) -> None:
    with_keys(journal_close="x", journal_delete="f9", dialog_cancel="")
    runner.add_bake()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen))
        await pilot.press(key)
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)


async def test_quitting_cannot_be_unbound(runner, until, with_keys) -> None:
    with_keys(app_quit="", confirm_accept="", confirm_next="")
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)


async def test_what_is_typed_stays_text_whatever_keys_are_set(runner, until, with_keys) -> None:
    with_keys(bake_pause="p", plan_open="space")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("slash", *"unet q p j k")
        await until(pilot, lambda: isinstance(runner.app.focused, Input) and runner.app.focused.value == "unet q p j k")


async def test_what_is_wrong_in_the_file_is_a_toast_and_a_line_of_the_log(runner, until, seen, with_keys) -> None:
    wrong = SettingsError("config.toml line 4: [b]bake.puase", found="no such action", expected="one of bake.pause")
    with_keys(wrong, bake_start="f5")
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: any("[b]bake.puase: no such action" in text for text in toasts(runner.app)))
        lines = [line.text for line in runner.app.query_one(LogPane)._lines]
        assert any("config.toml: left out: config.toml line 4: [b]bake.puase" in line for line in lines)
        await until(pilot, lambda: "f5 bake" in seen(runner.app).splitlines()[-1])


async def test_in_the_form_arrows_move_and_j_opens_the_journal(runner, until) -> None:
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("1")
        form = runner.app.bake_screen.form
        await until(pilot, lambda: form.focused_info is not None)
        first = form.focused_info.name
        await pilot.press("down")
        await until(pilot, lambda: form.focused_info.name != first)
        await pilot.press("up")
        await until(pilot, lambda: form.focused_info.name == first)
        await pilot.press("j")
        await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen))


async def test_ctrl_z_takes_back_what_was_typed_into_notes(runner, until) -> None:
    runner.add_bake()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen) and runner.app.screen.entry is not None)
        await pilot.press("n")
        await until(pilot, lambda: isinstance(runner.app.focused, TextArea))
        text = runner.app.focused
        await pilot.press(*"ears")
        await until(pilot, lambda: text.text == "ears")
        await pilot.press("ctrl+z")
        await until(pilot, lambda: text.text == "")
