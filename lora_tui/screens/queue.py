"""The queue: when each bake starts and ends; reorder, hold, change, remove."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import BY_ID, bindings
from lora_tui.ports import Rights
from lora_tui.screens.confirm import Answer, ConfirmDialog
from lora_tui.screens.dialog import ListDialog, key_hint
from lora_tui.terminal.key_queue import await_answer
from lora_tui.wording.job_names import job_label
from lora_tui.wording.queue import QueueView, queued_job_line
from lora_tui.workers.queue_watcher import HeldBakeRead, NotChanged, QueueRead, QueueWatcher
from trainer.journal.records import Bake
from trainer.settings.parts import parts_of
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.journal.journal import Journal

_KEYS = (
    "enter: show",
    "queue.later queue.sooner=move",
    "queue.hold",
    "queue.change",
    "queue.grid",
    "queue.remove",
    "queue.close",
)
_REMOVE_ANSWERS = (Answer("escape", "keep it", ""), Answer("r", "remove it", "remove"))


@dataclass(frozen=True)
class LeftQueue:
    """How the queue was left: whether anything was changed, and the row to show, None for none."""

    changed: bool
    chosen: Bake | None = None


class QueueDialog(ListDialog[LeftQueue]):
    """Shows the queue and changes it; enter on a row leaves it to show that bake or grid."""

    DEFAULT_CSS = """
    QueueDialog {
        & > Vertical { width: 76; }
        & #live { height: auto; color: $muted; margin-top: 1; }
        & OptionList { max-height: 14; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("queue")

    def __init__(self, workspace: Workspace, engine: str, clock: Callable[[], float], rights: Rights) -> None:
        """Show the queue of `workspace` to the screen of the engine with the key `engine`.

        Args:
            workspace: whose queue it is.
            engine: key of our engine.
            clock: epoch seconds now.
            rights: what the keys may do.
        """
        super().__init__()
        self._rights = rights
        self._engine = engine
        self._watcher = QueueWatcher(workspace, engine, self.post_message, clock)
        self._queue: QueueView | None = None
        # What the keys have made of it already; the journal follows.
        self._waiting: list[Bake] = []
        self._changed = False

    def compose(self) -> ComposeResult:
        """Yield what runs, the list of those queued, and the keys."""
        with Vertical():
            yield Static(Content.styled("Queue", "bold"))
            yield Static("", id="live")
            yield OptionList(compact=True)
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Start reading."""
        self._watcher.start()

    def on_unmount(self) -> None:
        """Stop reading."""
        self._watcher.stop()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(LeftQueue(self._changed))

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if (bake := self._marked) is not None:
            self.dismiss(LeftQueue(self._changed, bake))

    def action_reorder(self, by: int) -> None:
        """Move the marked bake one place down or up."""
        bake = self._marked
        if bake is None or not self._rights.order:
            return
        here = self._waiting.index(bake)
        there = here + by
        if not 0 <= there < len(self._waiting):
            return
        self._waiting.insert(there, self._waiting.pop(here))
        before = self._waiting[there + 1].number if there + 1 < len(self._waiting) else None
        self._change(lambda journal: journal.queue.move(bake.number, before))
        self._show(bake.number)

    def action_hold(self) -> None:
        """Hold the marked bake back, or release it."""
        if (bake := self._marked) is not None:
            self._change(lambda journal: journal.queue.set_held(bake.number, not bake.held))

    def action_change(self) -> None:
        """Ask which setting of the marked bake to change."""
        bake = self._marked
        if bake is not None and bake.grid is None and self._rights.order:
            answered = self._watcher.read_draft(bake.number)
            await_answer(self, answered)

    def action_test_grid(self) -> None:
        """Queue the subject's test grid over the epochs of the queued bakes, behind them."""
        if self._rights.bake:
            self._changed = True
            self._watcher.add_test_grid()

    @on(HeldBakeRead)
    def _offer_change(self, event: HeldBakeRead) -> None:
        from lora_tui.screens.live_settings import LiveSettingsDialog

        def change(assignment: str | None) -> None:
            if assignment is not None:
                self._changed = True
                self._watcher.change_draft(event.number, assignment)

        two = event.family is None or "text_encoder_2" in parts_of(event.family)
        dialog = LiveSettingsDialog(event.settings, two_encoders=two, waiting=event.differs, family=event.family)
        self.app.push_screen(dialog, change)

    def action_remove(self) -> None:
        """Ask, then remove the marked bake from the queue."""
        bake = self._marked
        if bake is None or not self._rights.order:
            return

        def remove(answer: str | None) -> None:
            if answer:
                self._change(lambda journal: journal.queue.remove(bake.number))

        back = f" `lora-tui resume {bake.number}` queues it again." if bake.grid is None else ""
        question = f"Remove {job_label(bake, 30)} from the queue?{back}"
        self.app.push_screen(ConfirmDialog(question, _REMOVE_ANSWERS), remove)

    def action_take_over(self) -> None:
        """Give the jobs of earlier sessions to our engine."""
        if self._queue is not None and self._queue.orphaned and self._rights.bake:
            numbers = sorted(self._queue.orphaned)
            self._change(lambda journal: journal.queue.take_over(numbers, self._engine))

    @on(QueueRead)
    def _show_queue(self, event: QueueRead) -> None:
        marked = self._marked
        self._queue = event.line
        self._waiting = list(event.line.waiting)
        self._show(marked.number if marked else None)

    @on(NotChanged)
    def _show_refusal(self, event: NotChanged) -> None:
        self.notify(printable(event.error.line()), severity="warning", markup=False)
        if self._queue is not None:
            self._waiting = list(self._queue.waiting)
            self._show(None)

    @property
    def _marked(self) -> Bake | None:
        place = self.query_one(OptionList).highlighted
        return self._waiting[place] if place is not None and place < len(self._waiting) else None

    def _change(self, change: "Callable[[Journal], object]") -> None:
        if self._rights.order:
            self._changed = True
            self._watcher.ask(change)

    def _show(self, marked: int | None) -> None:
        line = self._queue
        if line is None:
            return
        live = [Content(queued_job_line(bake, line)) for bake in line.live]
        self.query_one("#live", Static).update(Content("\n").join(live or [Content("no bake is running")]))
        options = self.query_one(OptionList)
        place = next((at for at, bake in enumerate(self._waiting) if bake.number == marked), options.highlighted or 0)
        options.clear_options()
        options.add_options([self._option(bake, line) for bake in self._waiting])
        options.highlighted = min(place, len(self._waiting) - 1) if self._waiting else None
        wanted = _KEYS if self._waiting else ("queue.close",)
        lines = [key_hint(self, *(part for part in wanted if self._allows(part)))]
        if line.orphaned and self._rights.bake:
            lines.append(key_hint(self, "queue.take-over"))
        self.query_one("#keys", Static).update(Content("\n".join(lines)))

    def _allows(self, part: str) -> bool:
        """Return whether the keys of a part of `_KEYS` do something here; words as they are always do."""
        return ":" in part or self._rights.allows(BY_ID[_first_id(part)].right)

    def _option(self, bake: Bake, line: QueueView) -> Option:
        left = "  from an earlier session" if bake.number in line.orphaned else ""
        return Option(Content.assemble(queued_job_line(bake, line), (left, "$warning")))


def _first_id(part: str) -> str:
    """Return the first action of a part of `_KEYS`."""
    return part.partition("=")[0].split()[0]
