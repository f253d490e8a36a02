"""One ladder: its rungs and their bakes, a measure over the knob or the curves of all rungs, and the answer in words."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.actions import bakes, ladders
from lora_tui.actions.order_sender import OrderSender
from lora_tui.keys.key_lines import shown_ladder_keys
from lora_tui.keys.keymap import bindings
from lora_tui.ports import OWNER, EngineLike, Rights
from lora_tui.screens.ladder_curves import LadderCurves
from lora_tui.screens.ladder_orders import LadderOrders
from lora_tui.screens.pick import PickChoice, PickDialog
from lora_tui.screens.screen_sizes import HEIGHTS, WIDTHS, add_size_classes
from lora_tui.terminal.key_queue import await_answer
from lora_tui.widgets.curve_overlay import CurveOverlay
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.ladder_plot import LadderPlot
from lora_tui.widgets.rung_list import RungList
from lora_tui.widgets.trouble_line import TroubleLine
from lora_tui.wording.ladders import (
    bake_line,
    bake_of_rung_sign,
    curve_help,
    curve_key,
    standing_line,
    title_text,
    to_continue,
)
from lora_tui.wording.state_symbols import FAILED
from lora_tui.workers.journal_reader import JournalReader, ListingRead, NotRead
from lora_tui.workers.ladder_looks import LadderLook, LadderNotRead, LadderRead
from lora_tui.workers.overlay_curves import CurvesRead, MetricsRead
from trainer.ladders.measures import curve_title
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.screens.aim import AdviceDoors
    from lora_tui.screens.ladders import OpenGrid
    from trainer.history.records import BakeEntry
    from trainer.ladders.record import LadderAnswer, LadderCurve, LadderState

_READING = "reading the journal …"
_WORKING_OUT = "the answer is being worked out …"


class LadderScreen(Screen[int]):
    """One ladder; dismissed with the number of a bake to show, or None.

    Args:
        workspace: whose journal it is in.
        engine: takes what is queued.
        number: of the ladder.
        open_grid: shows the Grid screen with a spec in its builder; None where there is no such screen.
        wake_feed: lets the Bake screen's data be read again at once.
        clock: epoch seconds now.
        rights: what the keys may do.
    """

    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("ladder")
    DEFAULT_CSS = """
    LadderScreen {
        background: $background;
        color: $foreground;
        layout: vertical;
        & > #ladder-title { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #standing { height: auto; max-height: 2; padding: 0 1; color: $muted; }
        & > #ladder-body { height: 3fr; layout: vertical; }
        & RungList { max-height: 9; }
        & LadderPlot { height: 1fr; }
        & CurveOverlay { height: 1fr; display: none; }
        &.-curves LadderPlot { display: none; }
        &.-curves CurveOverlay { display: block; }
        & > #about { height: 2fr; border-top: solid $rule; padding: 0 1; scrollbar-size-vertical: 1; }
        & #detail { height: auto; }
        &.-wide > #ladder-body { layout: horizontal; }
        &.-narrow.-curves > #about, &.-tiny.-curves > #about { display: none; }
        &.-wide RungList { width: 1fr; max-height: 100%; height: 100%; }
        &.-wide LadderPlot, &.-wide CurveOverlay { width: 1fr; height: 100%; }
        &.-short LadderPlot, &.-tiny LadderPlot { display: none; }
        &.-short.-curves RungList, &.-tiny.-curves RungList { max-height: 3; }
        &.-short > #ladder-body { height: auto; }
        &.-short RungList { height: auto; max-height: 5; }
        &.-short.-curves > #ladder-body { height: 3fr; }
        &.-short.-tiny.-curves RungList { max-height: 2; }
    }
    """

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        number: int,
        open_grid: "OpenGrid | None" = None,
        wake_feed: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.number = number
        self.reader = JournalReader(workspace, self.post_message, also=LadderLook(workspace, number))
        self.sender = OrderSender(self, workspace, engine, rights, wake_feed)
        self.orders = LadderOrders(self, self.sender, number, open_grid)
        self.state: LadderState | None = None
        self.answer: LadderAnswer | None = None
        self.known: Mapping[int, BakeEntry] = {}
        self.curves = LadderCurves(self, self.reader)
        self._measure: tuple[str, str, str, str] | None = None
        self._answer_error = ""
        self._clock = clock

    def compose(self) -> ComposeResult:
        """Yield the title, the rungs, the measure or the curves, the answer and the keys."""
        add_size_classes(self)
        yield Static(Content.styled(f"Ladder {self.number}", "bold"), id="ladder-title")
        yield Static(Content(_READING), id="standing")
        yield TroubleLine()
        with Container(id="ladder-body"):
            yield RungList()
            yield LadderPlot()
            yield CurveOverlay()
        with VerticalScroll(id="about", can_focus=False):
            yield Static("", id="detail")
        yield KeyLine(id="ladder-keys")

    def on_mount(self) -> None:
        """Start reading."""
        self.rung_list.focus()
        self.reader.start()
        # What is typed next is for the rungs.
        await_answer(self, self.reader.look())
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())

    def on_unmount(self) -> None:
        """End the reader."""
        self.reader.stop()

    @property
    def rung_list(self) -> RungList:
        """The rungs."""
        return self.query_one(RungList)

    @property
    def shows_curves(self) -> bool:
        """Whether the curves of all rungs are shown in place of a measure over the knob."""
        return self.has_class("-curves")

    @property
    def entry(self) -> "BakeEntry | None":
        """The bake under the cursor as the history has it, None where there is none."""
        bake = self.rung_list.bake
        return None if bake is None or bake.bake is None else self.known.get(bake.bake)

    @property
    def curve(self) -> "LadderCurve | None":
        """The measure that is drawn: the one that was chosen, else the first, which says most."""
        found = () if self.answer is None else self.answer.curves
        chosen = next((curve for curve in found if curve_key(curve) == self._measure), None)
        return chosen or next(iter(found), None)

    # What comes from the reader

    @on(ListingRead)
    def _take_bakes(self, event: ListingRead) -> None:
        event.stop()
        self.known = event.listing.known
        self._show()

    @on(LadderRead)
    def _take_ladder(self, event: LadderRead) -> None:
        event.stop()
        self.state = event.state
        self.answer = event.answer or self.answer
        self._answer_error = "" if event.error is None else event.error.line()
        self.query_one(TroubleLine).show_trouble("")
        self._show()
        if self.shows_curves:
            self.curves.ask(event.state)

    @on(LadderNotRead)
    @on(NotRead)
    def _show_not_read(self, event: LadderNotRead | NotRead) -> None:
        event.stop()
        self.curves.failed()
        self.query_one(TroubleLine).show_trouble(event.error.line())

    @on(CurvesRead)
    def _take_curves(self, event: CurvesRead) -> None:
        event.stop()
        self.curves.take(event.curves, self.state, self.known)

    @on(MetricsRead)
    def _offer_metrics(self, event: MetricsRead) -> None:
        event.stop()

        def choose(key: str | None) -> None:
            if key is not None and self.state is not None:
                self.curves.metric = next(metric for metric in event.metrics if metric.key == key)
                self.curves.ask(self.state)

        choices = [PickChoice(metric.key, metric.title, metric.help) for metric in event.metrics]
        self.app.push_screen(PickDialog("Curves of", choices, self.curves.metric.key), choose)

    @on(RungList.Moved)
    def _move(self, event: RungList.Moved) -> None:
        event.stop()
        self._show_about()

    # What comes from orders

    @on(ladders.LadderChanged)
    def _note_changed(self, event: ladders.LadderChanged) -> None:
        event.stop()
        self.sender.note(event.line, seconds=5)
        self.sender.wake()
        await_answer(self, self.reader.look())

    @on(ladders.GridOfLadderRead)
    def _open_grid(self, event: ladders.GridOfLadderRead) -> None:
        event.stop()
        self.orders.open_grid(event.spec)

    @on(bakes.Refused)
    def _show_refusal(self, event: bakes.Refused) -> None:
        event.stop()
        self.sender.show_error(event.error.line())

    # What the keys do

    def on_resize(self, event: events.Resize) -> None:
        """Show the keys that the new width has room for, and curves as fine as it has columns."""
        self.call_after_refresh(self._show_keys)
        self.call_after_refresh(self._ask_curves)

    def action_leave(self) -> None:
        """Back from the curves to the measure, then to the list."""
        if self.shows_curves:
            self._show_curves(False)
        else:
            self.dismiss(None)

    def action_show(self) -> None:
        """Show the bake under the cursor on the Bake screen."""
        bake = self.rung_list.bake
        if bake is None or bake.bake is None:
            self.sender.warn("there is no bake of this rung yet")
        else:
            self.dismiss(bake.bake)

    def action_measure(self) -> None:
        """Ask which measure is drawn, or what the curves show."""
        if self.shows_curves:
            if self.state is not None and (asked := self.curves.ask_metrics(self.state)) is not None:
                await_answer(self, asked)
            return
        curves = () if self.answer is None else self.answer.curves
        if not curves:
            self.sender.warn("nothing was measured yet that rungs could be compared by")
            return

        def choose(place: str | None) -> None:
            if place is not None:
                self._measure = curve_key(curves[int(place)])
                self._show()

        choices = [PickChoice(str(at), curve_title(curve), curve_help(curve)) for at, curve in enumerate(curves)]
        here = next((str(at) for at, curve in enumerate(curves) if curve is self.curve), "")
        self.app.push_screen(PickDialog("Measure over the rungs", choices, here), choose)

    def action_curves(self) -> None:
        """Show the curves of all rungs, or the measure over the knob again."""
        self._show_curves(not self.shows_curves)

    def action_grid(self) -> None:
        """Load one grid over rungs, epochs and seeds into the grid builder."""
        self.orders.read_grid()

    def action_extend(self) -> None:
        """Ask for more rungs or twins."""
        if self.state is not None:
            self.orders.extend(self.state)

    def action_cut(self) -> None:
        """Ask, then cut the rung under the cursor."""
        place = self.rung_list.rung
        if self.state is not None and place is not None:
            self.orders.cut(self.state, place)

    def action_continue(self) -> None:
        """Queue again what ended early."""
        if self.state is not None:
            self.orders.continue_bakes(self.state)

    def action_hold(self) -> None:
        """Hold what waits back, or release it."""
        if self.state is not None:
            self.orders.hold(self.state)

    def action_doneness(self) -> None:
        """Show where each epoch of the bake under the cursor stands between raw and burnt."""
        from lora_tui.screens.doneness import show_doneness

        show_doneness(self, self.workspace, self.entry, self._advice_doors())

    def action_advice(self) -> None:
        """Show what to try with the bake under the cursor."""
        if (doors := self._advice_doors()) is not None:
            doors.advice()

    def action_measures(self) -> None:
        """Show everything that was measured of the bake under the cursor."""
        from lora_tui.screens.measures import show_measures

        show_measures(self, self.workspace, self.entry)

    def action_read_on(self, by: int) -> None:
        """Scroll the answer."""
        self.query_one("#about", VerticalScroll).scroll_relative(y=by, animate=False, immediate=True)

    def action_help(self) -> None:
        """Show what the keys do."""
        from lora_tui.screens.help import HelpScreen, active_keys

        self.app.push_screen(HelpScreen(active_keys(self, self.sender.rights.allows), has_panes=False))

    def _advice_doors(self) -> "AdviceDoors | None":
        from lora_tui.actions.advice import AdviceRequest
        from lora_tui.screens.aim import AdviceDoors

        entry, sender = self.entry, self.sender
        if entry is None:
            return None
        request = AdviceRequest(self.workspace, entry.number, sender.engine.key)
        return AdviceDoors(self, request, entry, sender.rights, sender.wake)

    def _show_curves(self, shown: bool) -> None:
        self.set_class(shown, "-curves")
        self._show_keys()
        # Its width is known once it is laid out.
        self.call_after_refresh(self._ask_curves)

    def _ask_curves(self) -> None:
        if self.shows_curves and self.state is not None:
            self.curves.ask(self.state)

    def _show(self) -> None:
        """Show the ladder with everything that is known of it."""
        state = self.state
        if state is None:
            return
        self.query_one("#ladder-title", Static).update(
            Content.assemble((f"Ladder {state.number}", "bold"), (f"  {title_text(state)}", "$primary"))
        )
        self.query_one("#standing", Static).update(Content(standing_line(state, self._clock())))
        self.rung_list.show(state, self.known, self.curve)
        self.query_one(LadderPlot).show(state.spec, self.curve)
        self._show_about()
        self._show_keys()

    def _show_about(self) -> None:
        """Say what is under the cursor, then what the measure says, then the answer and what it rests on."""
        state, answer, curve = self.state, self.answer, self.curve
        if state is None:
            return
        lines: list[Content] = []
        if (bake := self.rung_list.bake) is not None:
            sign = bake_of_rung_sign(bake)
            words = bake_line(state, bake, self.entry)
            lines.append(Content.assemble((f"{sign.mark} ", sign.colour), words))
        if state.spec.question:
            lines.append(Content.styled(f"tests: {printable(state.spec.question, 600)}", "$secondary"))
        if curve is not None:
            lines.append(Content.styled(printable(curve.words), "bold"))
        if self._answer_error:
            lines.append(Content.styled(f"{FAILED.mark} {printable(self._answer_error)}", "$error"))
        if answer is None:
            lines += [] if self._answer_error else [Content.styled(_WORKING_OUT, "$muted")]
        else:
            # What is drawn stands first, and not again.
            said = "" if curve is None else curve.words
            lines += [Content(printable(line)) for line in answer.lines if line != said]
            below = (answer.noise, *answer.missing)
            lines += [Content.styled(printable(line), "$muted") for line in below if line]
        self.query_one("#detail", Static).update(Content("\n").join(lines))

    def _show_keys(self) -> None:
        more = self.state is not None and bool(to_continue(self.state))
        self.query_one(KeyLine).show_actions(
            shown_ladder_keys(
                curves=self.shows_curves,
                to_continue=more,
                allows=self.sender.rights.allows,
            )
        )
