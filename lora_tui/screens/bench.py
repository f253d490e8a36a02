"""The LoRA bench: files and options of an operation, what would come of it, and how far it is."""

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from lora_tui.actions.bench import LoraBench
from lora_tui.actions.bench_operations import BenchOperation, operations_for
from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import FieldsDialog, field_row, key_hint
from lora_tui.screens.help import family_on
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.long_work import WorkStopped, watched
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.bench import BenchResult

_AGAIN = "FileTaken"
_READING = "reading the files …"
_NOTE = "! "
_STOPPED = "stopped; nothing was written"
_STOPPING = "stopping …"
_IS_WRITTEN = "that is written; change a line to write another file"
_CHANGE_FIRST = "written: change a line for another file"
_QUIET = 0.25
_SHOWN_SECONDS = 0.2


class BenchDialog(FieldsDialog[None]):
    """One operation of the bench; it stays open for the next file.

    Args:
        bench: does it.
        operation: which one.
    """

    DEFAULT_CSS = """
    BenchDialog {
        & > Vertical { width: 116; }
        & .row { height: 1; }
        & .label { width: 11; color: $muted; }
        & Input { width: 1fr; }
        & #help { color: $muted; margin-bottom: 1; }
        & #about { height: auto; max-height: 26; margin-top: 1; scrollbar-size-vertical: 1; }
        &.-short #help { display: none; }
        & #found { text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("bench")
    ENTER_ACTS = True

    class Suggested(Message):
        """What the fields start with."""

        def __init__(self, typed: dict[str, str], epochs: str) -> None:
            """Carry it, and which epochs there are."""
            super().__init__()
            self.typed = typed
            self.epochs = epochs

    class Previewed(Message):
        """What would come of it, or what is wrong."""

        def __init__(self, asked: int, lines: list[str], error: LoraTuiError | None = None) -> None:
            """Carry the number of the question, and its answer."""
            super().__init__()
            self.asked = asked
            self.lines = lines
            self.error = error

    class Progressed(Message):
        """How far it is."""

        def __init__(self, done: int, total: int) -> None:
            super().__init__()
            self.done = done
            self.total = total

        def can_replace(self, message: Message) -> bool:
            """Return whether a newer one makes this one needless."""
            return isinstance(message, type(self))

    class Finished(Message):
        """It is done, was stopped, or could not be done."""

        def __init__(
            self,
            result: "BenchResult | None",
            error: LoraTuiError | None = None,
            typed: dict[str, str] | None = None,
        ) -> None:
            """Carry the result and what was typed for it; neither result nor error where it was stopped."""
            super().__init__()
            self.result = result
            self.error = error
            self.typed = typed

    def __init__(self, bench: LoraBench, operation: BenchOperation) -> None:
        super().__init__()
        self._bench, self._operation = bench, operation
        self._asked = 0
        self._waiting: Timer | None = None
        self._stop: threading.Event | None = None
        # Whether enter overwrites the file that is there.
        self._replace = False
        # What was typed for the file that was written last: enter does not write it twice.
        self._written: dict[str, str] | None = None
        self._epochs = ""

    def compose(self) -> ComposeResult:
        """Yield a line for each field, and room for what would come of it."""
        with Vertical():
            yield Static(Content.styled(f"LoRA bench: {self._operation.title}", "bold"))
            yield Static(Content(self._operation.help), id="help")
            for field in self._operation.fields:
                yield field_row(field)
            with VerticalScroll(id="about", can_focus=False):
                yield Static(Content.styled(_READING, "$muted"), id="found")
                yield Static("", id="notes")
            yield Static("", id="error")
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Read what the fields start with."""
        self._show_keys()
        self._suggest()

    @work(thread=True, exit_on_error=False, group="looking")
    def _suggest(self) -> None:
        try:
            answer = self.Suggested(self._bench.suggestions(self._operation.key), self._bench.epochs())
        except Exception:
            # Without suggestions the fields are blank.
            answer = self.Suggested({}, "")
        self.post_message(answer)

    @on(Suggested)
    def _fill(self, event: Suggested) -> None:
        event.stop()
        self._epochs = event.epochs
        for key, text in event.typed.items():
            found = self.query(f"#{key}")
            line = found.first(Input) if found else None
            if line is not None and not line.value:
                line.value = text
                line.cursor_position = len(text)
        self._ask()

    @on(Input.Changed)
    def _change(self, event: Input.Changed) -> None:
        event.stop()
        self._replace = False
        if self._written is not None and self._typed() != self._written:
            self._written = None
            self._show_keys()
        if self._stop is None:
            self._ask_soon()

    @on(Input.Submitted)
    def _next_or_run(self, event: Input.Submitted) -> None:
        event.stop()
        if self._stop is not None:
            return
        if event.input.id != self._operation.fields[-1].key and not self._replace:
            self.focus_next()
        elif self._written is None:
            self._start()
        else:
            self.notify(_IS_WRITTEN, severity="warning", markup=False)

    def action_scroll(self, way: str) -> None:
        """Scroll what was found."""
        about = self.query_one("#about", VerticalScroll)
        if way == "down":
            about.scroll_page_down(animate=False)
        else:
            about.scroll_page_up(animate=False)

    def action_leave(self) -> None:
        """Close; while it runs, stop it first."""
        if self._stop is None:
            self.dismiss(None)
        else:
            self._stop.set()
            self.query_one("#keys", Static).update(Content(_STOPPING))

    # What would come of it

    def _ask_soon(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = self.set_timer(_QUIET, self._ask)

    def _ask(self) -> None:
        self._asked += 1
        self._preview(self._asked, self._typed())

    @work(thread=True, exit_on_error=False, group="looking")
    def _preview(self, asked: int, typed: dict[str, str]) -> None:
        try:
            answer = self.Previewed(asked, self._bench.preview(self._operation.key, typed))
        except Exception as error:
            answer = self.Previewed(asked, [], as_error("bench", error))
        self.post_message(answer)

    @on(Previewed)
    def _show_preview(self, event: Previewed) -> None:
        event.stop()
        if event.asked != self._asked or self._stop is not None:
            return
        lines = event.lines
        if event.error is not None:
            # While it is being typed it is not wrong yet: what it says is what is missing.
            lines = [event.error.line(), *([self._epochs] if self._epochs else [])]
        self._show_lines(lines, "$muted")

    # Doing it

    def _start(self) -> None:
        self.show_error(None)
        self._stop = threading.Event()
        # An answer to what was typed before would stand where the result does.
        self._asked += 1
        if self._waiting is not None:
            self._waiting.stop()
        self.query_one("#keys", Static).update(Content("starting … · esc: stop"))
        typed, replace = self._typed(), self._replace
        self._replace = False
        # A thread of Textual's would hold up the exit until the file is written.
        run = partial(self._run_in_thread, typed, self._stop, replace)
        threading.Thread(target=run, name="bench", daemon=True).start()

    def _run_in_thread(self, typed: dict[str, str], stop: threading.Event, replace: bool) -> None:
        from trainer.lora_tools.made_lora import BenchStopped

        shown = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal shown
            if time.monotonic() - shown >= _SHOWN_SECONDS:
                shown = time.monotonic()
                self.post_message(self.Progressed(done, total))

        try:
            # What tells nobody else how far it is, such as the hash of a file, tells who watches.
            with watched(lambda now: progress(now.done, now.total), stop.is_set):
                result = self._bench.run(self._operation.key, typed, progress, stop.is_set, replace=replace)
            answer = self.Finished(result, typed=typed)
        except (BenchStopped, WorkStopped):
            answer = self.Finished(None)
        except Exception as error:
            answer = self.Finished(None, as_error("bench", error))
        self.post_message(answer)

    @on(Progressed)
    def _show_progress(self, event: Progressed) -> None:
        event.stop()
        if self._stop is not None and not self._stop.is_set():
            text = f"{event.done:,} of {event.total:,} · esc: stop"
            self.query_one("#keys", Static).update(Content(text))

    @on(Finished)
    def _finish(self, event: Finished) -> None:
        event.stop()
        self._stop = None
        self._replace = type(event.error).__name__ == _AGAIN
        self.show_error(event.error)
        if event.result is not None:
            if self._operation.writes and self._typed() == event.typed:
                self._written = event.typed
            self._show_lines(list(event.result.lines))
        elif event.error is None:
            self._show_lines([_STOPPED], "$muted")
        self._show_keys()

    def _show_lines(self, lines: list[str], style: str = "") -> None:
        # A table is cut at the edge, a sentence goes on below.
        notes = [line for line in lines if line.startswith(_NOTE)]
        for name, shown in (("#found", [line for line in lines if line not in notes]), ("#notes", notes)):
            content = Content("\n").join(Content.styled(printable(line), style) for line in shown)
            self.query_one(name, Static).update(content)
        self.query_one("#about", VerticalScroll).scroll_home(animate=False)

    def _show_keys(self) -> None:
        does = "write" if self._operation.writes else "read"
        enter = "enter again: overwrite" if self._replace else f"enter on the last line: {does}"
        if self._written is not None:
            enter = _CHANGE_FIRST
        self.query_one("#keys", Static).update(
            Content(key_hint(self, enter, "bench.down=scroll", "dialog.cancel=close"))
        )

    def _typed(self) -> dict[str, str]:
        return {field.key: self.query_one(f"#{field.key}", Input).value for field in self._operation.fields}


def show_bench(screen: Screen[Any], bench: LoraBench) -> None:
    """Offer the operations of the bench over `screen`, then open the one that is picked."""
    operations = operations_for(family_on(screen))

    def open_one(key: str | None) -> None:
        if key is not None:
            screen.app.push_screen(BenchDialog(bench, operations[key]))

    choices = [PickChoice(each.key, each.title, each.help) for each in operations.values()]
    screen.app.push_screen(PickDialog("LoRA bench", choices), open_one)
