"""The other dialogs, the help, the palette and the themes."""

import shutil
from pathlib import Path

from textual.widgets import Input, OptionList, Static

from lora_tui.colours.theme_files import remember_theme, remembered_theme
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.screens.help import HelpScreen
from lora_tui.screens.new_subject import NewSubjectDialog
from lora_tui.screens.open_settings import OpenDialog
from lora_tui.workers import theme_watcher
from trainer.settings.subject import load_subject
from trainer.settings.toml_file import load_settings


async def opened(runner, pilot, until, key: str, dialog: type) -> None:
    await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(runner.app.screen, dialog))


async def fill(runner, pilot, **values: str) -> None:
    for key, value in values.items():
        runner.app.screen.query_one(f"#{key}", Input).value = value
    runner.app.screen.query_one("#validation", Input).focus()
    await pilot.press("enter")


async def test_n_makes_a_subject_from_a_folder_and_opens_its_settings(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "n", NewSubjectDialog)
        data = runner.workspace.root / "data" / "10_hifumi_chan"
        await fill(runner, pilot, name="mine", data=str(data), base="demo")
        await until(pilot, lambda: runner.app.bake_screen.files.path == runner.workspace.root / "mine.toml")
        assert runner.app.screen is runner.app.bake_screen
    assert load_settings(runner.workspace.root / "mine.toml").subject == "mine"
    assert load_subject(runner.workspace.subjects / "mine.toml").trigger == "hifumi_chan"


async def test_the_title_and_the_dialog_of_n_name_the_workspace(runner, until, seen) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "n", NewSubjectDialog)
        assert "New subject  in workspace workspace" in seen(runner.app)
        await pilot.press("escape")
        await until(pilot, lambda: seen(runner.app).splitlines()[0].startswith(" lora-tui workspace"))


async def test_n_writes_into_the_workspace_of_another_folder_only_where_that_is_wanted(
    runner, until, tmp_path: Path
) -> None:
    async with runner.run((100, 30)) as pilot:
        runner.app.bake_screen.files.started_in = tmp_path / "pictures"
        await opened(runner, pilot, until, "n", ConfirmDialog)
        # From the widget, for where the lines break depends on how long the workspace's path is.
        text = str(runner.app.screen.query_one("#question", Static).content)
        assert "the last one used" in text
        assert "lora-tui new NAME" in text
        await pilot.press("enter")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
        await opened(runner, pilot, until, "n", ConfirmDialog)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(runner.app.screen, NewSubjectDialog))


async def test_a_missing_folder_is_shown_under_its_line_and_nothing_is_written(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "n", NewSubjectDialog)
        await fill(runner, pilot, name="mine", data="/nowhere", base="demo")
        await until(pilot, lambda: runner.app.screen.query_one("#data-error").display)
        assert runner.app.focused.id == "data"
    assert not (runner.workspace.root / "mine.toml").exists()


async def test_a_wrong_base_is_shown_under_the_base(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "n", NewSubjectDialog)
        await fill(runner, pilot, name="mine", data=str(runner.workspace.root / "data"), base="/nowhere")
        await until(pilot, lambda: runner.app.screen.query_one("#base-error").display)


async def test_a_name_in_use_is_shown_under_the_name(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "n", NewSubjectDialog)
        await fill(runner, pilot, name="hifumi", data=str(runner.workspace.root / "data"), base="demo")
        await until(pilot, lambda: runner.app.screen.query_one("#name-error").display)


async def test_escape_makes_no_subject(runner, until) -> None:
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "n", NewSubjectDialog)
        await pilot.press("a", "escape")
        await until(pilot, lambda: runner.app.screen is runner.app.bake_screen)
    assert not (runner.workspace.root / "a.toml").exists()


async def test_o_opens_another_settings_file(runner, until) -> None:
    shutil.copy(runner.workspace.root / "hifumi.toml", runner.workspace.root / "second.toml")
    async with runner.run() as pilot:
        await opened(runner, pilot, until, "o", OpenDialog)
        assert runner.app.screen.query_one(OptionList).highlighted == 0
        await pilot.press("j", "enter")
        await until(pilot, lambda: runner.app.bake_screen.editor.draft.path.name == "second.toml")


async def test_the_help_lists_the_keys_that_are_active(runner, until, seen) -> None:
    async with runner.run((120, 50)) as pilot:
        await opened(runner, pilot, until, "question_mark", HelpScreen)
        text = seen(runner.app)
        assert "start a bake with these settings" in text
        assert "pause the bake" not in text
        await pilot.press("escape")
        runner.baking()
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        await pilot.press("question_mark")
        await until(pilot, lambda: "pause the bake (the model stays" in seen(runner.app))


