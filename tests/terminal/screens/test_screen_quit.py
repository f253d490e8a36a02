"""Leaving: at once when nothing is at stake, with a question when something is."""

import pytest

from lora_tui.app import QuitChoice
from lora_tui.screens.confirm import ConfirmDialog
from trainer.journal.processes import this_process
from trainer.journal.records import BakeState, Order
from trainer.settings.toml_file import load_settings


async def asked(kitchen, pilot, until, key: str = "ctrl+q") -> None:
    await until(pilot, lambda: kitchen.app.bake_screen.bake is not None)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_without_a_bake_it_is_left_at_once(kitchen, until, key) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.draft is not None)
        await pilot.press(key)
    assert kitchen.app.return_value is QuitChoice.QUIT


async def test_stay_keeps_everything(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run() as pilot:
        await asked(kitchen, pilot, until, "ctrl+c")
        await pilot.press("enter")
        await until(pilot, lambda: kitchen.app.screen is kitchen.app.bake_screen)
        assert kitchen.app.is_running
    assert kitchen.orders() == []


async def test_stop_and_save_gives_the_order_before_it_leaves(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run() as pilot:
        await asked(kitchen, pilot, until)
        await pilot.press("s")
        await until(pilot, lambda: kitchen.app.return_value is not None)
        assert kitchen.orders() == [Order.STOP]
    assert kitchen.app.return_value is QuitChoice.STOP_AND_SAVE


async def test_going_on_without_the_screen_gives_no_order(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run() as pilot:
        await asked(kitchen, pilot, until)
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: kitchen.app.return_value is not None)
    assert kitchen.app.return_value is QuitChoice.CONTINUE_HEADLESS
    assert kitchen.orders() == []


async def test_asking_twice_opens_one_question(kitchen, until) -> None:
    kitchen.baking()
    async with kitchen.run() as pilot:
        await asked(kitchen, pilot, until)
        await pilot.press("ctrl+c", "ctrl+q")
        await pilot.pause()
        assert len(kitchen.app.screen_stack) == 2


async def test_a_bake_that_waits_for_us_is_asked_about_too(kitchen, until) -> None:
    kitchen.add_bake()
    async with kitchen.run() as pilot:
        await asked(kitchen, pilot, until)


async def test_the_bake_of_another_program_is_left_alone(kitchen, until) -> None:
    kitchen.add_bake(engine="another")
    with kitchen.journal() as journal:
        journal.queue.claim("another", *this_process())
        journal.bakes.set_state(1, BakeState.BAKING)
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.bake is not None)
        await pilot.press("ctrl+q")
    assert kitchen.app.return_value is QuitChoice.QUIT


async def test_edits_that_are_not_saved_are_asked_about(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.draft is not None)
        kitchen.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: kitchen.app.return_value is not None)
    assert kitchen.app.return_value is QuitChoice.QUIT
    assert load_settings(kitchen.workspace.root / "hifumi.toml").network_dim == 16


async def test_edits_may_be_left_unsaved(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.draft is not None)
        kitchen.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("ctrl+q", "d")
    assert kitchen.app.return_value is QuitChoice.QUIT
    assert load_settings(kitchen.workspace.root / "hifumi.toml").network_dim == 8


async def test_ctrl_z_suspends_nothing_and_says_so(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.draft is not None)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: len(kitchen.app._notifications) == 1)
        assert "freeze the bake" in next(iter(kitchen.app._notifications)).message


async def test_an_open_edit_is_asked_about_too(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)
        kitchen.app.bake_screen.form.go_to("network_dim")
        await pilot.press("enter", "9", "ctrl+q")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: kitchen.app.return_value is not None)
    assert load_settings(kitchen.workspace.root / "hifumi.toml").network_dim == 9


async def test_edits_are_asked_about_before_another_file_is_opened(kitchen, until) -> None:
    async with kitchen.run() as pilot:
        await until(pilot, lambda: kitchen.app.bake_screen.editor.view is not None)
        kitchen.app.bake_screen.editor.typed("network_dim", "16")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(kitchen.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: kitchen.app.screen is kitchen.app.bake_screen)
        assert kitchen.app.bake_screen.editor.draft.now.network_dim == 16
