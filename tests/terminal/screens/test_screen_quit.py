"""Leaving: at once when nothing is at stake, with a question when something is."""

import pytest

from lora_tui.dashboard_exit import QuitChoice
from lora_tui.screens.confirm import ConfirmDialog
from trainer.journal.processes import this_process
from trainer.journal.records import BakeState, Order
from trainer.settings.toml_file import load_settings


async def asked(runner, pilot, until, key: str = "ctrl+q") -> None:
    await until(pilot, lambda: runner.app.bake_screen.bake is not None)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_without_a_bake_it_is_left_at_once(runner, until, key) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is not None)
        await pilot.press(key)
    assert runner.app.return_value is QuitChoice.QUIT


async def test_stay_keeps_everything(runner, until, seen) -> None:
    runner.baking()
    with runner.journal() as journal:
        journal.bakes.set_state(1, BakeState.PAUSED)
    async with runner.run() as pilot:
        await asked(runner, pilot, until, "ctrl+c")
        assert "Bake 1 hifumi is paused." in seen(runner.app)
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert runner.app.is_running
    assert runner.orders() == []


async def test_stop_and_save_gives_the_order_before_it_leaves(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await asked(runner, pilot, until)
        await pilot.press("s")
        await until(pilot, lambda: runner.app.return_value is not None)
        assert runner.orders() == [Order.STOP]
    assert runner.app.return_value is QuitChoice.STOP_AND_SAVE


async def test_going_on_without_the_screen_gives_no_order(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await asked(runner, pilot, until)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert runner.app.return_value is QuitChoice.CONTINUE_HEADLESS
    assert runner.orders() == []


async def test_asking_twice_opens_one_question(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await asked(runner, pilot, until)
        await pilot.press("ctrl+c", "ctrl+q")
        await pilot.pause()
        assert len(runner.app.screen_stack) == 2


async def test_a_held_bake_keeps_nobody(runner, until) -> None:
    number = runner.add_bake()
    with runner.journal() as journal:
        journal.queue.set_held(number, True)
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert runner.app.return_value is QuitChoice.QUIT


async def test_a_bake_behind_a_held_one_is_asked_about(runner, until, seen) -> None:
    held, number = runner.add_bake(), runner.add_bake()
    with runner.journal() as journal:
        journal.queue.set_held(held, True)
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.ours is not None)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: f"Bake {number} hifumi is queued" in seen(runner.app))


async def test_a_bake_that_waits_for_us_is_asked_about_too(runner, until) -> None:
    runner.add_bake()
    async with runner.run() as pilot:
        await asked(runner, pilot, until)


async def test_the_bake_of_another_program_is_left_alone(runner, until) -> None:
    runner.add_bake(engine="another")
    with runner.journal() as journal:
        journal.queue.claim("another", *this_process())
        journal.bakes.set_state(1, BakeState.BAKING)
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("ctrl+q")
    assert runner.app.return_value is QuitChoice.QUIT


async def test_edits_that_are_not_saved_are_asked_about(runner, until) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is not None)
        runner.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert runner.app.return_value is QuitChoice.QUIT
    assert load_settings(runner.workspace.root / "hifumi.toml").network_dim == 16


async def test_edits_may_be_left_unsaved(runner, until) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is not None)
        runner.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("ctrl+q", "d")
    assert runner.app.return_value is QuitChoice.QUIT
    assert load_settings(runner.workspace.root / "hifumi.toml").network_dim == 8


async def test_ctrl_z_suspends_nothing_and_says_so(runner, until) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is not None)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: len(runner.app._notifications) == 1)
        assert "freeze the bake" in next(iter(runner.app._notifications)).message


async def test_an_open_edit_is_asked_about_too(runner, until) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.form.go_to("network_dim")
        await pilot.press("enter", "9", "ctrl+q")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert load_settings(runner.workspace.root / "hifumi.toml").network_dim == 9


async def test_edits_are_asked_about_before_another_file_is_opened(runner, until) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert runner.app.bake_screen.editor.draft.now.network_dim == 16
