"""The search for the fastest settings that fit: run in a thread, shown with what was not taken, applied on request."""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import Dialog, key_hint, line_input
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError, SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.memory.fit_result import FitResult

_WIDTH, _PADDING = 100, 5
# Lines of the dialog that are not what was found, an error of two lines included.
_OTHER_LINES = 10
_SIZES = "GPU memory the bake may use; `8GB` means a GPU of that size, less what CUDA and the desktop use"
_SEARCHING = "searching for settings that fit …"
_STOPPED = "search ended: a bake is running"
_AGAIN = ("enter: search again", "dialog.cancel")
_APPLY = ("enter: apply", "dialog.cancel", "↑ ↓: scroll")
_NOTHING = ("esc: close (nothing to apply)", "↑ ↓: scroll")
_CANCEL = ("dialog.cancel",)

Search = Callable[[int, Callable[[str], object], Callable[[], bool]], "FitResult | None"]
"""Finds what fits into a number of bytes; reports what it tries, and returns None soon after the last argument turned true."""


class FitDialog(Dialog["Mapping[str, object] | None"]):
    """Dismissed with the settings to change and their values, or None.

    Args:
        search: looks for what fits; called in a thread.
        limit: the size offered first, as it is typed.
        heading: names the settings.
    """

    DEFAULT_CSS = """
    FitDialog {
        & > Vertical { width: 100; }
        & #limit:focus { background: $surface; }
        & #found { height: auto; margin-top: 1; scrollbar-size-vertical: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("fit")
    ENTER_ACTS = True

    class Progressed(Message):
        """What a search is trying now."""

        def __init__(self, search: int, words: str) -> None:
            """Carry the words of search number `search`."""
            super().__init__()
            self.search = search
            self.words = words

    class SearchEnded(Message):
        """A search ended."""

        def __init__(self, search: int, result: "FitResult | None", error: LoraTuiError | None) -> None:
            """Carry the result of search number `search`, or what went wrong."""
            super().__init__()
            self.search = search
            self.result = result
            self.error = error

    def __init__(self, search: Search, limit: str, heading: str) -> None:
        super().__init__()
        self._search = search
        self._limit = limit
        self._heading = heading
        # The number of the newest search, and the size that it is of.
        self._search_number = 0
        self._searched_limit = ""
        self._result: FitResult | None = None

    def compose(self) -> ComposeResult:
        """Yield the line for the size, and room for what is found."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static(Content.styled(_SIZES, "$muted"))
            line = line_input("limit")
            line.value = self._limit
            yield line
            with VerticalScroll(id="found", can_focus=False):
                yield Static("", id="lines")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_CANCEL)), id="keys")

    def on_mount(self) -> None:
        """Search what fits into the offered size."""
        self.query_one("#limit", Input).focus()
        self._search_now()

    def on_resize(self, event: events.Resize) -> None:
        """Leave what is found the lines that the rest does not need."""
        self.query_one("#found").styles.max_height = max(3, event.size.height - _OTHER_LINES)

    def on_unmount(self) -> None:
        """End the search."""
        self._search_number += 1

    @on(Input.Changed, "#limit")
    def _ask_again(self, event: Input.Changed) -> None:
        event.stop()
        self._show_keys()

    @on(Input.Submitted, "#limit")
    def _apply_or_look(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() != self._searched_limit:
            self._search_now()
        elif (changes := self._changes) is not None:
            self.dismiss(changes)

    def _search_now(self) -> None:
        from trainer.memory.limit import limit_of

        text = self.query_one("#limit", Input).value.strip()
        self._search_number += 1
        self._searched_limit, self._result = text, None
        self.show_error(None)
        try:
            limit = limit_of(text)
        except SettingsError as error:
            self._show_lines([])
            self.show_error(error)
        else:
            self._show_lines([_SEARCHING])
            self._search_in_thread(self._search_number, limit)
        self._show_keys()

    @work(thread=True, exit_on_error=False, group="fitting")
    def _search_in_thread(self, number: int, limit: int) -> None:
        result, error = None, None
        try:
            result = self._search(
                limit,
                lambda words: self.post_message(self.Progressed(number, words)),
                lambda: number != self._search_number,
            )
        except Exception as broken:
            # A fault of ours is worth a line here, and never the end of the program.
            error = as_error("fit", broken)
        self.post_message(self.SearchEnded(number, result, error))

    @on(Progressed)
    def _show_progress(self, event: Progressed) -> None:
        event.stop()
        if event.search == self._search_number and self._result is None:
            self._show_lines([_SEARCHING, f"  {printable(event.words)}"])

    @on(SearchEnded)
    def _show(self, event: SearchEnded) -> None:
        from trainer.memory.fit_report import fit_lines

        event.stop()
        if event.search != self._search_number:
            return
        self._result = event.result
        self.show_error(event.error)
        if event.result is not None:
            self._show_lines(fit_lines(event.result))
        else:
            self._show_lines([] if event.error is not None else [_STOPPED])
        self._show_keys()

    def action_scroll(self, lines: int) -> None:
        """Scroll what was found."""
        self.query_one("#found", VerticalScroll).scroll_relative(y=lines, animate=False, immediate=True)

    @property
    def _changes(self) -> "Mapping[str, object] | None":
        """What the proposal changes; None where there is none, or it changes nothing."""
        best = self._result.best if self._result is not None else None
        return best.changes if best is not None and best.changes else None

    def _show_lines(self, lines: Iterable[str]) -> None:
        width = min(_WIDTH, self.app.size.width) - _PADDING
        rows = [row for line in lines for row in _folded(line, width)]
        self.query_one("#lines", Static).update(Content("\n").join(rows))

    def _show_keys(self) -> None:
        keys: tuple[str, ...]
        if self.query_one("#limit", Input).value.strip() != self._searched_limit:
            keys = _AGAIN
        elif self._result is None:
            keys = _CANCEL
        else:
            keys = _APPLY if self._changes is not None else _NOTHING
        self.query_one("#keys", Static).update(Content(key_hint(self, *keys)))


def _folded(line: str, width: int) -> list[Content]:
    """Return a line of a report in rows; what is below another is indented, and a heading has its colour."""
    inner = len(line) - len(line.lstrip())
    rows = textwrap.wrap(line, max(20, width), subsequent_indent=" " * (inner + 4)) or [""]
    style = "" if inner else "$primary"
    return [Content.styled(row, style) for row in rows]
