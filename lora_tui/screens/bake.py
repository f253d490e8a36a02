"""The Bake screen: settings on the desk and what comes from the threads. What it shows stands in `bake_view`, what it orders in `bake_orders`."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType

from lora_tui.actions import bakes
from lora_tui.actions.orphaned import question, take_over
from lora_tui.actions.welcome import Arrived, arrive
from lora_tui.forms.settings_editor import SettingsEditor
from lora_tui.keymap import BAKE_KEYS
from lora_tui.ports import OWNER, EngineLike, MemorySources, Rights, SamplerLike
from lora_tui.screens.bake_orders import BakeOrders
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.snapshot import Snapshot
from lora_tui.terminal.logout import logout_warning
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.widgets.tab_line import TABS
from lora_tui.wording.memory import peak_line
from lora_tui.workers.feed import SnapshotReady
from lora_tui.workers.memory_planner import MemoryPlanner, MemoryPredicted
from lora_tui.workers.planner import Planned, Planner, PlanView
from trainer.journal.records import BakeState
from trainer.memory.available import DEFAULT_LIMIT, available_memory
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.jobs.fork import ForkedBake
    from trainer.journal.digest import Digest
    from trainer.plan.report import ReportSection

_NEEDS_A_BAKE = {"save_now", "stop", "stop_at_epoch", "stop_part", "free", "live_settings"}
_NO_SETTINGS = "no settings are open: n makes a subject, o opens a file"
_NO_MEMORY = "no memory is predicted here: LORA_TUI_PREDICT is off"
_NO_FIT = "memory cannot be predicted now: the libraries are being loaded, or a bake is at work on the CPU"
# Device of a bake on the CPU, or of one that has not begun.
_NO_CARD = ("cpu", "")
_LOOK_NOTED_EVERY = 30.0
_LEFT_ANSWERS = (Answer("t", "take them over", "take"), Answer("escape", "leave them as they are", ""))
_EDIT_ANSWERS = (Answer("s", "save them", "save"), Answer("d", "drop them", "drop"), Answer("escape", "stay here", ""))


class BakeScreen(BakeOrders):
    """Settings, plan, card, progress, curves, saved LoRAs and log of one workspace.

    Args:
        workspace: where everything lies.
        engine: takes the jobs.
        sampler: reads the machine.
        settings_path: the settings to open first; None opens the workspace's first.
        clock: epoch seconds now.
        rights: what the keys may do.
        memory: who is asked about memory; None for nobody.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*BAKE_KEYS]

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        sampler: SamplerLike,
        settings_path: Path | None,
        clock: Callable[[], float] = time.time,
        rights: Rights = OWNER,
        memory: MemorySources | None = None,
    ) -> None:
        """Make feed and planners; `begin` starts them."""
        super().__init__(workspace, engine, sampler, clock, rights)
        self.settings_path = settings_path
        self.planner = Planner(workspace.journal_path, self.post_message)
        self.memory = memory
        self.memory_planner = (
            None if memory is None else MemoryPlanner(memory.predictor, self.post_message, self.may_predict)
        )

    def on_mount(self) -> None:
        """Set the desk up; Textual calls the `on_mount` of every class itself, this one first."""
        self.editor = SettingsEditor(self.form, self.query_one(PlanBar), self.planner, self.memory_planner)

    def begin(self) -> None:
        """Start what looks at files: called after the first paint."""
        self.feed.start()
        self.planner.start()
        if self.memory_planner is not None:
            self.memory_planner.start()
        self._do(lambda: bakes.open_first(self.workspace, self.settings_path))
        if self.rights.bake:
            if warning := logout_warning():
                self.say(warning, "warning")
            self._do(lambda: arrive(self.workspace, self.engine.key, self.clock()))
            self.set_interval(_LOOK_NOTED_EVERY, self._note_look)

    def on_unmount(self) -> None:
        """Let the threads end."""
        self.feed.stop()
        self.planner.stop()
        if self.memory_planner is not None:
            self.memory_planner.stop()

    @property
    def form(self) -> SettingsForm:
        """The settings form."""
        return self.query_one(SettingsForm)

    @property
    def subject(self) -> str:
        """Name of the subject on the desk; "" where nothing is open."""
        return self.editor.draft.now.subject if self.editor.draft is not None else ""

    def may_predict(self) -> bool:
        """Return whether memory may be worked out now: not before the libraries are loaded, which takes the whole computer, and not beside a bake on the CPU. May be asked in any thread."""
        jobs = (self.snapshot.bake, self.snapshot.grid, self.snapshot.ours)
        on_cpu = any(job is not None and job.state.live and job.device in _NO_CARD for job in jobs)
        return self.engine.libraries == "ready" and not on_cpu

    def save(self, after: Callable[[], object] | None = None) -> None:
        """Save the settings to their file, then do `after`; an edit that is wrong stays open instead."""
        if not self._may_bake():
            return
        if self._end_edit() and (draft := self.editor.draft) is not None:
            self._after = after
            self._do(lambda: bakes.save(draft))

    def settle_edits(self, then: Callable[[], object], about: str = "") -> None:
        """Do `then`; where edits are not saved, ask what becomes of them first."""

        def settled(answer: str | None) -> None:
            if answer == "save":
                self.save(then)
            elif answer == "drop":
                then()

        if not self.rights.bake or (
            self.form.pending is None and (self.editor.draft is None or not self.editor.draft.unsaved)
        ):
            then()
        else:
            question = "The settings have edits that are not saved."
            self.app.push_screen(ConfirmDialog(question, _EDIT_ANSWERS, about=about), settled)

    # What comes from the threads

    @on(SnapshotReady)
    def _show_snapshot(self, event: SnapshotReady) -> None:
        before, worked = self.snapshot, self.bake_at_work
        now = event.snapshot
        self.show(now)
        self.editor.compare_with(now.newest)
        self.editor.show_room(available_memory(now.machine))
        if now.libraries != before.libraries:
            # What could not be worked out before the libraries were there can be now.
            self.editor.foresee()
        for line, known, level in (
            (now.trouble, before.trouble, "error"),
            (now.caution, before.caution, "warning"),
            (now.engine_trouble, before.engine_trouble, "error"),
            (_elsewhere(now), _elsewhere(before), "info"),
        ):
            if line and line != known:
                self.say(line, level)
        if worked and not self.bake_at_work:
            # The bake that ended has told how fast bakes like it go here.
            self.editor.ask()
            if now.bake is not None and now.bake.state is BakeState.FAILED:
                self._toast_error(now.bake.error)
        self.feed.columns = self.plot_columns or self.feed.columns

    @on(Planned)
    def _show_plan(self, event: Planned) -> None:
        self.editor.planned(event)
        self.show_planned_rates(self.editor.view)

    @on(MemoryPredicted)
    def _show_peak(self, event: MemoryPredicted) -> None:
        self.editor.foreseen(event)

    @on(bakes.Opened)
    def _put_down(self, event: bakes.Opened) -> None:
        self.settings_path = event.draft.path
        self.editor.load(event.draft)
        if self.focused is None:
            self.show_tab(TABS[0])

    @on(bakes.NothingToOpen)
    def _show_nothing(self) -> None:
        self.editor.show_nothing()

    @on(bakes.NotOpened)
    def _show_what_is_closed(self, event: bakes.NotOpened) -> None:
        self.say(event.error.line(), "error")
        if self.editor.draft is None:
            self.editor.show_closed(event.path, event.error)

    @on(bakes.Saved)
    def _note_saved(self, event: bakes.Saved) -> None:
        self.editor.written(event.draft)
        self.notify(f"saved {printable(event.draft.path.name)}", timeout=2, markup=False)
        self._do_after()

    @on(bakes.Queued)
    def _hand_over(self, event: bakes.Queued) -> None:
        self.editor.written(event.draft)
        if self.bake is None:
            # The peak beside the meter shall be this bake's.
            self.sampler.forget_peak()
        else:
            self.notify(f"bake {event.bake.number:04d} waits in the queue; Q shows it", timeout=3, markup=False)
        self._wake()

    @on(Arrived)
    def _welcome(self, event: Arrived) -> None:
        left = event.left
        if left is None:
            self._tell_digest(event.digest)
            return

        def answered(answer: str | None) -> None:
            if answer == "take":
                self._do(lambda: take_over(self.workspace, left, self.engine.key))
            self._tell_digest(event.digest)

        self.app.push_screen(ConfirmDialog(question(left), _LEFT_ANSWERS), answered)

    def _tell_digest(self, digest: "Digest | None") -> None:
        from lora_tui.screens.digest import DigestDialog

        if digest is not None:
            self.app.push_screen(DigestDialog(digest, self.clock()))

    @on(bakes.Refused)
    def _show_refusal(self, event: bakes.Refused) -> None:
        self._after = None
        self.say(event.error.line(), "error")
        if self.editor.refuse(event.error):
            self.show_tab(TABS[0])

    @on(SettingsForm.Typed)
    def _type(self, event: SettingsForm.Typed) -> None:
        if not self._may_bake():
            self.form.accept()
            return
        self.editor.typed(event.name, event.text)

    @on(SettingsForm.PutBack)
    def _put_back(self, event: SettingsForm.PutBack) -> None:
        self.editor.put_back(event.name)

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        if action in _NEEDS_A_BAKE:
            return self.bake_at_work
        if action == "pause":
            return self.bake_at_work or self.parked
        if action == "take_up":
            return self.ended_early or (self.snapshot.bake is not None and self.snapshot.bake.state is BakeState.DONE)
        if action == "fork":
            return self.snapshot.bake is not None
        if action == "next_view":
            return self.narrow
        return True

    def action_bake(self) -> None:
        """Ask for the line of why, then bake the settings as they stand."""
        draft = self.editor.draft
        if not self._may_bake():
            return
        if draft is None:
            self._warn(_NO_SETTINGS)
        elif self.editor.error is not None:
            self._show_refusal(bakes.Refused(self.editor.error))
        else:
            from lora_tui.screens.bake_note import BakeNoteDialog

            def start(why: str | None) -> None:
                if why is not None:
                    self._do(lambda: bakes.queue(self.workspace, draft, why, self.engine.key))

            parts = (self.editor.plan_line, peak_line(self.editor.peak) if self.editor.plan_line else "")
            story = " · ".join(filter(None, parts)) or "the pictures are still being looked at"
            if self.bake is not None:
                story = f"waits in the queue while bake {self.bake.number:04d} is at work · {story}"
            self.app.push_screen(BakeNoteDialog(f"Bake {printable(draft.path.name)}", printable(story)), start)

    def action_fork(self) -> None:
        """Ask for an epoch of the bake shown, then queue a bake that begins there with what the desk changes."""
        from lora_tui.actions.fork import Forking
        from lora_tui.screens.fork import ForkDialog

        bake = self.snapshot.bake
        if bake is None or not self._may_bake():
            return
        forking = Forking(self.workspace, bake.number, self.editor.draft, self.engine.key)
        heading = f"Fork bake {bake.number:04d} {printable(bake.name, 30)}"
        self.app.push_screen(ForkDialog(forking, heading), self._tell_fork)

    def action_plan(self) -> None:
        """Show the whole plan of the settings as they stand."""
        from lora_tui.screens.plan import PlanDialog

        if (view := self._plan_or_why_not()) is not None:
            self.app.push_screen(PlanDialog(view, f"Plan of {self._named}", self._memory_section))

    def action_fit(self) -> None:
        """Look for the fastest settings that fit, and put them into the form if told so."""
        from lora_tui.actions.fit import Fitting, limit_text
        from lora_tui.screens.fit import FitDialog

        if not self._may_bake() or (view := self._plan_or_why_not()) is None:
            return
        if self.memory is None or view.planned is None:
            self._warn(_NO_MEMORY)
            return
        if not self.may_predict():
            self._warn(_NO_FIT)
            return

        def apply(changes: "Mapping[str, object] | None") -> None:
            if changes:
                self.editor.changed(changes)

        room = self.editor.peak.room
        limit = room.free if room is not None and room.policy == "card" else DEFAULT_LIMIT
        search = Fitting(self.memory.predictor, view.planned, self.editor.policy, self.may_predict)
        self.app.push_screen(FitDialog(search, limit_text(limit), f"Fit {self._named} to memory"), apply)

    def action_next_view(self) -> None:
        """Bring the next tab into view."""
        here = next(place for place, name in enumerate(TABS) if self.has_class(f"-{name}"))
        self.show_tab(TABS[(here + 1) % len(TABS)])

    def action_view(self, name: str) -> None:
        """Bring a tab into view, or give a pane the focus."""
        self.show_tab(name)

    def action_find(self) -> None:
        """Find a setting."""
        self.show_tab(TABS[0])
        self.form.open_find()

    def action_save_settings(self) -> None:
        """Save the settings to their file."""
        self.save()

    def action_new_subject(self) -> None:
        """Ask for a new subject and open its settings."""
        from lora_tui.screens.new_subject import NewSubjectDialog

        if not self._may_bake():
            return

        def make(name: str, data: str, base: str, validation: str) -> Path:
            return bakes.make_subject(self.workspace, name, data, base, validation)

        self.settle_edits(lambda: self.app.push_screen(NewSubjectDialog(make), self._open))

    def action_open_settings(self) -> None:
        """Offer the workspace's settings files."""
        from lora_tui.screens.open_settings import OpenDialog

        files = self.workspace.settings_files()
        if not files:
            self._warn("no settings files in this workspace: n makes a subject")
        else:
            self.settle_edits(lambda: self.app.push_screen(OpenDialog(files, self.settings_path), self._open))

    def action_help(self) -> None:
        """Show what the keys do, and what the focused field is for."""
        from lora_tui.screens.help import HelpScreen, active_keys

        in_form = self.focused is not None and self.form in self.focused.ancestors
        self.app.push_screen(HelpScreen(active_keys(self), self.form.focused_info if in_form else None))

    @property
    def _named(self) -> str:
        return printable(self.editor.draft.path.name) if self.editor.draft is not None else ""

    def _plan_or_why_not(self) -> PlanView | None:
        """Return the plan of the settings as they stand; where there is none, say why."""
        if self.editor.error is not None:
            self._warn(printable(self.editor.error.line()))
        elif self.editor.draft is None:
            self._warn(_NO_SETTINGS)
        elif self.editor.view is None:
            self._warn("there is no plan yet: the pictures are still being looked at")
        else:
            return self.editor.view
        return None

    def _memory_section(self) -> "ReportSection | None":
        """Return what the plan says of memory; asks the driver, so not for the screen's thread."""
        from trainer.memory.report import memory_section

        peak = self.editor.peak
        if self.memory is None or peak.prediction is None or peak.pending:
            return None
        return memory_section(peak.prediction, peak.room, self.memory.holders())

    def _tell_fork(self, branch: "ForkedBake | None") -> None:
        if branch is None:
            return
        bake = branch.bake
        line = f"bake {bake.number} branches from bake {bake.parent} after step {branch.step}"
        self.say(line)
        for note in branch.notes:
            self.say(note, "warning")
        if self.narrow:
            self.notify(printable("; ".join((line, *branch.notes))), timeout=6, markup=False)
        self._wake()

    def _note_look(self) -> None:
        self._do(lambda: bakes.note_look(self.workspace, self.clock()))

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self._do(lambda: bakes.open_settings(path))

    def _end_edit(self) -> bool:
        """Take what stands in the open editor; return whether it was right."""
        pending = self.form.pending
        if pending is not None:
            self.editor.typed(*pending)
        return self.form.pending is None


def _elsewhere(snapshot: Snapshot) -> str:
    if snapshot.bake is None or not snapshot.elsewhere:
        return ""
    return f"bake {snapshot.bake.number} runs {snapshot.elsewhere}; orders given here reach it through the journal"