async def test_the_help_shows_of_the_focused_field(runner, until, seen) -> None:
    async with runner.run((120, 50)) as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        runner.app.bake_screen.editor._form.go_to("unet_lr")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(runner.app.screen, HelpScreen))
        text = seen(runner.app)
    assert "unet_lr  U-Net rate" in text
    assert "a number from 0 to 1, or blank · default: 1e-4" in text
    assert "Peak learning rate of the U-Net's LoRA." in text


async def test_the_palette_offers_what_the_keys_do(runner, until) -> None:
    def names() -> set[str]:
        return {command.title for command in runner.app.get_system_commands(runner.app.screen)}

    async with runner.run() as pilot:
        assert {"Bake", "Plan", "Save settings", "New subject", "Open settings", "Theme: flour", "Quit"} <= names()
        runner.baking()
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        assert {"Pause or continue", "Save now", "Stop", "Stop training a part"} <= names()


async def test_ctrl_t_switches_the_theme_and_it_is_remembered(runner, until) -> None:
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.view is not None)
        assert runner.app.theme == "ember"
        await pilot.press("ctrl+t")
        assert runner.app.theme == "flour"
        await until(pilot, lambda: remembered_theme() == "flour")


def test_the_remembered_theme_is_up_from_the_first_frame(own_home: Path, make_runner, runner) -> None:
    state = own_home / "state" / "lora-tui"
    state.mkdir(parents=True)
    (state / "theme").write_text("flour", encoding="utf-8")
    assert make_runner(runner.workspace).app.theme == "flour"


def test_a_remembered_theme_that_is_gone_is_no_crash(own_home: Path, make_runner, runner) -> None:
    state = own_home / "state" / "lora-tui"
    state.mkdir(parents=True)
    (state / "theme").write_text("gone", encoding="utf-8")
    assert make_runner(runner.workspace).app.theme == "ember"


async def test_a_theme_file_that_changes_is_shown_as_it_is_now(
    own_home: Path, make_runner, runner, until, monkeypatch
) -> None:
    monkeypatch.setattr(theme_watcher, "_LOOK_SECONDS", 0.02)
    folder = own_home / "config" / "lora-tui" / "themes"
    folder.mkdir(parents=True)
    mine = folder / "mine.toml"
    mine.write_text('primary = "#123456"\nbackground = "#101010"', encoding="utf-8")
    remember_theme("mine")
    again = make_runner(runner.workspace)
    async with again.run() as pilot:
        await until(pilot, lambda: again.app.screen.styles.background.r < 20)
        mine.write_text('primary = "#123456"\nbackground = "#2f0000"\n', encoding="utf-8")
        await until(pilot, lambda: again.app.screen.styles.background.r > 40)
        # A mistake is said with its line; until it is mended the theme stays as it was.
        mine.write_text('primary = "#123456"\nbackground = "murky"\n\n', encoding="utf-8")
        await until(
            pilot,
            lambda: any(
                "line 2: background is not a colour" in str(toast.message) for toast in again.app._notifications
            ),
        )
        assert again.app.theme == "mine" and again.app.screen.styles.background.r > 40


async def test_a_bad_theme_file_is_one_toast_that_names_it(own_home: Path, make_runner, runner, until) -> None:
    folder = own_home / "config" / "lora-tui" / "themes"
    folder.mkdir(parents=True)
    (folder / "broken.toml").write_text('primary = "no colour"', encoding="utf-8")
    again = make_runner(runner.workspace)
    async with again.run() as pilot:
        await until(pilot, lambda: len(again.app._notifications) == 1)
        assert next(iter(again.app._notifications)).message == "broken.toml: line 1: primary is not a colour: no colour"


async def test_the_user_s_own_theme_can_be_chosen_by_key(own_home: Path, make_runner, runner, until) -> None:
    folder = own_home / "config" / "lora-tui" / "themes"
    folder.mkdir(parents=True)
    (folder / "mint.toml").write_text('primary = "#00aa88"', encoding="utf-8")
    again = make_runner(runner.workspace)
    async with again.run() as pilot:
        await pilot.press("ctrl+t", "ctrl+t", "ctrl+t")
        assert again.app.theme == "mint"


async def test_all_of_textual_s_themes_can_show_the_screen(runner, until) -> None:
    runner.baking()
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.bake is not None)
        for name in ("textual-light", "ansi-dark", "nord"):
            runner.app.theme = name
            await pilot.pause()
        assert runner.app.is_running
