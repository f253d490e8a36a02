"""The settings file as text: opened in the user's editor, and read again when it or another program has written it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual.screen import Screen

from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.draft import SettingsDraft
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.plan_dialogs import NO_SETTINGS
from lora_tui.screens.settings_files import SettingsFiles
from lora_tui.terminal.text_editor import EditorEnd, edit_file, editor_command
from lora_tui.workers.settings_watch import FileRead, SettingsWatch
from trainer.errors import LoraTuiError, SettingsError, TerminalError
from trainer.text import printable

_OUTSIDE = "the file as another program wrote it"
_AGAIN = "again"
_WRONG_ANSWERS = (
    Answer("e", "edit it again", _AGAIN),
    Answer("escape", "keep what the form had; the file stays as it is", ""),
)


class SettingsText:
    """Hands the settings file to an editor, and takes what comes of it into the form.

    Args:
        screen: the dialogs open over it.
        sender: knows what the keys may do.
        editor: the settings.
        files: settles unsaved edits.
        watch: reads the file.
        log: takes a line for the log pane, and its level.
    """

    def __init__(
        self,
        screen: Screen[Any],
        sender: OrderSender,
        editor: SettingsEditor,
        files: SettingsFiles,
        watch: SettingsWatch,
        log: Callable[[str, str], object],
    ) -> None:
        self._screen = screen
        self._sender = sender
        self._editor = editor
        self._files = files
        self._watch = watch
        self._log = log
        self._open = False

    def edit(self) -> None:
        """Open the settings file in the user's editor, once unsaved edits are written or discarded."""
        if not self._sender.may_bake() or self._open:
            return
        # A file that cannot be used is what one wants to edit most.
        path = self._editor.draft.path if self._editor.draft is not None else self._files.path
        if path is None:
            self._sender.warn(NO_SETTINGS)
            return
        try:
            editor_command()
        except TerminalError as error:
            self._show_trouble(error.line())
            return
        self._files.settle_edits(lambda: self._start(path))

    def take(self, read: FileRead) -> None:
        """Take a file that was read into the form, or say what is wrong with it; what was typed here is kept."""
        draft = self._editor.draft
        if (draft.path if draft is not None else self._files.path) != read.path:
            return
        if self._open and not read.asked:
            # Saved in the editor that is still open: the file is read when it ends.
            return
        if read.settings is None:
            assert read.error is not None
            self._refuse(read.error, after_editor=bool(read.asked))
        elif draft is None or read.asked:
            now = SettingsDraft(read.path, read.settings, read.settings)
            self._editor.load(now if draft is None else replace(now, parent=draft.parent), read.asked)
            if read.asked:
                same = draft is not None and draft.now == read.settings
                self._sender.note(f"{read.path.name} is unchanged" if same else f"{read.path.name} was read again")
        elif read.settings != draft.saved:
            self._take_from_outside(draft, read)

    def _start(self, path: Path) -> None:
        self._open = True
        self._screen.run_worker(self._edit(path), exit_on_error=False, group="editor", name="editor")

    async def _edit(self, path: Path) -> None:
        try:
            end = await edit_file(self._screen.app, path)
        except LoraTuiError as error:
            self._show_trouble(error.line())
            return
        finally:
            self._open = False
        self._note_end(end)
        self._watch.watch(path)
        self._watch.look(f"edited in {printable(end.name, 30)}")

    def _note_end(self, end: EditorEnd) -> None:
        if end.trouble:
            self._show_trouble(f"{end.trouble}; the file is read as it is now")
        elif end.at_once:
            self._sender.note(
                f"{printable(end.name, 30)} came back at once: if it has a window of its own, the form follows as soon as you save there",
                seconds=8,
            )

    def _take_from_outside(self, draft: SettingsDraft, read: FileRead) -> None:
        """Take what another program wrote; values that were edited here and not saved stay as they are edited."""
        from trainer.settings.toml_file import with_values

        settings = read.settings
        assert settings is not None
        if settings == draft.now:
            self._editor.load(replace(draft, saved=settings))
            return
        edits = {name: draft.value(name) for name in draft.unsaved}
        try:
            now = with_values(settings, edits) if edits else settings
        except SettingsError as error:
            self._show_trouble(
                f"{read.path.name} was changed by another program, and your edits do not go with it: {error.line()}"
            )
            return
        self._editor.load(replace(draft, saved=settings, now=now, chosen=None), _OUTSIDE)
        kept = "; your unsaved edits stay" if edits else ""
        self._say(f"{read.path.name} was changed by another program and read again{kept}; u takes it back")

    def _refuse(self, error: LoraTuiError, *, after_editor: bool) -> None:
        text = "\n".join((error.line(), *error.details))
        self._log(error.line(), "error")
        if not after_editor:
            self._sender.show_error(f"{error.line()}; the form keeps what it had")
            return

        def again(answer: str | None) -> None:
            if answer == _AGAIN:
                self.edit()

        self._screen.app.push_screen(ConfirmDialog(f"The file cannot be used:\n{text}", _WRONG_ANSWERS), again)

    def _show_trouble(self, text: str) -> None:
        self._log(text, "error")
        self._sender.show_error(text)

    def _say(self, text: str) -> None:
        self._log(text, "info")
        self._sender.note(text, seconds=5)
