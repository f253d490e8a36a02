"""What the Bake screen shows: where the panes stand, and what of a snapshot goes where."""

import os
import time
from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from lora_tui.keymap import shown_keys
from lora_tui.plots.curves import Plot, loss_plot, planned_rates_plot, rates_plot, role_of
from lora_tui.snapshot import Snapshot
from lora_tui.widgets.braille_plot import BraillePlot
from lora_tui.widgets.card_meter import CardMeter, card_name
from lora_tui.widgets.epoch_list import EpochList
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.log_pane import LogPane
from lora_tui.widgets.pane import NARROW, heading
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.progress import BakeProgress
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.widgets.status_line import StatusLine
from lora_tui.widgets.tab_line import TABS, TabLine
from lora_tui.widgets.title_line import Title, TitleLine
from lora_tui.workers.planner import PlanView
from trainer.families.registry import part_record
from trainer.journal.records import BakeState, LogLine
from trainer.settings.parts import parts_of

_LOSS_TITLE = heading(
    "loss  ", ("raw", "$plot-raw"), " · ", ("smooth", "$plot-smooth"), " · ", ("val", "$plot-validation")
)
# Below 60 columns or 16 lines no pane can be read: one line takes their place.
_WIDTHS = [(0, "-tiny"), (60, NARROW), (100, "-wide")]
_HEIGHTS = [(0, "-short"), (16, "-tall")]

# Seconds between two paints of the lists on a slow line.
_LISTS_EVERY = 30.0
_ENDED_EARLY = (BakeState.PARKED, BakeState.STOPPED, BakeState.FAILED, BakeState.LOST)
_TYPING_KEYS = (("enter", "keep"), ("esc", "cancel"))


