"""Twins of the bake shown: t asks what varies and how many, and queues them."""

import pytest
from textual.widgets import Input, Static

from lora_tui.actions.twin import sources_of
from lora_tui.screens.twin import TwinDialog
from trainer.errors import SettingsError
from trainer.journal.records import BakeState
from trainer.settings.random_numbers import RandomSource
from trainer.settings.toml_file import parse_settings


async def twin_dialog(runner, pilot, until) -> TwinDialog:
    screen = runner.app.bake_screen
    await until(pilot, lambda: screen.editor.view is not None and screen.snapshot.bake is not None)
    await pilot.press("t")
    await until(pilot, lambda: isinstance(runner.app.screen, TwinDialog))
    return runner.app.screen


async def test_twins_are_queued_with_other_numbers_of_what_was_asked_for(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await twin_dialog(runner, pilot, until)
        await pilot.press(*"ord", "enter", "2", "enter")
        await until(pilot, lambda: len(runner.bakes()) == 3)
        await until(pilot, lambda: not isinstance(runner.app.screen, TwinDialog))
        queued = [bake for bake in runner.bakes() if bake.state is BakeState.QUEUED]
        assert {(bake.parent, bake.why) for bake in queued} == {(1, "twin of 1: other order")}
        seeds = {parse_settings(bake.settings_toml, "x").order_seed for bake in queued}
        assert len(seeds) == 2 and None not in seeds
        await until(pilot, lambda: any("twin of 1: other order" in note.message for note in runner.app._notifications))


async def test_what_is_refused_stands_in_the_dialog_and_nothing_is_queued(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        dialog = await twin_dialog(runner, pilot, until)
        await pilot.press(*"colour", "enter", "enter")
        error = dialog.query_one("#error", Static)
        await until(pilot, lambda: error.has_class("-shown"))
        assert "one of init, order, noise, all, none" in str(error.render())
        dialog.query_one("#vary", Input).value = ""
        dialog.query_one("#count", Input).value = "21"
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "from 1 to 20" in str(error.render()))
        assert len(runner.bakes()) == 1
        await pilot.press("escape")
        assert not isinstance(runner.app.screen, TwinDialog)


@pytest.mark.parametrize(
    ("typed", "sources"),
    [
        ("", tuple(RandomSource)),
        ("ALL", tuple(RandomSource)),
        ("i", (RandomSource.INIT,)),
        ("noise", (RandomSource.NOISE,)),
        ("non", ()),
    ],
)
def test_the_beginning_of_a_choice_is_enough(typed: str, sources: tuple[RandomSource, ...]) -> None:
    assert sources_of(typed) == sources


@pytest.mark.parametrize("typed", ["no", "x", "all of them"])
def test_what_names_no_choice_or_two_is_refused(typed: str) -> None:
    with pytest.raises(SettingsError, match="one of init"):
        sources_of(typed)
