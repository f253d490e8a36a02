"""The Bake screen: joins the panes, the settings editor, the orders to the bake shown, and what the threads report."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from lora_tui.actions import bakes
from lora_tui.actions.checks import AcceptanceChanged
from lora_tui.actions.epochs import FilesRemoved, GridOfEpochs, RemovalRead
from lora_tui.actions.imports import Imports
from lora_tui.actions.kept_specs import KeptSpecs
from lora_tui.actions.order_sender import OrderSender
from lora_tui.actions.welcome import WelcomeRead, read_welcome
from lora_tui.actions.workspaces import SwitchAsked, WorkspacesRead
from lora_tui.bake_layout import TABS
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.keys.keymap import bindings
from lora_tui.ports import OWNER, EngineLike, MemorySources, Rights, SamplerLike
from lora_tui.screens.bake_dataset import BakeDataset
from lora_tui.screens.bake_epochs import BakeEpochs
from lora_tui.screens.bake_journal import BakeJournal
from lora_tui.screens.bake_keys import BakeKeys
from lora_tui.screens.bake_orders import BakeOrders
from lora_tui.screens.bake_panes import BakePanes
from lora_tui.screens.bake_starts import BakeStarts
from lora_tui.screens.bake_ways import BakeWays
from lora_tui.screens.import_dialogs import ImportDialogs
from lora_tui.screens.parity_dialogs import ParityDialogs
from lora_tui.screens.plan_dialogs import PlanDialogs
from lora_tui.screens.settings_files import SettingsFiles
from lora_tui.screens.settings_text import SettingsText
from lora_tui.snapshot import Snapshot
from lora_tui.terminal.key_queue import AWAITED
from lora_tui.terminal.logout import logout_warning
from lora_tui.widgets.epoch_list import EpochList
from lora_tui.widgets.log_pane import LogPane
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.workers.feed import Feed, FeedSources, SnapshotReady
from lora_tui.workers.memory_planner import MemoryPlanner, MemoryPredicted
from lora_tui.workers.planner import Checked, Planned, Planner
from lora_tui.workers.settings_watch import FileRead, SettingsWatch
from trainer.data_index.kept_columns import KeptColumns
from trainer.journal.records import Bake, BakeState
from trainer.settings.parts import Family
from trainer.workspace import Workspace

_NEEDS_A_BAKE = {"save_now", "stop", "stop_at_epoch", "stop_part", "free", "live_settings"}
# Device of a bake on the CPU, or of one that has not started.
_NO_CARD = ("cpu", "")
_NOTE_LOOK_SECONDS = 30.0


class BakeScreen(BakeKeys, BakeWays, Screen[None]):
    """Settings, plan, card, progress, curves, saved LoRAs and log of one workspace.

    Args:
        workspace: where everything is.
        engine: takes the jobs.
        sampler: reads the machine.
        settings_path: the settings to open first; None opens the workspace's first.
        clock: epoch seconds now; a test passes a clock that stands still.
        rights: what the keys may do.
        memory: predicts memory; None for no predictions.
        started_in: the folder that lora-tui was started in, where that belongs to no workspace.
    """

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("bake")

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        sampler: SamplerLike,
        settings_path: Path | None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
        memory: MemorySources | None = None,
        started_in: Path | None = None,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.engine = engine
        self.sampler = sampler
        self._first = (settings_path, started_in)
        self.clock = clock
        self.rights = rights
        self.memory = memory
        sources = FeedSources(
            engine.key,
            lambda: engine.libraries,
            sampler.latest,
            sampler.peak_memory_ours,
            lambda: engine.waiting_for,
        )
        self.feed = Feed(workspace.journal_path, sources, self.post_message)
        # Pictures are read from their index once for as long as nothing changes.
        self._kept = KeptColumns()
        self.planner = Planner(workspace.journal_path, self.post_message, kept=self._kept)
        self.memory_planner = (
            None if memory is None else MemoryPlanner(memory.predictor, self.post_message, self.may_predict)
        )
        self.file_watch = SettingsWatch(self.post_message)
        self.kept_specs = KeptSpecs(workspace)
        self.panes = BakePanes(engine.key, clock, rights, workspace.root.name)
        self.sender = OrderSender(self, workspace, engine, rights, self.feed.wake)
        self.orders = BakeOrders(self, self.sender, lambda: self.snapshot)

    def compose(self) -> ComposeResult:
        """Yield the panes."""
        yield self.panes

    def on_mount(self) -> None:
        """Make what acts on the settings form."""
        self.editor = SettingsEditor(self.form, self.query_one(PlanBar), self.planner, self.memory_planner)
        self.files = SettingsFiles(self, self.workspace, self.sender, self.editor, self.form, *self._first)
        self.settings_text = SettingsText(
            self, self.sender, self.editor, self.files, self.file_watch, self.show_log_line
        )
        self.starts = BakeStarts(
            self,
            self.sender,
            self.editor,
            lambda: self.snapshot,
            self.clock,
            self.show_log_line,
            self.feed.shown.follow,
        )
        self.epochs = BakeEpochs(
            self,
            self.sender,
            lambda: self.snapshot,
            lambda: self.editor.draft,
            self.starts.note_fork,
            self.action_grid,
        )
        self.parity = ParityDialogs(self, self.sender, self.editor, self.files)
        self.plans = PlanDialogs(self, self.sender, self.editor, self.memory, self.may_predict, self.parity.show_table)
        of_imports = (Imports(self.workspace), lambda: self.snapshot, self.show_log_line)
        self.imports = ImportDialogs(self, self.sender, self.editor, self.files, *of_imports)
        of_journal = (lambda: self.snapshot, self.clock, self.show_bake, self.feed.wake, self.open_grid)
        self.journal = BakeJournal(self, self.sender, self.editor, self.files, *of_journal)
        self.dataset = BakeDataset(self, self.sender, self.editor, self.files, self.feed.wake, self._kept)

    def start_threads(self) -> None:
        """Start what looks at files: called after the first paint."""
        self.feed.start()
        self.planner.start()
        if self.memory_planner is not None:
            self.memory_planner.start()
        self.file_watch.start()
        self.files.open_first()
        if self.rights.bake:
            if warning := logout_warning():
                self.show_log_line(warning, "warning")
            self.sender.write(lambda: read_welcome(self.workspace, self.engine.key, self.clock()))
            self.set_interval(_NOTE_LOOK_SECONDS, self._note_look)

    def on_unmount(self) -> None:
        """End the threads."""
        self.feed.stop()
        self.planner.stop()
        self.file_watch.stop()
        if self.memory_planner is not None:
            self.memory_planner.stop()

    @property
    def form(self) -> SettingsForm:
        """The settings form."""
        return self.query_one(SettingsForm)

    @property
    def family(self) -> Family | None:
        """The family of the base of the bake shown; without one, of the settings'."""
        return self.snapshot.family or self.family_of(None)

    def family_of(self, bake: int | None) -> Family | None:
        """Return the family of a bake's base as far as it is known here: that of the bake shown; with None that of the open settings."""
        shown = self.snapshot.bake
        if bake is not None:
            return self.snapshot.family if shown is not None and shown.number == bake else None
        # The editor is made when the screen is mounted.
        return self.editor.family if self.is_mounted else None

    @property
    def snapshot(self) -> Snapshot:
        """What is shown now."""
        return self.panes.snapshot

    @property
    def bake(self) -> Bake | None:
        """The bake shown, if it runs or is queued for our engine."""
        return self.orders.bake

    @property
    def subject(self) -> str:
        """Name of the subject of the settings that are open; "" without any."""
        return self.editor.draft.now.subject if self.editor.draft is not None else ""

    def may_predict(self) -> bool:
        """Return whether memory may be worked out now: not before the libraries are loaded, which takes the whole computer, and not beside a bake on the CPU. May be asked in any thread."""
        jobs = (self.snapshot.running, self.snapshot.grid, self.snapshot.ours)
        on_cpu = any(job is not None and job.state.live and job.device in _NO_CARD for job in jobs)
        return self.engine.libraries == "ready" and not on_cpu

    def show_log_line(self, text: str, level: str = "info") -> None:
        """Add a line of the program's own to the log pane; an error shows where that is not in view too."""
        self.query_one(LogPane).append(text, level, self.clock())
        if level == "error" and not self.panes.shows("log"):
            self.sender.show_error(text)

    def note_toast(self, text: str, level: str) -> None:
        """Add what a toast says to the log pane, where no line of the last moments says it."""
        self.query_one(LogPane).note(text, level, self.clock())

    # What comes from the threads

    @on(SnapshotReady)
    def _show_snapshot(self, event: SnapshotReady) -> None:
        from trainer.memory.available import available_memory

        before, now = self.snapshot, event.snapshot
        self.panes.show(now)
        self.editor.compare_with(now.compared)
        runs = now.bake is not None and now.bake.state.live
        number = now.bake.number if now.bake is not None else 0
        self.editor.show_running(number, now.asked if runs else None, now.in_force)
        self.panes.show_next(self.editor.prepares_next)
        self.editor.show_room(available_memory(now.machine))
        if now.libraries != before.libraries:
            # What could not be worked out before the libraries were there can be now.
            self.editor.predict_memory()
        for line, known, level in (
            (now.trouble, before.trouble, "error"),
            (now.caution, before.caution, "warning"),
            (now.engine_trouble, before.engine_trouble, "error"),
            (_elsewhere(now, self.rights), _elsewhere(before, self.rights), "info"),
        ):
            if line and line != known:
                self.show_log_line(line, level)
        if (ended := now.ended_since(before)) is not None:
            # How fast bakes like the one that ended are is known now.
            self.editor.ask()
            if ended.state is BakeState.FAILED:
                self.sender.show_error(ended.error)
            elif line := now.not_resumed_since(before):
                self.sender.show_error(line)
        self.feed.columns = self.panes.plot_columns or self.feed.columns

    @on(Planned)
    def _show_plan(self, event: Planned) -> None:
        self.editor.planned(event)
        self.panes.show_planned_rates(self.editor.view)
        self.panes.show_next(self.editor.prepares_next)

    @on(Checked)
    def _show_checks(self, event: Checked) -> None:
        self.editor.checked(event)

    @on(AcceptanceChanged)
    def _check_again(self) -> None:
        self.editor.ask()

    @on(MemoryPredicted)
    def _show_peak(self, event: MemoryPredicted) -> None:
        self.editor.memory_predicted(event)

    @on(bakes.Ordered)
    @on(bakes.Resumed)
    def _wake_engine(self) -> None:
        self.sender.wake()

    @on(bakes.Opened)
    def _load_draft(self, event: bakes.Opened) -> None:
        self.files.path = event.draft.path
        self.editor.load(event.draft, event.what)
        self.panes.note_settings(opened=True)
        self.file_watch.watch(event.draft.path)
        if self.focused is None:
            self.panes.show_tab(TABS[0])

    @on(bakes.NothingToOpen)
    def _show_nothing(self) -> None:
        self.files.show_none()
        self.panes.note_settings(opened=False)

    @on(bakes.NotOpened)
    def _show_unusable(self, event: bakes.NotOpened) -> None:
        self.show_log_line(event.error.line(), "error")
        if self.editor.draft is None:
            self.editor.show_closed(event.path, event.error)
            # Once it is mended, it is opened.
            self.files.path = event.path
            self.file_watch.watch(event.path)

    @on(FileRead)
    def _take_file(self, event: FileRead) -> None:
        self.settings_text.take(event)

    @on(bakes.Saved)
    def _note_saved(self, event: bakes.Saved) -> None:
        self.editor.written(event.draft)
        self.sender.note(f"saved {event.draft.path.name}", seconds=2)

    @on(bakes.Queued)
    def _note_queued(self, event: bakes.Queued) -> None:
        self.editor.written(event.draft)
        self.feed.shown.follow()
        if self.snapshot.ahead(self.clock()):
            self.sender.note(f"bake {event.bake.number:04d} is queued; <key queue.open> shows the queue")
        else:
            # The peak beside the meter is to be this bake's.
            self.sampler.reset_peak()
            if self.snapshot.bake is not None:
                # The one before stays on the screen until the engine has taken this one.
                self.sender.note(f"bake {event.bake.number:04d} starts", seconds=2)
        self.sender.wake()

    @on(WelcomeRead)
    def _show_welcome(self, event: WelcomeRead) -> None:
        from lora_tui.screens.digest import show_welcome

        show_welcome(self, self.sender, event, self.clock())

    @on(WorkspacesRead)
    def _offer_workspaces(self, event: WorkspacesRead) -> None:
        from lora_tui.screens.workspaces import offer_workspaces

        offer_workspaces(self, event.known, self.workspace.root, lambda root: self.app.post_message(SwitchAsked(root)))

    @on(bakes.Refused)
    def _show_refusal(self, event: bakes.Refused) -> None:
        self.show_log_line(event.error.line(), "error")
        if self.editor.refuse(event.error):
            self.panes.show_tab(TABS[0])

    @on(SettingsForm.Typed)
    def _take_typed(self, event: SettingsForm.Typed) -> None:
        if not self.sender.may_bake():
            self.form.accept()
            return
        self.editor.typed(event.name, event.text)

    @on(SettingsForm.ListAsked)
    def _offer_choices(self, event: SettingsForm.ListAsked) -> None:
        from lora_tui.screens.setting_choices import choices_dialog

        def take(value: str | None) -> None:
            if value is not None:
                self.editor.typed(event.name, value)

        if self.editor.draft is not None and self.sender.may_bake():
            self.app.push_screen(choices_dialog(event.name, self.editor.draft.value(event.name)), take)

    @on(SettingsForm.ResetAsked)
    def _reset_field(self, event: SettingsForm.ResetAsked) -> None:
        self.editor.reset(event.name)

    @on(EpochList.Chosen)
    def _offer_epoch(self, event: EpochList.Chosen) -> None:
        self.epochs.offer(event.saved)

    @on(GridOfEpochs)
    def _open_grid_of_epochs(self, event: GridOfEpochs) -> None:
        self.open_grid(event.spec)

    @on(RemovalRead)
    def _offer_removal(self, event: RemovalRead) -> None:
        self.epochs.offer_removal(event)

    @on(FilesRemoved)
    def _note_removed(self, event: FilesRemoved) -> None:
        self.sender.note(event.line)

    # What the keys do

    def on_resize(self, event: events.Resize) -> None:
        """Show the panes and the keys that the new size has room for."""
        self.panes.fit(event.size)
        self.call_after_refresh(self.panes.show_keys)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        shown = self.snapshot.bake
        possible = {
            **dict.fromkeys(_NEEDS_A_BAKE, self.bake is not None),
            "pause": self.bake is not None or self.snapshot.parked,
            "resume": self.snapshot.ended_early or (shown is not None and shown.state is BakeState.DONE),
            "fork": shown is not None and shown.ran,
            "doneness": shown is not None and shown.ran,
            "advice": shown is not None and shown.grid is None,
            "twin": shown is not None and shown.grid is None,
            "report": shown is not None,
            "measures": shown is not None and shown.ran,
            "samples": shown is not None and shown.ran,
            "curves": shown is not None and shown.ran,
            "show_neighbour": shown is not None,
            "next_view": self.panes.in_tabs,
        }
        return possible.get(action, True)

    def action_show_neighbour(self, by: int) -> None:
        """Show the bake after the one shown, or before it."""
        self.feed.shown.show_neighbour(by)
        self._await_shown()

    def show_bake(self, number: int) -> None:
        """Show a bake."""
        self.feed.shown.show(number)
        self._await_shown()

    def action_next_view(self) -> None:
        """Bring the next tab into view."""
        self.panes.show_next_tab()

    def action_view(self, name: str) -> None:
        """Bring a tab into view, or give a pane the focus."""
        self.panes.show_tab(name)

    def action_find(self) -> None:
        """Find a setting."""
        self.panes.show_tab(TABS[0])
        self.form.open_find()

    def action_help(self) -> None:
        """Show what the keys do, and what the focused field is for."""
        from lora_tui.screens.help import HelpScreen, active_keys

        in_form = self.focused is not None and self.form in self.focused.ancestors
        self.app.push_screen(
            HelpScreen(active_keys(self, self.rights.allows), self.form.focused_info if in_form else None)
        )

    def _note_look(self) -> None:
        self.sender.write(lambda: bakes.note_look(self.workspace, self.clock()))

    def _await_shown(self) -> None:
        """Let the next key wait for the bake asked for, on which it is to act."""
        self.run_worker(self.feed.settle, thread=True, exit_on_error=False, group=AWAITED)


def _elsewhere(snapshot: Snapshot, rights: Rights) -> str:
    if snapshot.bake is None or not snapshot.elsewhere:
        return ""
    keys = "keys here still control it" if rights.order else "this screen is read-only"
    return f"bake {snapshot.bake.number} runs {snapshot.elsewhere}; {keys}"
