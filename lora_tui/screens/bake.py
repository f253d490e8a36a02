"""The Bake screen: what its keys do. What it shows stands in `bake_view`."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.message import Message

from lora_tui import orders
from lora_tui.feed import Feed, Snapshot, SnapshotReady, Sources
from lora_tui.keymap import BAKE_KEYS
from lora_tui.outside import EngineLike, SamplerLike
from lora_tui.planner import Planned, Planner
from lora_tui.screens.bake_view import BakeView
from lora_tui.screens.desk import Desk
from lora_tui.widgets.log_pane import LogPane
from lora_tui.widgets.plan_bar import PlanBar
from lora_tui.widgets.settings_form import SettingsForm
from lora_tui.widgets.tab_line import TABS
from trainer.errors import LoraTuiError, as_bake_failure
from trainer.foreign_text import shown
from trainer.journal.records import Bake, BakeState, Order
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.draft import Draft

_NEEDS_A_BAKE = {"pause", "save_now", "stop"}


class BakeScreen(BakeView):
    """Settings, plan, card, progress, curves, saved LoRAs and log of one workspace.

    Args:
        workspace: where everything lies.
        engine: takes the jobs.
        sampler: reads the machine.
        settings_path: the settings to open first; None opens the workspace's first.
        clock: epoch seconds now.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*BAKE_KEYS]

    class Opened(Message):
        """A settings file was read."""

        def __init__(self, draft: "Draft") -> None:
            """Carry what it holds."""
            super().__init__()
            self.draft = draft

    class Saved(Message):
        """A draft was written to its file."""

        def __init__(self, draft: "Draft") -> None:
            """Carry the draft."""
            super().__init__()
            self.draft = draft

    class Queued(Message):
        """A bake waits for the engine."""

        def __init__(self, bake: Bake, draft: "Draft") -> None:
            """Carry the bake and the draft it was made from."""
            super().__init__()
            self.bake = bake
            self.draft = draft

    class Ordered(Message):
        """An order stands in the journal."""

        def __init__(self, order: Order) -> None:
            """Carry the order."""
            super().__init__()
            self.order = order

    class Refused(Message):
        """Something was found wrong; nothing was written."""

        def __init__(self, error: LoraTuiError, opening: Path | None = None) -> None:
            """Carry what is wrong, and the settings file where one could not be opened."""
            super().__init__()
            self.error = error
            self.opening = opening

    def __init__(
        self,
        workspace: Workspace,
        engine: EngineLike,
        sampler: SamplerLike,
        settings_path: Path | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Make feed and planner; `begin` starts them."""
        super().__init__(engine.key, clock)
        self.workspace = workspace
        self.engine = engine
        self.sampler = sampler
        self.settings_path = settings_path
        sources = Sources(engine.key, lambda: engine.libraries, sampler.latest, sampler.peak_memory_ours)
        self.feed = Feed(workspace.journal_path, sources, self.post_message)
        self.planner = Planner(workspace.journal_path, self.post_message)
        self._after: Callable[[], None] | None = None

    def on_mount(self) -> None:
        """Set the desk up."""
        super().on_mount()
        self.desk = Desk(self.query_one(SettingsForm), self.query_one(PlanBar), self.planner)

    def begin(self) -> None:
        """Start what looks at files: called after the first paint."""
        self.feed.start()
        self.planner.start()
        self._write(self._open_first)

    def on_unmount(self) -> None:
        """Let the threads end."""
        self.feed.stop()
        self.planner.stop()

    @property
    def bake(self) -> Bake | None:
        """The bake shown, if it is at work or waits for our engine."""
        return self.snapshot.bake if self.bake_at_work else None

    @property
    def unsaved(self) -> bool:
        """Whether the settings have edits that their file does not."""
        return self.desk.draft is not None and bool(self.desk.draft.unsaved)

    # What comes from the threads

    @on(SnapshotReady)
    def _show_snapshot(self, event: SnapshotReady) -> None:
        before, worked = self.snapshot, self.bake_at_work
        self.show(event.snapshot)
        if worked and not self.bake_at_work:
            # The bake that ended has told how fast bakes like it go here.
            self.desk.ask()
        self.desk.compare_with(event.snapshot.newest)
        if event.snapshot.trouble and event.snapshot.trouble != before.trouble:
            self.say(event.snapshot.trouble, "error")
        self._tell_columns()
        if _state(before) is not _state(event.snapshot):
            self.refresh_bindings()

    @on(Planned)
    def _show_plan(self, event: Planned) -> None:
        self.desk.planned(event)
        self.show_planned_rates(self.desk.view)

    @on(Opened)
    def _put_down(self, event: Opened) -> None:
        self.settings_path = event.draft.path
        self.desk.put_down(event.draft)
        if self.focused is None:
            self.show_tab(TABS[0])

    @on(Saved)
    def _note_saved(self, event: Saved) -> None:
        self.desk.written(event.draft)
        self.notify(f"saved {shown(event.draft.path.name)}", timeout=2, markup=False)
        self._do_after()

    @on(Queued)
    def _hand_over(self, event: Queued) -> None:
        self.desk.written(event.draft)
        self.engine.kick()
        self.feed.nudge()

    @on(Ordered)
    def _pass_on(self, event: Ordered) -> None:
        self.engine.kick()
        self.feed.nudge()
        self._do_after()

    @on(Refused)
    def _show_refusal(self, event: Refused) -> None:
        self._after = None
        self.say(event.error.line(), "error")
        if event.opening is not None and self.desk.draft is None:
            self.query_one(SettingsForm).show_empty(
                f"{shown(event.opening.name)} cannot be used:\n\n{shown(event.error.line())}"
            )
        if self.desk.refuse(event.error):
            self.show_tab(TABS[0])

    @on(SettingsForm.Typed)
    def _type(self, event: SettingsForm.Typed) -> None:
        self.desk.typed(event.name, event.text)

    @on(SettingsForm.PutBack)
    def _put_back(self, event: SettingsForm.PutBack) -> None:
        self.desk.put_back(event.name)

    # What the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave out the keys that have nothing to act on."""
        if action in _NEEDS_A_BAKE:
            return self.bake_at_work
        if action == "next_view":
            return self.narrow
        return True

    def action_bake(self) -> None:
        """Ask for the line of why, then bake the settings as they stand."""
        draft = self.desk.draft
        if draft is None:
            self.notify("no settings are open: n makes a subject, o opens a file", severity="warning", markup=False)
            return
        if self.bake is not None:
            self.notify(f"bake {self.bake.number:04d} is at work; x stops it", severity="warning", markup=False)
            return
        if self.desk.error is not None:
            self._show_refusal(self.Refused(self.desk.error))
            return
        from lora_tui.screens.why import WhyDialog

        def start(why: str | None) -> None:
            if why is not None:
                self._write(lambda: self._queue(draft, why))

        story = self.desk.view.line if self.desk.view is not None else "still looking at the pictures"
        self.app.push_screen(WhyDialog(f"Bake {shown(draft.path.name)}", shown(story)), start)

    def action_pause(self) -> None:
        """Pause the bake, or let it go on."""
        if self.bake is not None:
            self.give(Order.GO_ON if self.bake.state is BakeState.PAUSED else Order.PAUSE)

    def action_save_now(self) -> None:
        """Save a LoRA after this step."""
        self.give(Order.SAVE)
        self.notify("a LoRA is saved after this step", timeout=2, markup=False)

    def action_stop(self) -> None:
        """Ask, then stop the bake."""
        from lora_tui.screens.ask import Answer, AskDialog

        if self.bake is None:
            return

        def stop(answer: str | None) -> None:
            if answer == "stop":
                self.give(Order.STOP)

        question = (
            f"Stop bake {self.bake.number:04d} {shown(self.bake.name, 30)} after this step? What is baked is kept."
        )
        answers = (Answer("s", "stop", "stop"), Answer("escape", "go on baking", ""))
        self.app.push_screen(AskDialog(question, answers), stop)

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
        self.query_one(SettingsForm).open_find()

    def action_save_settings(self) -> None:
        """Save the settings to their file."""
        self.save()

    def action_new_subject(self) -> None:
        """Ask for a new subject and open its settings."""
        from lora_tui.screens.new_subject import NewSubjectDialog

        def make(name: str, data: str, base: str, validation: str) -> Path:
            return orders.make_subject(self.workspace, name, data, base, validation)

        self.app.push_screen(NewSubjectDialog(make), self._open)

    def action_open_settings(self) -> None:
        """Offer the workspace's settings files."""
        from lora_tui.screens.open_settings import OpenDialog

        files = self.workspace.settings_files()
        if not files:
            self.notify("no settings files in this workspace: n makes a subject", severity="warning", markup=False)
            return
        self.app.push_screen(OpenDialog(files, self.settings_path), self._open)

    def action_help(self) -> None:
        """Show what the keys do, and what the focused field is for."""
        from lora_tui.screens.help import HelpScreen, active_keys

        form = self.query_one(SettingsForm)
        info = None
        if form.focused_field and self.focused is not None and form in self.focused.ancestors:
            from trainer.settings.describe import field

            info = field(form.focused_field)
        self.app.push_screen(HelpScreen(active_keys(self), info))

    def give(self, order: Order, after: Callable[[], None] | None = None) -> None:
        """Write an order to the bake at work, then do `after`."""
        bake = self.bake
        self._after = after
        if bake is None:
            # It ended while the user was being asked.
            self._do_after()
            return

        def write() -> Message:
            orders.give(self.workspace, bake.number, order)
            return self.Ordered(order)

        self._write(write)

    def save(self, after: Callable[[], None] | None = None) -> None:
        """Save the settings to their file, then do `after`."""
        draft = self.desk.draft
        if draft is not None:
            self._after = after
            self._write(lambda: self._save(draft))

    def say(self, text: str, level: str = "info") -> None:
        """Put a line of the program's own into the log pane."""
        self.query_one(LogPane).say(text, level, self.clock())

    @work(thread=True, exit_on_error=False, group="writing")
    def _write(self, job: Callable[[], Message | None]) -> None:
        """Do a short job that may wait for the disk, and post what it answers."""
        try:
            answer = job()
        except Exception as error:
            answer = self.Refused(as_bake_failure("screen", error))
        if answer is not None:
            self.post_message(answer)

    def _do_after(self) -> None:
        after, self._after = self._after, None
        if after is not None:
            after()

    def _open(self, path: Path | None) -> None:
        if path is not None:
            self._write(lambda: self._read(path))

    def _open_first(self) -> Message | None:
        path = self.settings_path or next(iter(self.workspace.settings_files()), None)
        if path is None:
            self.app.call_later(self.desk.show_nothing)
            return None
        return self._read(path)

    def _read(self, path: Path) -> Message:
        from lora_tui.draft import open_draft

        try:
            return self.Opened(open_draft(path))
        except LoraTuiError as error:
            return self.Refused(error, opening=path)

    def _save(self, draft: "Draft") -> Message:
        orders.save(draft)
        return self.Saved(draft)

    def _queue(self, draft: "Draft", why: str) -> Message:
        return self.Queued(orders.queue(self.workspace, draft, why, self.engine.key), draft)

    def _tell_columns(self) -> None:
        columns = self.plot_columns
        if columns:
            self.feed.columns = columns


def _state(snapshot: Snapshot) -> BakeState | None:
    return snapshot.bake.state if snapshot.bake is not None else None
