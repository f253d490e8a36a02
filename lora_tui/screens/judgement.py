"""The results of judging a grid: checklist rates, verdicts by epoch and weight, where the favourites point."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.keys.own_keys import keys_of
from lora_tui.screens.dialog import ReadDialog, key_hint
from trainer.errors import LoraTuiError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.gallery.sidecar import MadeGrid
    from trainer.journal.grid_records import CellNote
    from trainer.judging.report import JudgingSection

VARIANTS, LADDER, ADVICE = "variants", "ladder", "advice"
"""What it is dismissed with."""

_NOTHING = (
    "not rated yet: <key grid.favourite> marks a favourite, <key grid.under> <key grid.right> <key grid.over> rate under, right, over, "
    "<key grid.checklist> opens the checklist"
)


class JudgementDialog(ReadDialog[str]):
    """Shows what was judged; dismissed with `variants` to queue three of them, `ladder` for one around the point, `advice` for what to try.

    Args:
        made: the grid.
        notes: cell -> what was thought of it.
        checklist: the subject's.
        journal_path: of the workspace; it knows which bakes are twins.
        can_propose: whether the grid is of a bake, and this screen may queue.
    """

    DEFAULT_CSS = """
    JudgementDialog {
        & > VerticalScroll { width: 92; }
        & .section { margin-top: 1; color: $primary; }
        & .lines { padding-left: 2; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("judgement")

    class ReportReady(Message):
        """The sections are made."""

        def __init__(self, sections: "Sequence[JudgingSection]") -> None:
            """Carry the sections."""
            super().__init__()
            self.sections = tuple(sections)

    def __init__(
        self,
        made: "MadeGrid",
        notes: "Mapping[str, CellNote]",
        checklist: Sequence[str],
        journal_path: Path,
        *,
        can_propose: bool,
    ) -> None:
        """Show what is judged at this moment."""
        super().__init__()
        self._made, self._notes, self._checklist = made, dict(notes), tuple(checklist)
        self._journal_path, self._can_propose = journal_path, can_propose

    def compose(self) -> ComposeResult:
        """Yield the heading and the keys; the sections follow when they are counted."""
        with VerticalScroll():
            yield Static(Content.styled(f"Results of {printable(self._made.spec.name, 60)}", "bold"))
            proposing = ("judgement.propose", "judgement.ladder") if self._can_propose else ()
            yield Static(
                Content(key_hint(self, *proposing, "advice.open", "read.down read.up=scroll", "read.close")), id="keys"
            )

    def on_mount(self) -> None:
        """Start counting."""
        self._make_report()

    def action_propose(self) -> None:
        """Close, and let the variants be queued."""
        if self._can_propose:
            self.dismiss(VARIANTS)

    def action_point_ladder(self) -> None:
        """Close, and let the ladder around the point be offered."""
        if self._can_propose:
            self.dismiss(LADDER)

    def action_advice(self) -> None:
        """Close, and let the advice on the judged bake be shown."""
        self.dismiss(ADVICE)

    @on(ReportReady)
    def _show(self, event: ReportReady) -> None:
        body, keys = self.query_one(VerticalScroll), self.query_one("#keys")
        if not event.sections:
            body.mount(Static(Content(keys_of(self.app).fill(_NOTHING)), classes="section"), before=keys)
        for section in event.sections:
            body.mount(Static(Content(printable(section.title)), classes="section"), before=keys)
            lines = Content("\n").join(Content(printable(line)) for line in section.lines)
            body.mount(Static(lines, classes="lines"), before=keys)

    @work(thread=True, group="judging")
    def _make_report(self) -> None:
        # Thousands of choices by chance are compared with the favourites: not between two keys.
        from trainer.journal.journal import Journal
        from trainer.judging.report import report
        from trainer.noise_floor.grid_rates import GridRates

        judged = self._made, self._notes, self._checklist
        try:
            with Journal(self._journal_path) as journal:
                rates = GridRates(journal, self._made)
                sections = report(*judged, lambda item: rates.lines(self._notes, item))
        except LoraTuiError:
            # Without the journal only the comparison of bakes is lacking; the feed says what is wrong with it.
            sections = report(*judged)
        self.post_message(self.ReportReady(sections))
