"""The panes of the Bake screen: where they are, and what of a snapshot each shows."""

import os
import time
from collections.abc import Callable
from typing import get_args

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size

from lora_tui.bake_layout import TABS, BakeLayout, Flow, bake_layout
from lora_tui.keys.key_lines import shown_keys
from lora_tui.plots.curves import Plot, loss_plot, planned_rates_plot, rates_plot, role_of
from lora_tui.ports import OWNER, Rights
from lora_tui.snapshot import Snapshot
from lora_tui.widgets.card_meter import CardMeter, card_name
from lora_tui.widgets.curves_pane import CurvesPane
from lora_tui.widgets.epoch_list import EpochList
from lora_tui.widgets.key_line import KeyLine
from lora_tui.widgets.log_pane import LogPane
from lora_tui.widgets.pane import COMPACT, heading
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.progress import BakeProgress
from lora_tui.widgets.sample_tiles import SampleTiles
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.widgets.status_line import StatusLine
from lora_tui.widgets.tab_line import TabLine
from lora_tui.widgets.title_line import Title, TitleLine
from lora_tui.wording.bake_progress import other_jobs
from lora_tui.workers.planner import PlanView
from trainer.families.registry import FAMILIES, first_family, part_record
from trainer.journal.records import LogLine

_LOSS_TITLE = heading(
    "loss  ", ("raw", "$plot-raw"), " · ", ("smooth", "$plot-smooth"), " · ", ("val", "$plot-validation")
)
# The keys of the panes.
_TAB_ACTIONS = {name: f"view.{name}" for name in TABS}

# Columns and lines from which the newest samples stand beside the other panes.
_SAMPLES_FROM = (150, 30)
# Seconds between two paints of the lists on a slow line.
_LIST_PAINT_SECONDS = 30.0


