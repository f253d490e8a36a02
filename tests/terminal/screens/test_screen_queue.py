"""The queue on the screen: its list, its keys, and what was left behind by a lora-tui that is gone."""

import asyncio
import os

from textual.widgets import OptionList

from lora_tui.screens.bake_note import BakeNoteDialog
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.queue import QueueDialog
from trainer.journal.records import BakeState


async def opened(kitchen, pilot, until) -> QueueDialog:
    await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)
    await pilot.press("Q")
    await until(pilot, lambda: isinstance(kitchen.app.screen, QueueDialog))
    dialog = kitchen.app.screen
    await until(pilot, lambda: dialog._queue is not None)
    return dialog


def line(kitchen) -> list[int]:
    with kitchen.journal() as journal:
        return [bake.number for bake in journal.queue.waiting()]


async def test_the_queue_shows_who_is_at_work_and_who_waits(kitchen, until, seen) -> None:
    kitchen.baking(why="the first")
    kitchen.add_bake(why="the second")
    async with kitchen.run((100, 30)) as pilot:
        await opened(kitchen, pilot, until)
        shown = seen(kitchen.app)
    assert "● 0001 hifumi  baking, ends" in shown
    assert "◦ 0002 hifumi" in shown
    assert "the second" in shown


async def test_keys_put_the_bakes_in_another_order(kitchen, until) -> None:
    for _ in range(3):
        kitchen.add_bake()
    async with kitchen.run((100, 30)) as pilot:
        await opened(kitchen, pilot, until)
        # Typed faster than the journal answers: 1 goes to the end, then one back.
        await pilot.press("J", "J", "K")
        await until(pilot, lambda: line(kitchen) == [2, 1, 3])
        assert kitchen.app.screen.query_one(OptionList).highlighted == 1


async def test_h_holds_and_releases(kitchen, until, seen) -> None:
    kitchen.add_bake()
    async with kitchen.run((100, 30)) as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("h")
        await until(pilot, lambda: "◌ 0001 hifumi  held" in seen(kitchen.app))
        assert kitchen.bakes()[0].held
        await pilot.press("h")
        await until(pilot, lambda: "◦ 0001" in seen(kitchen.app))
        assert not kitchen.bakes()[0].held


async def test_delete_takes_a_bake_out(kitchen, until) -> None:
    kitchen.add_bake()
    kitchen.add_bake()
    async with kitchen.run((100, 30)) as pilot:
        await opened(kitchen, pilot, until)
        await pilot.press("j", "delete")
        await until(pilot, lambda: line(kitchen) == [1])
        wakes = kitchen.engine.wakes
        await pilot.press("escape")
        await until(pilot, lambda: kitchen.engine.wakes > wakes)


async def test_a_bake_begun_meanwhile_is_not_taken_out(kitchen, until) -> None:
    kitchen.add_bake()
    async with kitchen.run((100, 30)) as pilot:
        dialog = await opened(kitchen, pilot, until)
        dialog._watcher._interval = 60.0
        await asyncio.sleep(0.1)
        kitchen.set_state(BakeState.STARTING)
        await pilot.press("delete")
        await until(pilot, lambda: any("starting" in note.message for note in kitchen.app._notifications))
    assert kitchen.bakes()[0].state is BakeState.STARTING


async def test_b_puts_another_bake_behind_the_one_at_work(kitchen, until, seen) -> None:
    kitchen.baking()
    async with kitchen.run((100, 30)) as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.view and kitchen.app.bake_screen.bake)
        await pilot.press("b")
        await until(pilot, lambda: isinstance(kitchen.app.screen, BakeNoteDialog))
        assert "will be queued behind bake 0001" in seen(kitchen.app)
        await pilot.press("enter")
        await until(pilot, lambda: line(kitchen) == [2])
        assert kitchen.app.bake_screen.bake.number == 1
        assert kitchen.sampler.peaks_forgotten == 0


async def test_what_was_left_behind_is_offered_and_taken_over(kitchen, until, seen) -> None:
    """As after a reboot: one bake was at work, two wait for an engine that is gone."""
    kitchen.add_bake(engine="gone")
    kitchen.add_bake(engine="gone")
    kitchen.add_bake(engine="gone")
    with kitchen.journal() as journal:
        journal.queue.claim("gone", os.getpid(), 0.0)
    async with kitchen.run((100, 30)) as pilot:
        await until(pilot, lambda: asked(kitchen))
        shown = seen(kitchen.app)
        assert "0001 hifumi was interrupted" in shown
        assert "0002 hifumi, 0003 hifumi are still in the" in shown
        await pilot.press("t")
        await until(pilot, lambda: line(kitchen) == [1, 2, 3])
        await until(pilot, lambda: kitchen.engine.wakes)
    assert {bake.engine for bake in kitchen.bakes()} == {kitchen.engine.key}


async def test_what_is_left_as_it_is_can_be_taken_over_from_the_list(kitchen, until, seen) -> None:
    kitchen.add_bake(engine="")
    async with kitchen.run((100, 30)) as pilot:
        await until(pilot, lambda: asked(kitchen))
        await pilot.press("escape")
        await until(pilot, lambda: not asked(kitchen))
        await opened(kitchen, pilot, until)
        assert "from an earlier session" in seen(kitchen.app)
        assert kitchen.bakes()[0].engine == ""
        await pilot.press("t")
        await until(pilot, lambda: kitchen.bakes()[0].engine == kitchen.engine.key)


async def test_what_waits_for_an_engine_that_is_there_is_not_offered(kitchen, until) -> None:
    from trainer.machine.engines import register_engine

    held = register_engine("other", kitchen.workspace.root, takes_queue=False)
    kitchen.add_bake(engine="other")
    kitchen.add_bake()
    async with kitchen.run((100, 30)) as pilot:
        dialog = await opened(kitchen, pilot, until)
        assert dialog._queue.orphaned == frozenset()
        assert len(kitchen.app.screen_stack) == 2
    assert held is not None


def asked(kitchen) -> bool:
    return any(isinstance(screen, ConfirmDialog) for screen in kitchen.app.screen_stack)
