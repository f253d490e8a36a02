"""What the user says of a bake: a text in markdown, tags, the best epoch."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static, TextArea

from lora_tui.actions.bakes import Refused
from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import Dialog, NoteDialog, key_hint
from lora_tui.screens.pick import PickDialog
from lora_tui.wording.unexpected import as_error
from lora_tui.workers.note_writer import NoteWriter
from trainer.errors import LoraTuiError
from trainer.text import printable

_SAVED = "markdown: saved as you type"


class NoteArea(TextArea):
    """A text area in which what is pasted is text, whatever codes are in it."""

    # Textual's tint makes one ground of two where a terminal has few colours.
    DEFAULT_CSS = """
    NoteArea:focus { background-tint: transparent; }
    """

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        lines = (printable(line.expandtabs(4)) for line in event.text.splitlines())
        self.replace("\n".join(lines), *self.selection, maintain_selection_offset=False)


class NotesDialog(Dialog[str]):
    """An editor of a note; every change is written at once, so that leaving it needs no answer. Dismissed with the text.

    Args:
        heading: names the bake.
        text: what the note says so far.
        write: writes a text; called in a thread.
        line: what a line begins with that is about to be typed; kept only with what is typed behind it.
    """

    DEFAULT_CSS = """
    NotesDialog {
        & > Vertical { width: 92; height: 80%; }
        & TextArea { height: 1fr; margin-top: 1; border: none; padding: 0 1; background: $background; }
        & TextArea:focus { border: none; }
        & #state { color: $muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("notes")

    def __init__(self, heading: str, text: str, write: Callable[[str], Message], line: str = "") -> None:
        super().__init__()
        self._heading = heading
        lines = [printable(line.expandtabs(4)) for line in text.splitlines()]
        self._shown = "\n".join([*lines, line] if line else lines)
        self._writer = NoteWriter(write, self.post_message, lambda error: Refused(as_error("note", error)))

    def compose(self) -> ComposeResult:
        """Yield the text, and how it is kept."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            area = NoteArea(self._shown, id="text", soft_wrap=True, show_line_numbers=False)
            area.cursor_blink = False
            yield area
            yield Static("", id="error")
            yield Static(Content(key_hint(self, _SAVED, "notes.close=close")), id="keys")

    def on_mount(self) -> None:
        """Start writing, and put the cursor at the end."""
        self._writer.start()
        area = self.query_one(TextArea)
        area.move_cursor(area.document.end)
        area.focus()

    async def on_unmount(self) -> None:  # Textual waits for either kind
        """Let the last text be written, also where the screen ends because its terminal is gone."""
        self._writer.close()
        await asyncio.to_thread(self._writer.wait)

    def action_leave(self) -> None:
        """Close; everything is written already, or about to be."""
        self.dismiss(self.query_one(TextArea).text)

    @on(TextArea.Changed)
    def _write(self, event: TextArea.Changed) -> None:
        event.stop()
        text = event.text_area.text
        # What is shown for control characters takes their place only where something was written.
        if text != self._shown:
            self._shown = text
            self._writer.put(text)

    @on(Refused)
    def _show_refusal(self, event: Refused) -> None:
        event.stop()
        self.show_error(event.error)


class TagsDialog(NoteDialog):
    """Asks for the tags of a bake in one line; dismissed with the line."""

    ENTER_DOES = "keep"
    HINT = "tags with blanks between them, none for no tag"

    def __init__(self, heading: str, given: Sequence[str], used: Sequence[str]) -> None:
        """Ask for tags.

        Args:
            heading: names the bake.
            given: its tags.
            used: every tag of any bake.
        """
        others = ", ".join(tag for tag in used if tag not in given)
        super().__init__(heading, f"used elsewhere: {printable(others, 300)}" if others else "")
        self._given = " ".join(given)

    def on_mount(self) -> None:
        """Put the tags into the line."""
        line = self.query_one(Input)
        line.value = printable(self._given)
        line.cursor_position = len(line.value)

    @on(Input.Submitted)
    def _check(self, event: Input.Submitted) -> None:
        from trainer.history.notes import tags_in

        try:
            tags_in(event.value)
        except LoraTuiError as error:
            event.stop()
            event.prevent_default()
            self.query_one("#story", Static).update(Content.styled(printable(error.line()), "$error"))


class BestEpochDialog(PickDialog):
    """A choice among the epochs of a bake, which is written as it is made."""

    ENTER_ACTS = True
