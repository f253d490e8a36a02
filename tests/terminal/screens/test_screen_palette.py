"""The command palette: every action of what is in front with its key, searched by name, help and key, and nothing in it is markup."""

from collections.abc import Mapping

from textual.command import CommandPalette
from textual.widgets import Input, OptionList

from lora_tui.app import LoraApp
from lora_tui.keys.keymap import ACTIONS, BY_ID, actions_of
from lora_tui.keys.own_keys import check_own_keys
from lora_tui.keys.palette import PaletteCommand, commands_of
from lora_tui.ports import NoEngine, Rights
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.journal import JournalScreen
from lora_tui.screens.ladders import LaddersScreen
from lora_tui.screens.queue import QueueDialog
from lora_tui.user_config import UserConfig


def offered(app: LoraApp) -> Mapping[str, PaletteCommand]:
    return {command.name or command.title: command for command in commands_of(app, app.screen)}


async def test_every_action_that_holds_now_is_offered_with_its_key(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("4")
        found = offered(runner.app)
        screen = runner.app.bake_screen
        expected = {
            action.id
            for action in actions_of("bake", "log", "app")
            if screen.check_action(action.action.partition("(")[0], ()) is not False
        } - {"app.palette", "app.no-suspend"}
        assert expected <= found.keys()
        assert {"log.down", "view.curves", "bake.stop-at-epoch"} <= found.keys()
        # There is one column at less than 100 cells only, and nothing to resume.
        assert {"view.next", "bake.resume", "bakes.down", "queue.hold"}.isdisjoint(found)
        assert found["bake.pause"].keys == ("space",)
        assert found["app.quit"].keys == ("ctrl+q", "ctrl+c")
        assert "Theme: flour" in found


async def test_in_a_dialog_the_palette_has_the_actions_of_the_dialog(runner, until) -> None:
    runner.add_bake()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("Q")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog) and runner.app.screen._waiting)
        queue = runner.app.screen
        assert {action.id for action in actions_of("queue")} <= offered(runner.app).keys()
        assert {"bake.pause", "plan.open", "Go to: Bake"}.isdisjoint(offered(runner.app))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(runner.app.screen, CommandPalette))
        await pilot.press(*"hold it back")
        await until(pilot, lambda: _first(runner.app).startswith("Hold, release   h"))
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is queue)
        await until(pilot, lambda: runner.bakes()[0].held)


def _first(app: LoraApp) -> str:
    options = app.screen.query_one(OptionList)
    return str(options.get_option_at_index(0).prompt) if options.option_count else ""


FOUND = {
    "pause or": "bake.pause",
    "X": "bake.stop-at-epoch",
    "ctrl+s": "settings.save",
    "without markup": "",
    "isolated gpu": "",
    "unload gpu": "bake.free",
}


async def test_it_is_searched_by_title_help_id_and_key(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        commands = offered(runner.app).values()
        best = {typed: max(commands, key=lambda command, typed=typed: command.fit(typed)) for typed in FOUND}
        assert {typed: command.name if command.fit(typed) else "" for typed, command in best.items()} == FOUND


async def test_what_is_not_allowed_is_left_out(runner, until) -> None:
    runner.baking()
    runner.app = LoraApp(runner.workspace, NoEngine(), runner.sampler, rights=Rights(bake=False, order=False))
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        found = offered(runner.app)
        assert not {action.id for action in ACTIONS if action.right} & found.keys()
        assert {"plan.open", "journal.open", "app.quit"} <= found.keys()


async def test_it_leads_from_a_screen_to_any_other(runner, until) -> None:
    runner.add_bake()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.snapshot.bake is not None)
        await pilot.press("J")
        await until(pilot, lambda: isinstance(runner.app.screen, JournalScreen))
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(runner.app.screen, CommandPalette))
        await pilot.press(*"go to: queue")
        await until(pilot, lambda: _first(runner.app).startswith("Go to: Queue"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, QueueDialog))
        assert [type(screen).__name__ for screen in runner.app.screen_stack] == ["BakeScreen", "QueueDialog"]


async def test_an_action_without_a_key_is_found_and_done(runner, until) -> None:
    table, _ = check_own_keys({"ladders.open": ""}, str)
    runner.app = LoraApp(
        runner.workspace, runner.engine, runner.sampler, clock=lambda: 1.7e9, config=UserConfig(keys=table)
    )
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        await pilot.press("l")
        assert runner.app.screen is runner.app.bake_screen
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(runner.app.screen, CommandPalette))
        await pilot.press(*"ladders", "enter")
        await until(pilot, lambda: isinstance(runner.app.screen, LaddersScreen))


async def test_a_stop_chosen_in_the_palette_asks_as_its_key_does(runner, until) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(runner.app.screen, CommandPalette))
        await pilot.press(*"stop")
        await until(pilot, lambda: _first(runner.app).startswith("Stop   x"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
    assert runner.orders() == []


def test_a_text_with_brackets_stays_text() -> None:
    command = PaletteCommand("[bold]a[/]", "see [link] and ]", lambda: None, ("[",))
    assert command.shown.plain == "[bold]a[/]   [\n  see [link] and ]"


def test_what_is_typed_in_the_palette_is_a_line() -> None:
    assert issubclass(CommandPalette.AUTO_FOCUS and Input, Input)
    assert BY_ID["app.palette"].first
