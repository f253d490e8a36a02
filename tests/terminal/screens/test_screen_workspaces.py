"""W offers the workspaces used before and the ways to others; what runs here is not lost by it."""

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList, Static

from lora_tui import dashboard_exit
from lora_tui.actions.workspaces import new_workspace
from lora_tui.dashboard_exit import QuitChoice
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.pick import PickDialog
from lora_tui.screens.workspaces import FOLDER_WAYS, WorkspaceFolderDialog
from lora_tui.terminal.lent_terminal import ProgramEnd
from trainer.journal.records import Order
from trainer.workspace import Workspace, is_workspace, remember_workspace


@pytest.fixture
def other(tmp_path: Path) -> Path:
    root = new_workspace(str(tmp_path / "another"))
    remember_workspace(Workspace(root))
    return root


async def offered(runner, pilot, until) -> list[str]:
    screen = runner.app.bake_screen
    await until(pilot, lambda: screen.editor.view is not None)
    await pilot.press("W")
    await until(pilot, lambda: isinstance(runner.app.screen, PickDialog))
    options = runner.app.screen.query_one(OptionList)
    return [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]


async def choose(runner, pilot, title: str) -> None:
    options = runner.app.screen.query_one(OptionList)
    titles = [str(options.get_option_at_index(at).prompt) for at in range(options.option_count)]
    options.highlighted = next(at for at, each in enumerate(titles) if title in each)
    await pilot.press("enter")


async def test_the_open_one_comes_first_and_missing_ones_are_marked(runner, until, other: Path, tmp_path: Path) -> None:
    remember_workspace(Workspace(tmp_path / "unmounted"))
    async with runner.run((120, 36)) as pilot:
        rows = await offered(runner, pilot, until)
        assert "open now" in rows[0] and runner.workspace.root.name in rows[0]
        assert any("unmounted" in row and "missing" in row for row in rows)
        assert [way.title for way in FOLDER_WAYS.values()] == [
            next(title for title in (way.title for way in FOLDER_WAYS.values()) if title in row)
            for row in rows[-len(FOLDER_WAYS) :]
        ]
        await choose(runner, pilot, "unmounted")
        await pilot.pause()
        assert runner.app.is_running and runner.app.leaving.switch_to is None


async def test_while_nothing_runs_the_other_one_takes_the_place(runner, until, other: Path) -> None:
    async with runner.run((120, 36)) as pilot:
        await offered(runner, pilot, until)
        await choose(runner, pilot, "another")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert (runner.app.return_value, runner.app.leaving.switch_to) == (QuitChoice.QUIT, other)


async def test_unsaved_edits_are_asked_about_first(runner, until, other: Path) -> None:
    async with runner.run((120, 36)) as pilot:
        await offered(runner, pilot, until)
        runner.app.bake_screen.editor.typed("network_dim", "16")
        await choose(runner, pilot, "another")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert runner.app.leaving.switch_to is None


async def test_a_running_bake_goes_on_behind_the_other_workspace(runner, until, other: Path, monkeypatch) -> None:
    commands: list[list[str]] = []

    async def run(app, command, folder, environment=None) -> ProgramEnd:
        commands.append(list(command))
        return ProgramEnd(0, 5.0)

    monkeypatch.setattr(dashboard_exit, "run_program", run)
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await offered(runner, pilot, until)
        await choose(runner, pilot, "another")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("o")
        await until(pilot, lambda: commands)
        assert commands[0][-2:] == ["--in", str(other)]
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert runner.app.is_running and runner.app.leaving.switch_to is None
    assert runner.orders() == []


async def test_a_running_bake_is_stopped_and_saved_before_the_other_takes_its_place(runner, until, other: Path) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await offered(runner, pilot, until)
        await choose(runner, pilot, "another")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("s")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert (runner.app.return_value, runner.app.leaving.switch_to) == (QuitChoice.STOP_AND_SAVE, other)
    assert runner.orders() == [Order.STOP]


async def test_escape_leaves_everything_as_it_is(runner, until, other: Path) -> None:
    runner.baking()
    async with runner.run((120, 36)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await offered(runner, pilot, until)
        await choose(runner, pilot, "another")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        assert runner.app.leaving.switch_to is None
    assert runner.orders() == []


async def test_a_new_one_is_made_in_an_empty_folder_and_refused_in_another(runner, until, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine").write_text("")
    async with runner.run((120, 36)) as pilot:
        await offered(runner, pilot, until)
        await choose(runner, pilot, FOLDER_WAYS["new"].title)
        await until(pilot, lambda: isinstance(runner.app.screen, WorkspaceFolderDialog))
        dialog = runner.app.screen
        dialog.query_one(Input).value = str(full)
        await pilot.press("enter")
        await until(pilot, lambda: "not empty" in str(dialog.query_one("#error", Static).render()))
        dialog.query_one(Input).value = str(tmp_path / "fresh")
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.return_value is not None)
    assert runner.app.leaving.switch_to == tmp_path / "fresh"
    assert is_workspace(tmp_path / "fresh")


async def test_a_folder_without_a_workspace_is_named(runner, until, tmp_path: Path) -> None:
    async with runner.run((120, 36)) as pilot:
        await offered(runner, pilot, until)
        await choose(runner, pilot, FOLDER_WAYS["open"].title)
        await until(pilot, lambda: isinstance(runner.app.screen, WorkspaceFolderDialog))
        dialog = runner.app.screen
        dialog.query_one(Input).value = str(tmp_path / "nowhere")
        await pilot.press("enter")
        await until(pilot, lambda: "no such folder" in str(dialog.query_one("#error", Static).render()))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)


async def test_the_title_names_the_workspace(runner, until, seen) -> None:
    async with runner.run((80, 24)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        assert f"lora-tui {runner.workspace.root.name}" in seen(runner.app).splitlines()[0]
