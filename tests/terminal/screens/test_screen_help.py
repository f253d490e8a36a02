"""The help: beside the keys it says what columns, figures and signs of the screen mean."""

import pytest

from lora_tui.keys.places import PLACES
from lora_tui.screens.help import HelpScreen, terms_on
from lora_tui.screens.panes import terms_of
from lora_tui.screens.queue import QueueDialog


def expected(scope: str) -> set[str]:
    place = next(place for place in PLACES if place.scopes[-1] == scope)
    return {terms.title for terms in terms_of(place)}


SCREENS = {"": "bake", "g": "grid", "J": "journal", "l": "ladders", "m": "measures", "C": "parity"}


async def test_each_screen_explains_the_panes_that_it_has(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        bake = runner.app.bake_screen
        await until(pilot, lambda: bake.bake is not None and bake.editor.view is not None)
        for key, scope in SCREENS.items():
            if key:
                await pilot.press(key)
                await until(pilot, lambda: runner.app.screen is not bake)
            await until(pilot, lambda: terms_on(runner.app.screen))
            await pilot.pause()
            assert {terms.title for terms in terms_on(runner.app.screen)} == expected(scope), scope
            while runner.app.screen is not bake:
                await pilot.press("escape")
                await pilot.pause()


async def test_the_help_lists_signs_with_their_meaning_below_the_keys(runner, until) -> None:
    runner.baking()
    async with runner.run((100, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(runner.app.screen, HelpScreen))
        text = str(runner.app.screen.query_one("#terms").render())
        for sign in ("U-Net:TE", "Δbase", "•", "▾", "VRAM", "img/s"):
            assert sign in text
        assert "share of the change in what the model puts out" in " ".join(text.split())


async def test_a_dialog_has_a_help_of_its_keys(runner, until, seen) -> None:
    runner.add_bake()
    async with runner.run((100, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog) and runner.app.screen._waiting)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(runner.app.screen, HelpScreen))
        assert "hold it back, or release it" in seen(runner.app)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))


@pytest.mark.parametrize("size", [(60, 20), (40, 10)])
async def test_the_help_fits_a_small_terminal(runner, until, seen, size) -> None:
    async with runner.run(size) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(runner.app.screen, HelpScreen))
        assert all(len(line.rstrip()) <= size[0] for line in seen(runner.app).splitlines())
        await pilot.press("end", "escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
