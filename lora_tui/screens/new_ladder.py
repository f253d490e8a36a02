"""Dialogs of a new ladder and of more rungs of one: what is typed, what it would take while it is typed, and whether it is queued or held."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from lora_tui.actions.ladders import ExtendRequest, LadderChanged, LadderQueued, LadderRequest
from lora_tui.screens.choose_knob import ChosenKnob
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.dialog import FieldsDialog, key_hint, line_input
from lora_tui.widgets.line_input import LineInput
from lora_tui.wording.ladder_text import cost_text
from lora_tui.wording.state_symbols import WARNING
from lora_tui.wording.unexpected import as_error
from lora_tui.workers.ladder_planner import LadderPlanned, LadderPlanner
from trainer.errors import LoraTuiError, SettingsError
from trainer.text import listed, plural, printable

if TYPE_CHECKING:
    from trainer.ladders.to_queue import LadderToQueue

    Request = LadderRequest | ExtendRequest
    Done = LadderQueued | LadderChanged

_KEYS = ("enter on the last line: queue or hold", "dialog.cancel")
_COUNTING = "reading settings and pictures …"
_STILL_COUNTING = "still being worked out"
_RUNGS = "factors, as 0.1, 1, 10; or values, as =1e-4, =2e-4"
_QUEUE, _HOLD = "queue", "hold"
_ANSWERS = (
    Answer("b", "queue them", _QUEUE),
    Answer("h", "queue them, held until you release them", _HOLD),
    Answer("escape", "back", ""),
)
# Numbers of questions start at 1.
_NONE_ASKED = 0
_MAX_NOTES = 8
_MAX_RUNGS_SHOWN = 12


class LadderDialog(FieldsDialog["Done | None"]):
    """Lines that make a ladder, and what it would take; dismissed with what was queued, or None."""

    DEFAULT_CSS = """
    LadderDialog {
        & > Vertical { width: 92; overflow-y: auto; }
        & .about { color: $muted; max-height: 3; margin-bottom: 1; }
        & .line { height: 1; }
        & .label { width: 8; color: $muted; }
        & .line Input { width: 1fr; }
        & #outlook { margin-top: 1; }
    }
    """

    class Queued(Message):
        """It is in the queue."""

        def __init__(self, done: "Done") -> None:
            super().__init__()
            self.done = done

    class Refused(Message):
        """Something is wrong; nothing was written."""

        def __init__(self, error: LoraTuiError) -> None:
            """Carry what is wrong."""
            super().__init__()
            self.error = error

    def __init__(self) -> None:
        super().__init__()
        self.planner = LadderPlanner(self.post_message)
        self._question = _NONE_ASKED
        self._ready: LadderToQueue | None = None
        self._error: LoraTuiError | None = None
        self._busy = False

    @abstractmethod
    def lines(self) -> ComposeResult:
        """Yield the heading and the lines to type into."""

    @abstractmethod
    def request(self) -> "Request":
        """Return what is asked for.

        Raises:
            SettingsError: what is typed cannot be read.
        """

    def compose(self) -> ComposeResult:
        """Yield the lines, what they would make, and the keys."""
        with Vertical():
            yield from self.lines()
            yield Static("", id="outlook")
            yield Static("", id="error")
            yield Static(Content(key_hint(self, *_KEYS)), id="keys")

    def on_mount(self) -> None:
        """Start working out what it would take."""
        self.planner.start()
        self._ask()

    def on_unmount(self) -> None:
        """End the planner."""
        self.planner.stop()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._ask()

    def _ask(self) -> None:
        """Have what is typed worked out; what cannot be read is said at once."""
        self._ready = self._error = None
        try:
            request = self.request()
        except SettingsError as error:
            # An answer to what was typed before is no longer one.
            self._question = _NONE_ASKED
            self._show_wrong(error)
            return
        self._question = self.planner.ask(request.preview)
        self.show_error(None)
        self._show_outlook([Content.styled(_COUNTING, "$muted")])

    @on(LadderPlanned)
    def _show_plan(self, event: LadderPlanned) -> None:
        event.stop()
        if event.question != self._question:
            return
        if event.ready is None:
            self._show_wrong(event.error)
            return
        self._ready = event.ready
        self.show_error(None)
        self._show_outlook(outlook_lines(event.ready))

    def _show_wrong(self, error: LoraTuiError | None) -> None:
        self._error = error
        self._show_outlook([])
        self.show_error(error)

    @on(Input.Submitted)
    def _next_or_confirm(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input is not list(self.query(LineInput))[-1]:
            self.focus_next()
        elif not self._busy:
            self._confirm()

    def _confirm(self) -> None:
        """Ask whether the bakes are queued or held."""
        ready = self._ready
        if ready is None:
            if self._error is None:
                self.notify(_STILL_COUNTING, severity="warning", markup=False)
            return
        self.app.push_screen(
            ConfirmDialog(f"{printable(ready.spec.title, 200)}\n{cost_text(ready)}", _ANSWERS), self._start
        )

    def _start(self, answer: str | None) -> None:
        if answer:
            self._busy = True
            self.show_error(None)
            request, held = self.request(), answer == _HOLD
            self.start_work(
                _COUNTING,
                lambda: self.Queued(request.queue(held=held)),
                lambda error: self.Refused(as_error("ladder", error)),
            )

    @on(Queued)
    def _close(self, event: Queued) -> None:
        event.stop()
        self.dismiss(event.done)

    @on(Refused)
    def _refuse(self, event: Refused) -> None:
        event.stop()
        self._busy = False
        self.query_one("#keys", Static).update(Content(key_hint(self, *_KEYS)))
        self.show_error(event.error)
        self.query(LineInput).first().focus()

    def _show_outlook(self, lines: Iterable[Content]) -> None:
        self.query_one("#outlook", Static).update(Content("\n").join(lines))

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _number(self, name: str) -> int | None:
        text = self._value(name)
        return int(text) if text else None


class NewLadderDialog(LadderDialog):
    """A new ladder.

    Args:
        request: what was chosen so far.
        knob: the setting or the ready ladder.
        bake: number of the bake shown, which it may start from in place of the form; None without one.
    """

    def __init__(self, request: LadderRequest, knob: ChosenKnob, bake: int | None) -> None:
        super().__init__()
        self._request, self._knob, self._shown = request, knob, bake

    def lines(self) -> ComposeResult:
        """Yield what is asked, the knob with its rungs, the twins, and what it starts from."""
        yield Static(Content.assemble(("New ladder  ", "bold"), (printable(self._knob.title), "$primary")))
        yield Static(Content(printable(self._knob.help, 600)), classes="about")
        if not self._knob.preset:
            yield _line(
                "knob",
                self._request.knob,
                "a setting; commas between those that move together, ; between two to be crossed",
            )
            yield _line("rungs", self._request.rungs, _RUNGS)
            # The line is filled in, so its own hint is not seen.
            yield Static(Content.styled(f"        {_RUNGS}", "$muted"))
        elif self._knob.choice:
            yield _line("choice", "", f"{self._knob.choice} (blank: the ladder's own choice)")
        yield _line("twins", str(self._request.twins), "bakes of each rung (blank: 2)", digits=True)
        start = "" if self._request.of_bake is None else str(self._request.of_bake)
        yield _line("start", start, self._start_hint(), label="from", digits=True)

    def request(self) -> LadderRequest:
        """Return the ladder as it is typed."""
        twins = self._number("twins")
        typed = replace(self._request, twins=2 if twins is None else twins, of_bake=self._number("start"))
        if not self._knob.preset:
            return replace(typed, knob=self._value("knob"), rungs=self._value("rungs"))
        return replace(typed, choice=self._value("choice")) if self._knob.choice else typed

    def _start_hint(self) -> str:
        shown = "" if self._shown is None else f", such as {self._shown}"
        if self._request.draft is None:
            return f"a bake's number{shown}"
        return f"blank: the settings in the form; or a bake's number{shown}"


class ExtendDialog(LadderDialog):
    """More rungs of a ladder, or more twins.

    Args:
        request: of which ladder.
        heading: names it; our own text.
        twins: how many bakes each rung has.
    """

    def __init__(self, request: ExtendRequest, heading: str, twins: int) -> None:
        super().__init__()
        self._request, self._heading, self._twins = request, heading, twins

    def lines(self) -> ComposeResult:
        """Yield the two lines."""
        yield Static(Content.styled(self._heading, "bold"))
        yield _line("rungs", "", "more rungs, commas between them (blank: none)", label="more")
        yield _line("twins", str(self._twins), f"bakes of each rung, {plural(self._twins, 'bake')} now", digits=True)

    def request(self) -> ExtendRequest:
        """Return what is typed.

        Raises:
            SettingsError: it adds nothing.
        """
        rungs, twins = self._value("rungs"), self._number("twins")
        if not rungs and (twins or self._twins) == self._twins:
            raise SettingsError(
                "the ladder", found="nothing to add", expected="more rungs, or more twins", way_out="type either"
            )
        return replace(self._request, rungs=rungs, twins=twins)


def outlook_lines(ready: "LadderToQueue") -> list[Content]:
    """Return what a ladder would be: its rungs, what it takes, and what the user should know."""
    labels = [printable(rung.label, 40) + (" (as it is)" if rung.is_centre else "") for rung in ready.spec.rungs]
    shown = listed(labels[:_MAX_RUNGS_SHOWN])
    more = len(labels) - _MAX_RUNGS_SHOWN
    rungs = shown + (f" and {more} more" if more > 0 else "")
    lines = [
        Content.styled(cost_text(ready), "bold"),
        Content.assemble((f"{plural(len(labels), 'rung')}: ", "$muted"), rungs),
    ]
    lines += [
        Content.assemble((f"{WARNING.mark} ", WARNING.colour), printable(note, 300))
        for note in ready.notes[:_MAX_NOTES]
    ]
    if (hidden := len(ready.notes) - _MAX_NOTES) > 0:
        lines.append(Content.styled(f"  and {plural(hidden, 'more note')}", "$muted"))
    return lines


def _line(name: str, value: str, hint: str, *, label: str = "", digits: bool = False) -> Horizontal:
    """Return a line to type into with its label before it."""
    line = line_input(name, hint, restrict=r"[0-9]*" if digits else None, max_length=9 if digits else 0)
    line.value = value
    return Horizontal(Static(Content(label or name), classes="label"), line, classes="line")
