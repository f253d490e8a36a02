"""The curves of bakes on the full screen: charts on one axis of steps, zoomed, read at any step, with everything that happened marked."""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen

from lora_tui.keys.keymap import BY_ID, bindings
from lora_tui.plots.curve_canvas import CanvasInput
from lora_tui.plots.curve_charts import ChartLook, CurveChart, charts_of
from lora_tui.plots.curve_window import CurveWindow
from lora_tui.plots.overlay import letter_of
from lora_tui.screens.dialog import key_hint
from lora_tui.terminal.key_queue import await_answer
from lora_tui.widgets.curve_stack import CurveStack
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.pane import first_that_fit, spread
from lora_tui.widgets.text_line import TextLine
from lora_tui.wording.curve_marks import CurveMark
from lora_tui.wording.exposures import exposed_line
from lora_tui.wording.state_symbols import FAILED, LIVE
from lora_tui.workers.curve_reader import ChoiceFound, CurveReader, CurvesNotRead, CurvesViewRead
from lora_tui.workers.curve_view import ChartedBake, CurveChoice, CurveQuestion, CurvesView
from trainer.measures.curve_groups import CURVE_GROUPS, LOSS
from trainer.text import plural, printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.wording.job_names import NamedBake
    from trainer.dataset.exposures import EpochExposure

_READING = "reading the curves …"
_NO_CURVE = "no curve is shown"
_NOTHING_YET = "nothing was recorded yet"
_NO_BAKE = "there is no such bake any more"
_MAX_NAME = 24
# Before the screen is laid out.
_COLUMNS = 150
_KEYS = (
    "curves.zoom-in",
    "curves.choose",
    "curves.log",
    "curves.next-mark",
    "curves.all",
    "curves.zoom-out",
    "app.help",
    "curves.close",
)
# Cells that the names need; else what is in view is not said beside them.
_LEAST_TITLE = 20
# Of a lower terminal the lines are for the curves.
_EXPOSED_LINES = 20


class ExposuresRead(Message):
    """What each epoch of a bake shows is known."""

    def __init__(self, number: int, exposures: "tuple[EpochExposure, ...]") -> None:
        """Carry the bake's number, and what it shows."""
        super().__init__()
        self.number = number
        self.exposures = exposures


