"""The settings file of the Bake screen: opening one, saving it, making a new subject's, and what becomes of unsaved edits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.screen import Screen

from lora_tui.actions import bakes
from lora_tui.actions.order_sender import OrderSender
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.widgets.settings_form import SettingsForm
from trainer.text import printable
from trainer.workspace import Workspace

_EDIT_ANSWERS = (Answer("s", "save", "save"), Answer("d", "discard", "discard"), Answer("escape", "cancel", ""))


class SettingsFiles:
    """Opens, saves and makes settings files.

    Args:
        screen: the dialogs open over it.
        workspace: where the files are.
        sender: writes, as far as the keys may.
        editor: the settings.
        form: where they are typed.
        path: the file to open first; None opens the workspace's first.
        started_in: the folder that lora-tui was started in, where that belongs to no workspace.

    Attributes:
        path: the file that is open, or to be opened first.
        started_in: as given.
    """

    def __init__(
        self,
        screen: Screen[Any],
        workspace: Workspace,
        sender: OrderSender,
        editor: SettingsEditor,
        form: SettingsForm,
        path: Path | None,
        started_in: Path | None,
    ) -> None:
        self._screen = screen
        self._workspace = workspace
        self._sender = sender
        self._editor = editor
        self._form = form
        self.path = path
        self.started_in = started_in

    def open_first(self) -> None:
        """Open the file to begin with."""
        self._sender.write(lambda: bakes.open_first(self._workspace, self.path))

    def show_none(self) -> None:
        """Show that no file is open, and which workspace this is if lora-tui was started in a folder that is none."""
        note = f"{self.started_in} is not a workspace; this one is {self._workspace.root}." if self.started_in else ""
        self._editor.show_nothing(printable(note))

    def open(self, path: Path | None) -> None:
        """Open a settings file; None opens none."""
        if path is not None:
            self._sender.write(lambda: bakes.open_settings(path), awaited=True)

    def offer_others(self) -> None:
        """Offer the workspace's settings files."""
        from lora_tui.screens.open_settings import OpenDialog

        files = self._workspace.settings_files()
        if not files:
            self._sender.warn("no settings files in this workspace: press <key subject.new> to create a subject")
        else:
            self.settle_edits(lambda: self._screen.app.push_screen(OpenDialog(files, self.path), self.open))

    def offer_new_subject(self) -> None:
        """Ask for a new subject and open its settings."""
        from lora_tui.screens.new_subject import offer_new_subject

        if not self._sender.may_bake():
            return

        def make(name: str, data: str, base: str, validation: str) -> Path:
            return bakes.make_subject(self._workspace, name, data, base, validation)

        self.settle_edits(lambda: offer_new_subject(self._screen, self._workspace, self.started_in, make, self.open))

    def save(self, then: Callable[[], object] | None = None) -> None:
        """Save the settings to their file, then do `then`; an edit that is wrong stays open instead."""
        if not self._sender.may_bake():
            return
        if self._end_edit() and (draft := self._editor.draft) is not None:
            self._sender.write(lambda: bakes.save_draft(draft), then)

    def undo(self) -> None:
        """Take the last edit of the form back; while a value is typed, that is finished or cancelled first."""
        self._step(self._editor.undo)

    def redo(self) -> None:
        """Do what was undone last again."""
        self._step(self._editor.redo)

    def _step(self, step: Callable[[], str]) -> None:
        if not self._form.editing and self._sender.may_bake():
            self._sender.note(step())

    def settle_edits(self, then: Callable[[], object], about: str = "") -> None:
        """Do `then`; with unsaved edits, ask first whether to save or discard them."""

        def settled(answer: str | None) -> None:
            if answer == "save":
                self.save(then)
            elif answer == "discard":
                then()

        if not self._sender.rights.bake or (
            self._form.pending is None and (self._editor.draft is None or not self._editor.draft.unsaved)
        ):
            then()
        else:
            question = "The settings have unsaved edits."
            self._screen.app.push_screen(ConfirmDialog(question, _EDIT_ANSWERS, about=about), settled)

    def _end_edit(self) -> bool:
        """Accept what was typed in the open field; return whether it was right."""
        pending = self._form.pending
        if pending is not None:
            self._editor.typed(*pending)
        return self._form.pending is None
