"""The settings as text: e hands the file to an editor, and what it or another program writes comes into the form."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from lora_tui.app import LoraApp
from lora_tui.ports import Rights
from lora_tui.screens import settings_text
from lora_tui.screens.confirm import ConfirmDialog
from lora_tui.terminal.text_editor import EditorEnd
from trainer.errors import TerminalError
from trainer.settings.toml_file import load_settings, save_settings


@pytest.fixture
def editor(monkeypatch: pytest.MonkeyPatch):
    """Return a function that sets what the user does in the editor, and how it ends; the paths opened are its result."""
    opened: list[Path] = []

    def use(do: Callable[[Path], object] = lambda path: None, code: int = 0, seconds: float = 60.0) -> list[Path]:
        async def edit(app: object, path: Path) -> EditorEnd:
            opened.append(path)
            do(path)
            return EditorEnd("vi", code, seconds)

        monkeypatch.setattr(settings_text, "editor_command", lambda: ["vi"])
        monkeypatch.setattr(settings_text, "edit_file", edit)
        return opened

    return use


def with_dim(dim: int) -> Callable[[Path], object]:
    return lambda path: save_settings(load_settings(path).model_copy(update={"network_dim": dim}), path)


def broken(path: Path) -> None:
    path.write_text(path.read_text() + "\nnetwork_dim = 99\n")


async def ready(runner, pilot, until):
    screen = runner.app.bake_screen
    screen.file_watch.seconds = 0.02
    await until(pilot, lambda: screen.editor.draft is not None and screen.editor.view is not None)
    screen.form.focus_list()
    return screen


def said(runner) -> str:
    return "\n".join(note.message for note in runner.app._notifications)


async def test_what_was_edited_comes_into_the_form_and_can_be_undone(runner, until, editor) -> None:
    opened = editor(with_dim(32))
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        await pilot.press("e")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 32)
        assert opened == [runner.workspace.root / "hifumi.toml"]
        assert not screen.editor.draft.unsaved
        assert "hifumi.toml was read again" in said(runner)
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 8)
        assert "undone: edited in vi: network_dim 8 → 32" in said(runner)
        assert screen.editor.draft.unsaved == {"network_dim"}


async def test_what_is_saved_while_the_editor_is_open_comes_when_it_ends(runner, until, editor, monkeypatch) -> None:
    editor()
    ends = asyncio.Event()

    async def edit(app: object, path: Path) -> EditorEnd:
        with_dim(32)(path)
        await ends.wait()
        return EditorEnd("vi", 0, 60.0)

    monkeypatch.setattr(settings_text, "edit_file", edit)
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        await pilot.press("e")
        await pilot.pause(0.3)
        assert screen.editor.draft.now.network_dim == 8
        ends.set()
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 32)
        assert "another program" not in said(runner)


async def test_a_file_left_as_it_was_is_said_to_be(runner, until, editor) -> None:
    editor()
    async with runner.run() as pilot:
        await ready(runner, pilot, until)
        await pilot.press("e")
        await until(pilot, lambda: "hifumi.toml is unchanged" in said(runner))


@pytest.mark.parametrize(("key", "dim"), [("s", 16), ("d", 8)])
async def test_unsaved_edits_are_asked_about_first(runner, until, editor, key: str, dim: int) -> None:
    seen: list[int] = []
    opened = editor(lambda path: seen.append(load_settings(path).network_dim))
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        screen.editor.typed("network_dim", "16")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press(key)
        await until(pilot, lambda: opened and not screen.editor.draft.unsaved)
        assert seen == [dim]
        assert screen.editor.draft.now.network_dim == dim


async def test_cancelled_nothing_is_opened(runner, until, editor) -> None:
    opened = editor()
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        screen.editor.typed("network_dim", "16")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is screen)
        assert opened == []
        assert screen.editor.draft.now.network_dim == 16


async def test_a_broken_file_is_named_by_line_and_the_form_keeps_what_it_had(runner, until, editor, seen) -> None:
    opened = editor(broken)
    async with runner.run((120, 36)) as pilot:
        screen = await ready(runner, pilot, until)
        before = screen.editor.draft
        await pilot.press("e")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        assert "line" in seen(runner.app) and "given twice" in seen(runner.app)
        await pilot.press("escape")
        await until(pilot, lambda: runner.app.screen is screen)
        assert screen.editor.draft == before
        editor(lambda path: path.write_text(path.read_text().replace("\nnetwork_dim = 99\n", "")))
        await pilot.press("e")
        await until(pilot, lambda: len(opened) == 2 and "is unchanged" in said(runner))


async def test_a_broken_file_is_edited_again_at_once(runner, until, editor) -> None:
    opened = editor(broken)
    async with runner.run() as pilot:
        await ready(runner, pilot, until)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(runner.app.screen, ConfirmDialog))
        await pilot.press("e")
        await until(pilot, lambda: len(opened) == 2)


async def test_a_file_that_cannot_be_used_from_the_start_is_mended_in_the_editor(runner, until, editor) -> None:
    path = runner.workspace.root / "hifumi.toml"
    good = path.read_text()
    path.write_text("network_dim = = 8\n")
    editor(lambda path: path.write_text(good))
    async with runner.run() as pilot:
        screen = runner.app.bake_screen
        await until(pilot, lambda: "cannot be used" in str(screen.form.query_one("#empty").render()))
        await pilot.press("e")
        await until(pilot, lambda: screen.editor.draft is not None)
        assert screen.editor.draft.now.network_dim == 8


async def test_an_editor_that_fails_is_named_with_its_exit_code(runner, until, editor) -> None:
    editor(code=3)
    async with runner.run() as pilot:
        await ready(runner, pilot, until)
        await pilot.press("e")
        await until(pilot, lambda: "vi ended with exit code 3" in said(runner))


async def test_without_an_editor_the_variables_are_named_and_nothing_is_asked(runner, until, monkeypatch) -> None:
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        screen.editor.typed("network_dim", "16")
        await pilot.press("e")
        await until(pilot, lambda: "$VISUAL" in said(runner) and "$EDITOR" in said(runner))
        assert runner.app.screen is screen


async def test_a_terminal_that_cannot_be_lent_is_said(runner, until, editor, monkeypatch) -> None:
    editor()

    async def refuse(app: object, path: Path) -> EditorEnd:
        raise TerminalError("the terminal", found="cannot be given to another program here")

    monkeypatch.setattr(settings_text, "edit_file", refuse)
    async with runner.run() as pilot:
        await ready(runner, pilot, until)
        await pilot.press("e")
        await until(pilot, lambda: "cannot be given to another program" in said(runner))


async def test_an_editor_with_a_window_of_its_own_is_followed_when_it_saves(runner, until, editor) -> None:
    editor(seconds=0.1)
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        await pilot.press("e")
        await until(pilot, lambda: "came back at once" in said(runner))
        with_dim(24)(runner.workspace.root / "hifumi.toml")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 24)
        assert not screen.editor.draft.unsaved


async def test_what_another_program_writes_joins_unsaved_edits(runner, until) -> None:
    path = runner.workspace.root / "hifumi.toml"
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        screen.editor.typed("network_alpha", "3")
        with_dim(24)(path)
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 24)
        assert screen.editor.draft.now.network_alpha == 3
        assert screen.editor.draft.unsaved == {"network_alpha"}
        assert "your unsaved edits stay" in said(runner)
        await pilot.press("u")
        await until(pilot, lambda: screen.editor.draft.now.network_dim == 8)


async def test_our_own_saving_is_no_change_by_another_program(runner, until) -> None:
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        screen.editor.typed("network_dim", "16")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: not screen.editor.draft.unsaved)
        await pilot.pause(0.3)
        assert "another program" not in said(runner)


async def test_a_file_broken_by_another_program_leaves_the_form_alone(runner, until) -> None:
    async with runner.run() as pilot:
        screen = await ready(runner, pilot, until)
        before = screen.editor.draft
        broken(runner.workspace.root / "hifumi.toml")
        await until(pilot, lambda: "the form keeps what it had" in said(runner))
        assert screen.editor.draft == before


async def test_a_screen_that_may_not_write_opens_no_editor(runner, until, editor) -> None:
    opened = editor()
    runner.app = LoraApp(runner.workspace, runner.engine, runner.sampler, rights=Rights(bake=False, order=False))
    async with runner.run() as pilot:
        await until(pilot, lambda: runner.app.bake_screen.editor.draft is not None)
        await pilot.press("e")
        await until(pilot, lambda: "read-only" in said(runner))
        assert opened == []
