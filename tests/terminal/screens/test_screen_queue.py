"""The queue on the screen: its list, its keys, and what was left behind by a lora-tui that is gone."""

import asyncio
import os

from textual.widgets import OptionList

from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.queue import QueueDialog
from trainer.journal.records import BakeState


async def opened(runner, pilot, until) -> QueueDialog:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press("Q")
    await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))
    dialog = runner.app.screen
    await until(pilot, lambda: dialog._queue is not None)
    return dialog


def line(runner) -> list[int]:
    with runner.journal() as journal:
        return [bake.number for bake in journal.queue.waiting()]


async def test_the_queue_shows_who_is_running_and_who_waits(runner, until, seen) -> None:
    runner.baking(why="the first")
    runner.add_bake(why="the second")
    async with runner.run((100, 30)) as pilot:
        await opened(runner, pilot, until)
        shown = seen(runner.app)
    assert "● 0001 hifumi  baking, ends" in shown
    assert "◦ 0002 hifumi" in shown
    assert "the second" in shown


async def test_keys_put_the_bakes_in_another_order(runner, until) -> None:
    for _ in range(3):
        runner.add_bake()
    async with runner.run((100, 30)) as pilot:
        await opened(runner, pilot, until)
        # Typed faster than the journal answers: 1 goes to the end, then one back.
        await pilot.press("J", "J", "K")
        await until(pilot, lambda: line(runner) == [2, 1, 3])
        assert runner.app.screen.query_one(OptionList).highlighted == 1


async def test_h_holds_and_releases(runner, until, seen) -> None:
    runner.add_bake()
    async with runner.run((100, 30)) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("h")
        await until(pilot, lambda: "◌ 0001 hifumi  held" in seen(runner.app))
        assert runner.bakes()[0].held
        await pilot.press("h")
        await until(pilot, lambda: "◦ 0001" in seen(runner.app))
        assert not runner.bakes()[0].held


async def test_delete_asks_and_takes_a_bake_out(runner, until, seen) -> None:
    runner.add_bake()
    runner.add_bake()
    async with runner.run((100, 30)) as pilot:
        await opened(runner, pilot, until)
        await pilot.press("j", "delete")
        await until(pilot, lambda: "Remove bake 2 hifumi from the queue?" in seen(runner.app))
        # Whoever pressed it by mistake, or twice, has lost nothing.
        await pilot.press("d", "enter")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))
        assert line(runner) == [1, 2]
        await pilot.press("d")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("r")
        await until(pilot, lambda: line(runner) == [1])
        wakes = runner.engine.wakes
        await pilot.press("escape")
        await until(pilot, lambda: runner.engine.wakes > wakes)


async def test_a_bake_that_has_started_is_not_removed(runner, until) -> None:
    runner.add_bake()
    async with runner.run((100, 30)) as pilot:
        dialog = await opened(runner, pilot, until)
        dialog._watcher._interval = 60.0
        await asyncio.sleep(0.1)
        runner.set_state(BakeState.STARTING)
        await pilot.press("delete", "r")
        await until(pilot, lambda: any("starting" in note.message for note in runner.app._notifications))
    assert runner.bakes()[0].state is BakeState.STARTING


async def test_b_puts_another_bake_behind_the_running_one(runner, until, seen) -> None:
    runner.baking()
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view and runner.app.bake_screen.bake)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(runner.app.screen, BakeNoteDialog))
        assert "will be queued behind bake 0001" in seen(runner.app)
        await pilot.press("enter")
        await until(pilot, lambda: line(runner) == [2])
        assert runner.app.bake_screen.bake.number == 1
        assert runner.sampler.peaks_forgotten == 0


async def test_what_was_left_behind_is_offered_and_taken_over(runner, until, seen) -> None:
    """As after a reboot: one bake was at work, two wait for an engine that is gone."""
    runner.add_bake(engine="gone")
    runner.add_bake(engine="gone")
    runner.add_bake(engine="gone")
    with runner.journal() as journal:
        journal.queue.claim("gone", os.getpid(), 0.0)
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: asked(runner))
        shown = seen(runner.app)
        assert "0001 hifumi was interrupted" in shown
        assert "0002 hifumi, 0003 hifumi are still in the" in shown
        await pilot.press("t")
        await until(pilot, lambda: line(runner) == [1, 2, 3])
        await until(pilot, lambda: runner.engine.wakes)
    assert {bake.engine for bake in runner.bakes()} == {runner.engine.key}


async def test_what_is_left_as_it_is_can_be_taken_over_from_the_list(runner, until, seen) -> None:
    runner.add_bake(engine="")
    async with runner.run((100, 30)) as pilot:
        await until(pilot, lambda: asked(runner))
        await pilot.press("escape")
        await until(pilot, lambda: not asked(runner))
        await opened(runner, pilot, until)
        assert "from an earlier session" in seen(runner.app)
        assert runner.bakes()[0].engine == ""
        await pilot.press("t")
        await until(pilot, lambda: runner.bakes()[0].engine == runner.engine.key)


async def test_what_waits_for_an_engine_that_is_there_is_not_offered(runner, until) -> None:
    from trainer.machine.engines import register_engine

    held = register_engine("other", runner.workspace.root, takes_queue=False)
    runner.add_bake(engine="other")
    runner.add_bake()
    async with runner.run((100, 30)) as pilot:
        dialog = await opened(runner, pilot, until)
        assert dialog._queue.orphaned == frozenset()
        assert len(runner.app.screen_stack) == 2
    assert held is not None


def asked(runner) -> bool:
    return any(isinstance(screen, ConfirmDialog) for screen in runner.app.screen_stack)
