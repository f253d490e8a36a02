"""What the verdicts on a grid say: rates of what was ticked, verdicts by epoch and weight, where the favourites point."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from lora_tui.screens.dialog import ReadDialog
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.gallery.sidecar import MadeGrid
    from trainer.journal.records import CellNote
    from trainer.judging.report import JudgingSection

_NOTHING = "nothing is judged yet: space marks a favourite, 1 2 3 say under, right, over, c ticks the checklist"


class JudgementDialog(ReadDialog[bool]):
    """Shows what was judged; dismissed with True where three variants shall be proposed.

    Args:
        made: the grid.
        notes: cell -> what was thought of it.
        checklist: the subject's.
        can_propose: whether the grid is of a bake, and this screen may queue.
    """

    DEFAULT_CSS = """
    JudgementDialog {
        & > VerticalScroll { width: 92; }
        & .section { margin-top: 1; color: $primary; }
        & .lines { padding-left: 2; }
        & #keys { margin-top: 1; color: $muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,J,q", "leave", "close", id="judgement.close", show=False, tooltip="back to the pictures"),
        Binding(
            "v", "propose", "variants", id="judgement.propose", show=False, tooltip="put three variants in the queue"
        ),
        Binding("j,down", "scroll('down')", "down", id="judgement.down", show=False, tooltip="scroll down"),
        Binding("k,up", "scroll('up')", "up", id="judgement.up", show=False, tooltip="scroll up"),
    ]

    class Told(Message):
        """The sections are made."""

        def __init__(self, sections: "Sequence[JudgingSection]") -> None:
            """Carry the sections."""
            super().__init__()
            self.sections = tuple(sections)

    def __init__(
        self, made: "MadeGrid", notes: "Mapping[str, CellNote]", checklist: Sequence[str], *, can_propose: bool
    ) -> None:
        """Show what is judged at this moment."""
        super().__init__()
        self._made, self._notes, self._checklist = made, dict(notes), tuple(checklist)
        self._can_propose = can_propose

    def compose(self) -> ComposeResult:
        """Yield the heading and the keys; the sections follow when they are counted."""
        with VerticalScroll():
            yield Static(Content.styled(f"Judgement of {printable(self._made.spec.name, 60)}", "bold"))
            keys = "v puts three variants in the queue, held · " if self._can_propose else ""
            yield Static(Content(f"{keys}j k scroll · esc closes"), id="keys")

    def on_mount(self) -> None:
        """Begin to count."""
        self._count()

    def action_propose(self) -> None:
        """Close, and let the variants be queued."""
        if self._can_propose:
            self.dismiss(True)

    @on(Told)
    def _show(self, event: Told) -> None:
        body, keys = self.query_one(VerticalScroll), self.query_one("#keys")
        if not event.sections:
            body.mount(Static(Content(_NOTHING), classes="section"), before=keys)
        for section in event.sections:
            body.mount(Static(Content(printable(section.title)), classes="section"), before=keys)
            lines = Content("\n").join(Content(printable(line)) for line in section.lines)
            body.mount(Static(lines, classes="lines"), before=keys)

    @work(thread=True, group="judging")
    def _count(self) -> None:
        # Thousands of choices by chance are compared with the favourites: not between two keys.
        from trainer.judging.report import report

        self.post_message(self.Told(report(self._made, self._notes, self._checklist)))
