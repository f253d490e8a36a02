"""The dashboard on a workspace that cannot be written: it shows everything, and says why a key does nothing."""

import asyncio

import pytest
from read_only import in_read_only, tree

from lora_tui import dashboard
from lora_tui.actions.order_sender import NO_WRITING
from lora_tui.app import LoraApp
from lora_tui.keys.keymap import ACTIONS
from lora_tui.ports import NoEngine
from lora_tui.screens.bake_diff import BakeDiffDialog
from lora_tui.screens.dataset import DatasetScreen
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.queue import QueueDialog
from trainer.errors import ExitCode
from trainer.journal.journal import READ_ONLY


def messages(app: LoraApp) -> str:
    return " ".join(note.message for note in app._notifications)


def acting(scope: str) -> list[str]:
    """Return the first key of every action of a screen that needs a right."""
    return [each.keys.partition(",")[0] for each in ACTIONS if scope in each.scopes and each.right]


# The cursor is on the first tag of a caption, which cannot go further.
AT_THE_FRONT = ("shift+left", "F")


def test_everything_is_shown_and_a_key_that_would_write_says_why_not(runner, until, seen) -> None:
    runner.baking()
    runner.add_bake(parent=1)
    before = tree(runner.workspace.root)
    said: dict[str, str] = {}

    async def look() -> None:
        rights = dashboard.rights_for(runner.workspace, orders=False)
        app = LoraApp(runner.workspace, NoEngine(), runner.sampler, rights=rights)
        app.bake_screen.feed.interval = 0.05
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: app.bake_screen.bake is not None)
            await until(pilot, lambda: app.bake_screen.editor.view is not None)
            assert app.bake_screen.snapshot.trouble == ""
            assert [saved.epoch for saved in app.bake_screen.snapshot.checkpoints] == [2, 1]
            await until(pilot, lambda: READ_ONLY in seen(app))
            # There is nothing to resume while a bake runs.
            for key in sorted({*acting("bake")} - {"r"}):
                app.clear_notifications()
                await pilot.press(key)
                await until(pilot, lambda: messages(app))
                assert app.screen is app.bake_screen, key
                said[key] = messages(app)
            await pilot.press("d")
            await until(pilot, lambda: isinstance(app.screen, DatasetScreen) and app.screen.picture is not None)
            await until(pilot, lambda: not app.screen.is_looking and app.screen.reader.idle)
            for pane, keys in (
                ("1", acting("dataset") + acting("picture list")),
                ("2", [key for key in acting("caption tags") if key not in AT_THE_FRONT]),
                ("3", acting("tag table")),
            ):
                await pilot.press(pane)
                for key in keys:
                    app.clear_notifications()
                    await pilot.press(key)
                    await until(pilot, lambda: messages(app))
                    assert isinstance(app.screen, DatasetScreen), key
                    said[f"data set {pane} {key}"] = messages(app)
            await pilot.press("1", "escape")
            await until(pilot, lambda: app.screen is app.bake_screen)
            await pilot.press("Q")
            await until(pilot, lambda: isinstance(app.screen, QueueDialog))
            await pilot.press("escape", "J")
            await until(pilot, lambda: isinstance(app.screen, JournalScreen) and app.screen.entry is not None)
            await pilot.press("home")
            await until(pilot, lambda: app.screen.entry.compared_with == 1 and not app.screen.entry.fault)
            await pilot.press("o", "p")
            await until(pilot, lambda: "0001 hifumi  no curve" in seen(app) or "0001 hifumi  0." in seen(app))
            await pilot.press("D")
            await until(pilot, lambda: isinstance(app.screen, BakeDiffDialog))

    in_read_only(runner.workspace.root, lambda: asyncio.run(look()))
    assert said == dict.fromkeys(said, NO_WRITING) and len(said) > 5
    assert tree(runner.workspace.root) == before


def test_a_workspace_that_cannot_be_written_is_opened_by_the_watcher(runner, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def watch(*arguments: object, **options: object) -> ExitCode:
        opened.append((arguments, options))
        return ExitCode.DONE

    monkeypatch.setattr(dashboard, "open_watcher", watch)
    code = in_read_only(runner.workspace.root, lambda: dashboard.open_dashboard(runner.workspace, None))
    assert code is ExitCode.DONE
    assert opened == [
        ((runner.workspace, None), {"orders": False, "started_in": None, "reopens": dashboard.dashboard_arguments})
    ]