class CurvesScreen(Screen[None]):
    """The curves of one bake, or of several over each other.

    Args:
        workspace: whose journal they are in.
        bakes: numbers, in the order of their marks.
        top: the one on top, None for the first.
        colours: number -> the place of its colour, where there are several; one without is not drawn.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("curves")
    DEFAULT_CSS = """
    CurvesScreen {
        background: $background;
        color: $foreground;
        layout: vertical;
        & > #curves-title { background: $panel; }
        & > #curves-exposed { color: $muted; display: none; }
        & > #curves-exposed.-shown { display: block; }
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        bakes: Sequence[int],
        top: int | None = None,
        colours: Mapping[int, int] | None = None,
    ) -> None:
        super().__init__()
        drawn = tuple(number for number in bakes if colours is None or number in colours)
        self._left_out = len(bakes) - len(drawn)
        self._bakes, self._top = drawn, top if top in drawn else next(iter(drawn), None)
        self._look = ChartLook(colours=colours if len(drawn) > 1 else None)
        # Bands of single losses would hide each other.
        several = CurveChoice().groups - {LOSS.key}
        self._choice = CurveChoice() if self._look.colours is None else CurveChoice(several)
        self._window = CurveWindow(follows=True)
        self._view: CurvesView | None = None
        self._charts: tuple[CurveChart, ...] = ()
        self._made_of: tuple[object, object] = (None, None)
        self._selected, self._alone = 0, False
        self._trouble = ""
        self._ready = threading.Event()
        self._workspace = workspace
        # Number of a bake -> what each of its epochs shows.
        self._exposures: dict[int, tuple[EpochExposure, ...]] = {}
        self._reads_exposures = False
        self.reader = CurveReader(workspace, self.post_message, several=self._look.colours is not None)

    def compose(self) -> ComposeResult:
        """Yield the title, the charts, the step under the cursor and the keys."""
        yield TextLine(id="curves-title")
        yield CurveStack(_READING)
        yield TextLine(id="curves-step")
        yield TextLine(id="curves-exposed")
        yield KeyLine(id="curves-keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.reader.start()
        # What is typed next is for the curves.
        await_answer(self, self._ready)
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())

    def on_unmount(self) -> None:
        """End the reader."""
        self._ready.set()
        self.reader.stop()

    def on_resize(self, event: events.Resize) -> None:
        """Read curves as fine as there are columns, and show the keys that there is room for."""
        self.call_after_refresh(self._resized)

    @property
    def charts(self) -> tuple[CurveChart, ...]:
        """What is drawn, from top to bottom."""
        return self._charts

    @property
    def window(self) -> CurveWindow:
        """The steps in view, and the cursor."""
        return self._window

    @property
    def view(self) -> CurvesView | None:
        """What was read last, None before."""
        return self._view

    # What comes from the reader

    @on(ChoiceFound)
    def _begin(self, event: ChoiceFound) -> None:
        event.stop()
        if event.choice is not None:
            self._choice = event.choice
        # How many columns there are is known once it is laid out.
        self.call_after_refresh(lambda: await_answer(self, self._ask()))

    @on(CurvesViewRead)
    def _take(self, event: CurvesViewRead) -> None:
        event.stop()
        view, first = event.view, self._view is None
        self._view, self._trouble = view, ""
        before = self._window
        now = replace(before, follows=before.follows and any(bake.live for bake in view.bakes))
        self._window = now.grown(view.first, view.last, view.recorded)
        if first:
            self._window = replace(self._window.all(), cursor=view.recorded)
        self._draw()
        self._show_keys()
        self._ready.set()
        # Of a bake that has just begun the list of pictures may not be written yet.
        if (top := view.top) is not None and (top.number not in self._exposures or top.live):
            self._want_exposures(top.number)
        # The end that it follows is known now, and the curves may be wanted of other steps.
        if self._question() != view.question and (first or self._window != before):
            self._ask()

    def _want_exposures(self, number: int) -> None:
        if not self._exposures.get(number) and not self._reads_exposures:
            self._reads_exposures = True
            self._read_exposures(number)

    @work(thread=True, exit_on_error=False, group="exposures")
    def _read_exposures(self, number: int) -> None:
        from lora_tui.actions.exposures import read_exposures

        self.post_message(ExposuresRead(number, read_exposures(self._workspace, number)))

    @on(ExposuresRead)
    def _take_exposures(self, event: ExposuresRead) -> None:
        event.stop()
        self._reads_exposures = False
        self._exposures[event.number] = event.exposures
        self._show_step()

    @on(CurvesNotRead)
    def _show_trouble(self, event: CurvesNotRead) -> None:
        event.stop()
        self._trouble = event.error.line()
        # A line may be too short for it.
        self.notify(printable(self._trouble), severity="error", markup=False)
        self._show_step()
        self._ready.set()

    # What the keys do

    def action_leave(self) -> None:
        """Out of a region that was begun, from one chart to all, then back."""
        if self._window.begun is not None:
            self._change(self._window.without_region())
        elif self._alone and len(self._charts) > 1:
            self._alone = False
            self._draw()
        else:
            self.dismiss(None)

    def action_move(self, cells: int) -> None:
        """Move the cursor."""
        self._change(self._window.moved(cells, self._columns))

    def action_edge(self, end: int) -> None:
        """Put the cursor on the first step, or on the last recorded."""
        self._change(self._window.at(self._window.recorded if end else self._window.lowest))

    def action_go_to_mark(self, way: int) -> None:
        """Put the cursor on the next mark, or on the one before."""
        if self._view is None:
            return
        steps = [mark.step for mark in self._view.marks]
        here = self._window.cursor
        found = [step for step in steps if (step > here if way > 0 else step < here)]
        if found:
            self._change(self._window.at(min(found) if way > 0 else max(found)))

    def action_choose_chart(self, by: int) -> None:
        """Let the keys be for the next chart."""
        if self._charts:
            self._selected = min(max(0, self._selected + by), len(self._charts) - 1)
            self._draw()

    def action_alone(self) -> None:
        """Show this chart alone, or all."""
        self._alone = not self._alone
        self._draw()

    def action_zoom(self, way: int) -> None:
        """Zoom in or out around the cursor."""
        self._change(self._window.zoomed(way))

    def action_region(self) -> None:
        """Begin a region, or zoom to it."""
        self._change(self._window.turned_region())

    def action_all(self) -> None:
        """Show all steps."""
        self._change(self._window.all())

    def action_pan(self, way: int) -> None:
        """Move the view by half its width."""
        self._change(self._window.panned(way))

    def action_follow(self) -> None:
        """Follow the last step, or stay here."""
        self._change(self._window.turned_follow())

    def action_log(self) -> None:
        """Make the axis of the selected chart logarithmic, or linear."""
        if self._charts:
            key = self._charts[self._selected].axis.key
            self._look = replace(self._look, logs=self._look.logs ^ {key})
            self._draw()

    def action_spikes(self) -> None:
        """Let the highest values decide the axes, or hold them at the edge."""
        self._look = replace(self._look, spikes=not self._look.spikes)
        self._draw()

    def action_pin(self) -> None:
        """Put the next of several bakes on top."""
        if len(self._bakes) > 1 and self._top is not None:
            self._top = self._bakes[(self._bakes.index(self._top) + 1) % len(self._bakes)]
            await_answer(self, self._ask())

    def action_group(self, key: str) -> None:
        """Show or hide a group of curves."""
        group = next(group for group in CURVE_GROUPS if group.key == key)
        records = () if self._view is None else self._view.records
        if self._view is not None and not any(record.group is group for record in records):
            self.notify(f"{group.title}: nothing of it was recorded", severity="warning", markup=False)
            return
        self._choose(self._choice.turned_group(group, records))

    def action_choose(self) -> None:
        """Choose curves from the list of all."""
        from lora_tui.screens.choose_curves import ChooseCurvesDialog

        def take(choice: CurveChoice | None) -> None:
            if choice is not None:
                self._choose(choice)

        self.app.push_screen(ChooseCurvesDialog(() if self._view is None else self._view.records, self._choice), take)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self), has_panes=False))

    # What is shown

    @property
    def _columns(self) -> int:
        return self.query_one(CurveStack).columns or _COLUMNS

    def _question(self) -> CurveQuestion:
        window = self._window
        whole = window.shows_all or self._view is None
        return CurveQuestion(
            self._bakes,
            self._top,
            self._choice,
            None if whole else (window.first, window.last),
            2 * self._columns,
            None if self._view is None or self._at_end else window.cursor,
        )

    @property
    def _at_end(self) -> bool:
        """Whether the cursor stays on the last step, whichever it will be."""
        window, view = self._window, self._view
        grows = view is not None and any(bake.live for bake in view.bakes)
        return window.follows or (window.cursor == window.recorded and not grows)

    def _ask(self) -> threading.Event:
        return self.reader.ask(self._question())

    def _choose(self, choice: CurveChoice) -> None:
        """Show other curves, and the next time too."""
        self._choice = choice
        self.reader.keep(choice)
        await_answer(self, self._ask())

    def _change(self, window: CurveWindow) -> None:
        """Show another stretch, or the cursor elsewhere: at once what is known of it, and soon what is read."""
        if window == self._window:
            return
        asks = replace(window, begun=None) != replace(self._window, begun=None)
        self._window = window
        self._draw()
        if asks:
            await_answer(self, self._ask())

    def _resized(self) -> None:
        self._show_keys()
        self._draw()
        if self._view is not None and self._question() != self._view.question:
            self._ask()

    def _draw(self) -> None:
        """Draw the charts, and say what is under the cursor."""
        view = self._view
        if view is None:
            return
        window = self._window
        made_of = (view.records, view.question.top, window.first, window.last, self._look)
        # A cursor that moves changes no curve.
        if view.curves is not self._made_of[0] or made_of != self._made_of[1]:
            self._made_of = view.curves, made_of
            self._charts = charts_of(view, window, self._look)
        self._selected = min(self._selected, max(0, len(self._charts) - 1))
        given = CanvasInput(
            self._charts,
            window,
            view.marks,
            view.readings,
            0 if view.top is None else view.top.per_epoch,
            self._selected,
            self._alone,
        )
        self.query_one(CurveStack).show(given, self._empty(view))
        self._show_title()
        self._show_step()

    def _empty(self, view: CurvesView) -> str:
        if not view.bakes:
            return _NO_BAKE
        if not view.records:
            return _NOTHING_YET
        return f"{_NO_CURVE} · {key_hint(self, 'curves.choose=choose some')}"

    def _show_title(self) -> None:
        view = self._view
        if view is None:
            return
        window = self._window
        names = [_name(bake) if self._look.colours is None else self._lettered(bake) for bake in view.bakes]
        if self._left_out:
            names.append(Content.styled(f"{plural(self._left_out, 'more bake')} not drawn", "$muted"))
        part = "all steps" if window.shows_all else f"steps {window.first:,} to {window.last:,}"
        words = " · ".join(
            filter(None, (part, "following" if window.follows else "", "spikes in full" if self._look.spikes else ""))
        )
        width = max(1, self.size.width - 2)
        right = Content.styled(words, "$muted")
        if width - right.cell_length < _LEAST_TITLE:
            right = Content("")
        left = first_that_fit([Content.styled("Curves", "bold"), *names], max(1, width - right.cell_length - 2), "  ")
        self.query_one("#curves-title", TextLine).show(spread(width, left, right))

    def _lettered(self, bake: ChartedBake) -> Content:
        colours, top = self._look.colours or {}, self._view.top if self._view is not None else None
        on_top = top is not None and top.number == bake.number
        place = colours.get(bake.number, 0)
        letter = (f"{letter_of(place, on_top=on_top)} ", f"bold $curve-{place + 1}")
        return Content.assemble(letter, _name(bake))

    def _show_step(self) -> None:
        view, window = self._view, self._window
        line = self.query_one("#curves-step", TextLine)
        if self._trouble:
            line.show(Content.assemble((f"{FAILED.mark} {printable(self._trouble)}", "$error")))
        elif view is not None:
            top = view.top
            parts = [Content.styled(_step_words(window.cursor, top), "bold")]
            if window.begun is not None:
                keys = key_hint(self, "curves.region=zoom to it", "curves.close=leave it")
                parts.append(Content.styled(f"region from step {window.begun:,} ({keys})", "$accent"))
            parts += [Content(words) for words in mark_words(view.marks, window, self._columns)]
            line.show(Content(" · ").join(parts))
        self._show_exposed()

    def _show_exposed(self) -> None:
        """Say how often the bake on top has shown what by the end of the epoch under the cursor."""
        top = None if self._view is None else self._view.top
        text = ""
        if top is not None and top.per_epoch and self.size.height >= _EXPOSED_LINES:
            epoch = -(-self._window.cursor // top.per_epoch)
            text = exposed_line(self._exposures.get(top.number, ()), epoch)
        line = self.query_one("#curves-exposed", TextLine)
        line.set_class(bool(text), "-shown")
        line.show(Content(text))

    def _show_keys(self) -> None:
        self.query_one(KeyLine).show_actions([(name, BY_ID[name].label) for name in _KEYS])


def mark_words(marks: Sequence[CurveMark], window: CurveWindow, columns: int) -> list[str]:
    """Return what happened at the cursor: at its very step, else at the steps that are drawn in its column."""
    first, last = window.stretch(window.cursor, columns)
    step = attrgetter("step")
    seen = marks[bisect_left(marks, first, key=step) : bisect_right(marks, last, key=step)]
    here = [mark.text for mark in seen if mark.step == window.cursor]
    return here or [f"{mark.text} @{mark.step:,}" for mark in seen]


def _name(bake: ChartedBake) -> Content:
    sign = (f" {LIVE.mark}", LIVE.colour) if bake.live else ("", "")
    return Content.assemble(f"{bake.number:04d} {printable(bake.name, _MAX_NAME)}", sign)


def _step_words(step: int, bake: ChartedBake | None) -> str:
    """Return `step 734 of 1,616, epoch 4`; beside a longer bake the cursor may stand behind the last step."""
    steps = 0 if bake is None else max(bake.total, bake.last)
    if bake is not None and steps and step > steps:
        return f"step {step:,}; {bake.number:04d} ends at {steps:,}"
    of = f" of {steps:,}" if steps else ""
    epoch = f", epoch {-(-step // bake.per_epoch)}" if bake is not None and bake.per_epoch and step else ""
    return f"step {step:,}{of}{epoch}"


def show_curves(screen: Screen[Any], workspace: Workspace, bake: "NamedBake | None") -> None:
    """Show the curves of one bake over `screen`; where there is none, say so."""
    if bake is None:
        screen.notify("there is no bake yet", severity="warning", markup=False)
        return
    screen.app.push_screen(CurvesScreen(workspace, (bake.number,)))