class BakePanes(Vertical):
    """Everything on the Bake screen. It shows what it is given and asks nobody.

    Args:
        engine_key: whose queued bakes count as running.
        clock: epoch seconds now; a test passes a clock that stands still.
        rights: what the keys may do; the last line shows no others.
        workspace: its name, for the title.
    """

    def __init__(
        self,
        engine_key: str,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
        workspace: str = "",
    ) -> None:
        super().__init__()
        self.snapshot = Snapshot()
        self._engine_key = engine_key
        self._clock = clock
        self._rights = rights
        self._workspace = workspace
        self._planned: PlanView | None = None
        self._plotted: tuple[object, ...] = ()
        self._slow_line = False
        self._opened = True
        self._logged: tuple[LogLine, ...] = ()
        self._listed = 0.0
        # The pane with the focus, and the one that is seen beside the curves where two have room.
        self._tab, self._beside = TABS[0], TABS[0]
        self._now: BakeLayout | None = None

    def compose(self) -> ComposeResult:
        """Yield the panes, in the order of the focus."""
        self._name_room(self.app.size)
        yield TitleLine(id="title")
        yield StatusLine(id="status")
        with Vertical(id="body"):
            yield CardMeter(id="card")
            yield BakeProgress(id="progress")
            yield PlanBar(id="plan")
            yield TabLine(_TAB_ACTIONS, id="tabs")
            yield SettingsForm(id="settings")
            yield CurvesPane(id="curves")
            yield EpochList(id="epochs")
            yield LogPane(id="log")
            yield SampleTiles(id="samples")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Draw once without data, and keep the clock going."""
        self.fit(self.app.size)
        self.show(self.snapshot)
        self.set_interval(5, self._show_title)
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.show_keys())

    def show(self, snapshot: Snapshot) -> None:
        """Show `snapshot`; each pane repaints only what differs."""
        self.snapshot = snapshot
        bake, active = snapshot.bake, snapshot.active_bake(self._engine_key)
        self.set_class(active is not None, "-live")
        self._show_title()
        self.show_keys()
        self.query_one(StatusLine).show(snapshot)
        measured = snapshot.running or active
        peak, predicted = (measured.peak_vram, measured.predicted_peak) if measured is not None else (None, None)
        self.query_one(CardMeter).show(snapshot.machine, peak or snapshot.peak_ours, predicted)
        self.query_one(BakeProgress).show(snapshot)
        if self._skips_lists():
            return
        self.query_one(EpochList).show(
            snapshot.checkpoints,
            live=bake is not None and bake.state.live,
            carried=snapshot.carried,
            standings=snapshot.standings,
            lowest=snapshot.lowest,
        )
        self._show_samples()
        log = snapshot.log if snapshot.own_log is None else snapshot.own_log
        if log is not self._logged:
            self._logged = log
            of = None if snapshot.own_log is None or bake is None else bake.number
            self.query_one(LogPane).show(log, of=of)
        self._show_curves()

    def show_planned_rates(self, view: PlanView | None) -> None:
        """Keep the schedule of the plan, shown while no bake runs."""
        self._planned = view
        self._show_curves()

    def show_next(self, prepared: bool) -> None:
        """Show the plan of the next bake under the one that runs while it is being prepared."""
        self.set_class(prepared, "-next")
        self.query_one(PlanBar).of_next = prepared

    def show_slow_line(self, slow: bool) -> None:
        """Stop redrawing the curves while the line is slow, and show that it is."""
        self._slow_line = slow
        self.show(self.snapshot)

    @property
    def in_tabs(self) -> bool:
        """Whether some pane is out of view, and its tab brings it back."""
        return self._now is not None and self._now.in_tabs

    def shows(self, name: str) -> bool:
        """Return whether a pane is in view."""
        return self._now is not None and name in self._now.panes

    def show_tab(self, name: str) -> None:
        """Bring a pane into view, and give it the focus."""
        self._turn_to(name)
        if name == "settings":
            self.query_one(SettingsForm).focus_list()
        else:
            self.query_one(f"#{name}").focus()

    def show_next_tab(self) -> None:
        """Bring the next pane into view."""
        self.show_tab(TABS[(TABS.index(self._tab) + 1) % len(TABS)])

    def fit(self, size: Size) -> None:
        """Show the panes that a terminal of this size has room for, as they have room."""
        had_room = self._now is None or bool(self._now.panes)
        self._name_room(size)
        layout = self._now
        assert layout is not None
        self.query_one(TabLine).show(self._tab, layout.panes)
        self.query_one(StatusLine).most_lines = layout.status_lines
        # What stands above others leaves them the lines that it does not need.
        above = layout.flow != "row" and len(layout.panes) > 1
        for each in (EpochList, LogPane):
            self.query_one(each).share_lines(above)
        if layout.panes and not had_room and self.screen.focused is None and self.screen.is_current:
            self.show_tab(self._tab)

    @on(events.DescendantFocus)
    def _follow_focus(self, event: events.DescendantFocus) -> None:
        """Let what has the focus be what stays in view where there is less room."""
        pane = next((node.id for node in event.widget.ancestors_with_self if node.id in TABS), None)
        if pane is not None:
            self._turn_to(pane)

    def _turn_to(self, name: str) -> None:
        if name == self._tab:
            return
        self._tab = name
        if name != "curves":
            self._beside = name
        self.fit(self.app.size)
        self.show_keys()

    def _name_room(self, size: Size) -> None:
        """Give this, and the screen, the classes of what there is room for."""
        now = bake_layout(size.width, size.height, self._tab, self._beside)
        if now == self._now and self.is_mounted:
            return
        self._now = now
        compact = now.flow != "columns"
        # All at once, for each change of classes styles everything that stands in here.
        self.update_classes(
            {
                **{f"-shows-{name}": name in now.panes for name in TABS},
                **{f"-{flow}": now.flow == flow for flow in get_args(Flow)},
                "-settings-beside": "settings" in now.panes and len(now.panes) > 1,
                "-one-line": bool(now.status_lines),
                "-plan": now.plan,
                "-no-note": now.note == "none",
                "-short-note": now.note == "short",
            },
            update=compact == self.screen.has_class(COMPACT),
            animate=False,
        )
        self.screen.update_classes({COMPACT: compact}, animate=False)

    @property
    def plot_columns(self) -> int:
        """Columns of dots of the widest plot."""
        return self.query_one(CurvesPane).columns

    @on(TabLine.Picked)
    def _pick_tab(self, event: TabLine.Picked) -> None:
        event.stop()
        self.show_tab(event.name)

    def _show_title(self) -> None:
        snapshot = self.snapshot
        clock = time.strftime("%H:%M", time.localtime(self._clock()))
        self.query_one(TitleLine).show(
            Title(
                workspace=self._workspace,
                bake=snapshot.bake,
                others=other_jobs(snapshot),
                elsewhere=snapshot.elsewhere,
                story=snapshot.story,
                loading=snapshot.loading or snapshot.engine_trouble,
                card=card_name(snapshot.machine),
                host=" · ".join(part for part in (_host(), "slow connection" if self._slow_line else "") if part),
                clock=clock,
            )
        )

    def show_keys(self) -> None:
        """Show the keys that matter now in the last line."""
        snapshot = self.snapshot
        wanted = shown_keys(
            live=snapshot.active_bake(self._engine_key) is not None,
            paused=snapshot.paused,
            parked=snapshot.parked,
            ended_early=snapshot.ended_early,
            epochs=bool(snapshot.checkpoints),
            opened=self._opened,
            tabs=self.in_tabs,
            allows=self._rights.allows,
        )
        self.query_one(KeyLine).show_actions(wanted)

    def note_settings(self, *, opened: bool) -> None:
        """Offer what can be done with settings, or the ways to some."""
        if opened != self._opened:
            self._opened = opened
            self.show_keys()

    def on_resize(self, event: events.Resize) -> None:
        """Show samples where they take room from nothing that is needed."""
        self._show_samples()

    def _show_samples(self) -> None:
        samples, bake = self.snapshot.samples, self.snapshot.bake
        has_room = self.size.width >= _SAMPLES_FROM[0] and self.size.height >= _SAMPLES_FROM[1]
        shown = has_room and bake is not None and samples is not None and bool(samples.files)
        self.set_class(shown, "-sampled")
        if shown and bake is not None and samples is not None:
            self.query_one(SampleTiles).show(samples, bake.steps_per_epoch)

    def _skips_lists(self) -> bool:
        """Return whether the lists stay as they are for now: on a slow line one paint of them costs as much as many figures."""
        if not self._slow_line:
            return False
        due = time.monotonic() - self._listed >= _LIST_PAINT_SECONDS
        if due:
            self._listed = time.monotonic()
        return not due

    def _show_curves(self) -> None:
        if self._slow_line:
            return
        snapshot = self.snapshot
        live = snapshot.active_bake(self._engine_key) is not None
        # The plots are made of these alone, and making them costs more than a look at their identity.
        bake = snapshot.bake
        parts = (snapshot.curves, snapshot.validations, snapshot.marks, bake and bake.number, live, self._planned)
        if len(parts) == len(self._plotted) and all(
            one is other for one, other in zip(parts, self._plotted, strict=True)
        ):
            return
        self._plotted = parts
        planned = not live and self._planned is not None
        rates = planned_rates_plot(self._planned.rates) if planned and self._planned else rates_plot(snapshot)
        titles = _LOSS_TITLE, _rates_title(rates, snapshot.family, planned=planned)
        self.query_one(CurvesPane).show(loss_plot(snapshot), titles[0], rates, titles[1])


def _rates_title(plot: Plot, family: str | None, *, planned: bool) -> Content:
    """Name the curves there are; before there is one, those of the bake's family, and without a bake of the first."""
    record = FAMILIES.get(family or "", first_family())
    records = [part_record(part) for part in plot.parts] or record.parts
    names = [(record.short or record.label, f"$plot-{role_of(record.key)}") for record in records]
    parts = [piece for place, name in enumerate(names) for piece in ((" · ", name) if place else (name,))]
    return heading("planned  " if planned else "rates  ", *parts)


def _host() -> str:
    return "ssh" if os.environ.get("SSH_CONNECTION") else ""