class BakeView(Screen[None]):
    """The panes of the Bake screen. It shows what it is given and asks nobody.

    Args:
        engine_key: whose queued bakes count as at work.
        clock: epoch seconds now; a test hands in a clock that stands.
    """

    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS

    AUTO_FOCUS = ""

    def __init__(self, engine_key: str, clock: Callable[[], float] = time.time) -> None:
        """Start with nothing to show."""
        super().__init__(classes=f"-{TABS[0]}")
        self.engine_key = engine_key
        self.snapshot = Snapshot()
        self.clock = clock
        self._planned: PlanView | None = None
        self._plotted: tuple[object, ...] = ()
        self._slow_line = False
        self._logged: tuple[LogLine, ...] = ()
        self._listed = 0.0

    def compose(self) -> ComposeResult:
        """Yield the panes, in the order of the focus."""
        # Textual sets these when the first resize comes, after it has styled and laid out every pane without them.
        for size, breakpoints in ((self.app.size.width, _WIDTHS), (self.app.size.height, _HEIGHTS)):
            self.add_class(max(entry for entry in breakpoints if entry[0] <= size)[1])
        yield TitleLine(id="title")
        yield StatusLine(id="status")
        with Vertical(id="body"):
            yield CardMeter(id="card")
            yield PlanBar(id="plan")
            yield BakeProgress(id="progress")
            yield TabLine(id="tabs")
            yield SettingsForm(id="settings")
            with Horizontal(id="curves"):
                yield BraillePlot("no loss yet", id="loss")
                yield BraillePlot("no rates yet", id="rates")
            yield EpochList(id="epochs")
            yield LogPane(id="log")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Draw once without data, and keep the clock going."""
        self.show(self.snapshot)
        self.set_interval(5, self._show_title)
        self.bindings_updated_signal.subscribe(self, lambda _: self._show_keys())

    def show(self, snapshot: Snapshot) -> None:
        """Show `snapshot`; each pane repaints only what differs."""
        self.snapshot = snapshot
        bake = snapshot.bake
        self.set_class(self.bake_at_work, "-live")
        self._show_title()
        self._show_keys()
        self.query_one(StatusLine).show(snapshot)
        at_work = bake if self.bake_at_work else None
        peak, predicted = (at_work.peak_vram, at_work.predicted_peak) if at_work is not None else (None, None)
        self.query_one(CardMeter).show(snapshot.machine, peak or snapshot.peak_ours, predicted)
        self.query_one(BakeProgress).show(snapshot)
        if self._spared():
            return
        self.query_one(EpochList).show(snapshot.checkpoints, live=bake is not None and bake.state.live)
        if snapshot.log is not self._logged:
            self._logged = snapshot.log
            self.query_one(LogPane).show(snapshot.log)
        self._show_curves()

    def show_planned_rates(self, view: PlanView | None) -> None:
        """Keep the schedule of the plan, shown while no bake runs."""
        self._planned = view
        self._show_curves()

    def show_slow_line(self, slow: bool) -> None:
        """Let the curves stand while the line is slow, and say so."""
        self._slow_line = slow
        self.show(self.snapshot)

    def show_tab(self, name: str) -> None:
        """Bring a pane into view where only one has room, and give it the focus."""
        for tab in TABS:
            self.set_class(tab == name, f"-{tab}")
        self.query_one(TabLine).show(name)
        if name == "settings":
            self.query_one(SettingsForm).focus_list()
        elif name == "curves":
            self.set_focus(None)
        else:
            self.query_one(f"#{name}").focus()

    @property
    def bake_at_work(self) -> bool:
        """Whether the bake shown is live, or waits for our engine."""
        bake = self.snapshot.bake
        if bake is None:
            return False
        return bake.state.live or (bake.state is BakeState.QUEUED and bake.engine == self.engine_key)

    @property
    def parked(self) -> bool:
        """Whether the bake shown waits, with its card freed, for somebody to let it go on."""
        return self.snapshot.bake is not None and self.snapshot.bake.state is BakeState.PARKED

    @property
    def ended_early(self) -> bool:
        """Whether the bake shown has steps left and nobody at work on it."""
        return self.snapshot.bake is not None and self.snapshot.bake.state in _ENDED_EARLY

    @property
    def narrow(self) -> bool:
        """Whether the panes are tabs."""
        return self.has_class(NARROW)

    @property
    def plot_columns(self) -> int:
        """Columns of dots of the widest plot."""
        return max(plot.columns for plot in self.query(BraillePlot))

    @on(TabLine.Picked)
    def _pick_tab(self, event: TabLine.Picked) -> None:
        event.stop()
        self.show_tab(event.name)

    def on_resize(self, event: events.Resize) -> None:
        """Show the keys that the new width has room for."""
        self.call_after_refresh(self._show_keys)

    def _show_title(self) -> None:
        snapshot = self.snapshot
        clock = time.strftime("%H:%M", time.localtime(self.clock()))
        self.query_one(TitleLine).show(
            Title(
                bake=snapshot.bake,
                grid=snapshot.grid,
                elsewhere=snapshot.elsewhere,
                story=snapshot.story,
                loading=snapshot.loading or snapshot.engine_trouble,
                card=card_name(snapshot.machine),
                host=" · ".join(part for part in (_host(), "slow line" if self._slow_line else "") if part),
                clock=clock,
            )
        )

    def _show_keys(self) -> None:
        if isinstance(self.focused, Input):
            self.query_one(KeyLine).show(_TYPING_KEYS)
            return
        bake = self.snapshot.bake
        wanted = shown_keys(
            live=self.bake_at_work,
            paused=bake is not None and bake.state is BakeState.PAUSED,
            parked=self.parked,
            ended_early=self.ended_early,
            epochs=bool(self.snapshot.checkpoints),
            narrow=self.narrow,
        )
        by_id = {active.binding.id: active.binding for active in self.active_bindings.values()}
        keys = [(self.app.get_key_display(by_id[name]), label) for name, label in wanted if name in by_id]
        self.query_one(KeyLine).show(keys)

    def _spared(self) -> bool:
        """Return whether the lists stay as they are for now: on a slow line one paint of them costs as much as many figures."""
        if not self._slow_line:
            return False
        due = time.monotonic() - self._listed >= _LISTS_EVERY
        if due:
            self._listed = time.monotonic()
        return not due

    def _show_curves(self) -> None:
        if self._slow_line:
            return
        snapshot, live = self.snapshot, self.bake_at_work
        # The plots are made of these alone, and making them costs more than a look at their identity.
        bake = snapshot.bake
        parts = (snapshot.curves, snapshot.validations, snapshot.marks, bake and bake.number, live, self._planned)
        if len(parts) == len(self._plotted) and all(
            one is other for one, other in zip(parts, self._plotted, strict=True)
        ):
            return
        self._plotted = parts
        self.query_one("#loss", BraillePlot).show(loss_plot(snapshot), _LOSS_TITLE)
        planned = not live and self._planned is not None
        plot = planned_rates_plot(self._planned.rates) if planned and self._planned else rates_plot(snapshot)
        self.query_one("#rates", BraillePlot).show(plot, _rates_title(plot, planned=planned))


def _rates_title(plot: Plot, *, planned: bool) -> Content:
    """Name the curves there are; before there is one, those of an SD1.x base."""
    records = [part_record(part) for part in plot.parts or parts_of("sd1")]
    names = [(record.short or record.label, f"$plot-{role_of(record.key)}") for record in records]
    parts = [piece for place, name in enumerate(names) for piece in ((" · ", name) if place else (name,))]
    return heading("planned  " if planned else "rates  ", *parts)


def _host() -> str:
    return "ssh" if os.environ.get("SSH_CONNECTION") else ""
