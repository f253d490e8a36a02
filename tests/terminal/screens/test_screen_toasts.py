"""Toasts: beside the keys and never over them, kept in the log, once each, their text as it is."""

import pytest
from textual.widgets._toast import Toast, ToastRack

from lora_tui.screens.queue import QueueDialog
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.log_pane import LogPane
from trainer.journal.records import BakeState


def logged(app) -> list[tuple[str, str]]:
    return [(line.level, line.text) for line in app.bake_screen.query_one(LogPane)._lines]


@pytest.mark.parametrize("size", [(160, 50), (120, 36), (80, 24), (60, 20)])
async def test_a_toast_covers_no_key_line(runner, until, size) -> None:
    async with runner.app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        for number in range(3):
            runner.app.notify(
                f"number {number} of a text that is as long as those of errors are, which name a file and a way out"
            )
        await until(pilot, lambda: len(runner.app.screen.query(Toast)) == 3)
        await pilot.pause()
        assert runner.app.bake_screen.query_one(KeyLine).region.y == size[1] - 1
        on_top = [{type(runner.app.screen.get_widget_at(x, y)[0]) for x in range(size[0])} for y in (0, 1, size[1] - 1)]
        # The title, the first toast, and the keys.
        assert [Toast in widgets for widgets in on_top] == [False, True, False]


async def test_a_toast_covers_no_keys_of_a_dialog(runner, until) -> None:
    runner.add_bake()
    async with runner.app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog) and runner.app.screen._waiting)
        runner.app.screen.notify("it has started by now")
        await until(pilot, lambda: runner.app.screen.query(Toast))
        await pilot.pause()
        assert runner.app.screen.query_one(ToastRack).display
        keys = runner.app.screen.query_one("#keys").region
        assert not any(toast.region.overlaps(keys) for toast in runner.app.screen.query(Toast))


@pytest.mark.parametrize(("severity", "level"), [("information", "info"), ("warning", "warning"), ("error", "error")])
async def test_a_toast_stands_in_the_log_with_its_level(runner, until, severity, level) -> None:
    async with runner.app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.screen.notify("a [b]strange[/b] thing", title="what", severity=severity)
        await until(pilot, lambda: (level, "what: a [b]strange[/b] thing") in logged(runner.app))
        await until(pilot, lambda: runner.app.screen.query(Toast))
        assert "[b]strange[/b]" in str(runner.app.screen.query_one(Toast).render())


async def test_what_the_log_says_already_is_not_doubled(runner, until) -> None:
    runner.baking()
    async with runner.run((80, 24)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        with runner.journal() as journal:
            journal.log.write("out of memory at step 91", bake=1, level="error")
        runner.set_state(BakeState.FAILED, error="out of memory at step 91")
        await until(pilot, lambda: len(runner.app._notifications) == 1)
        await until(pilot, lambda: any("out of memory" in text for _, text in logged(runner.app)))
        assert len([text for _, text in logged(runner.app) if "out of memory at step 91" in text]) == 1


async def test_an_error_of_a_narrow_screen_stands_once_in_the_log(runner, until) -> None:
    async with runner.run((80, 24)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.show_log_line("the disk is full", "error")
        await until(pilot, lambda: [note.message for note in runner.app._notifications] == ["the disk is full"])
        await pilot.pause()
        assert [text for _, text in logged(runner.app) if "the disk" in text] == ["the disk is full"]
