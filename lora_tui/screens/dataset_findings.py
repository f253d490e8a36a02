"""What stands out in the data, each with the pictures that it is about and the edit that mends it."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.keys.own_keys import keys_of
from lora_tui.screens.dialog import ListDialog, key_hint
from trainer.text import printable

if TYPE_CHECKING:
    from lora_tui.actions.dataset_findings import DataFinding

_NOTHING = "nothing stands out in pictures and captions"


class DataFindingsDialog(ListDialog[str]):
    """Dismissed with the filter that lists the pictures of a finding, or with "".

    Args:
        findings: what stands out.
        mend: shows what the edit of a finding would change; None where nothing may be written.
    """

    DEFAULT_CSS = """
    DataFindingsDialog {
        & > Vertical { width: 104; }
        & OptionList { max-height: 12; text-wrap: nowrap; text-overflow: ellipsis; }
        & VerticalScroll { height: auto; max-height: 12; margin-top: 1; scrollbar-size-vertical: 1; }
        & #details { height: auto; padding-right: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("data findings")

    def __init__(self, findings: "Sequence[DataFinding]", mend: "Callable[[DataFinding], object] | None") -> None:
        super().__init__()
        self._findings = findings
        self._mend = mend

    def compose(self) -> ComposeResult:
        """Yield the list, everything about the marked one, and the keys."""
        with Vertical():
            yield Static(Content.styled("What stands out in pictures and captions", "bold"))
            yield OptionList(*map(_row, self._findings), compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(Content("" if self._findings else _NOTHING), id="details")
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Mark the first."""
        if self._findings:
            self.query_one(OptionList).highlighted = 0
        self._show_keys()

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        from trainer.captions.operations import edit_words

        finding, keys = self._findings[event.option_index], keys_of(self.app)
        lines = [
            Content.styled(printable(finding.title), "bold"),
            *(Content(printable(keys.fill(line))) for line in finding.lines),
        ]
        if finding.edits:
            lines.append(Content(f"corrected by: {edit_words(finding.edits)}"))
        self.query_one("#details", Static).update(Content("\n").join(lines))
        self.query_one(VerticalScroll).scroll_home(animate=False)
        self._show_keys()

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        finding = self._findings[event.option_index]
        if finding.edits and self._mend is not None:
            self._mend(finding)
        else:
            self.action_show_pictures()

    def action_show_pictures(self) -> None:
        """List the pictures of the marked finding."""
        if (finding := self._marked) is not None and finding.filter:
            self.dismiss(finding.filter)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss("")

    @property
    def _marked(self) -> "DataFinding | None":
        place = self.query_one(OptionList).highlighted
        return self._findings[place] if place is not None and place < len(self._findings) else None

    def _show_keys(self) -> None:
        finding = self._marked
        words = []
        if finding is not None and finding.edits and self._mend is not None:
            words.append("enter: show what would change")
        if finding is not None and finding.filter:
            words.append("findings.show")
        self.query_one("#keys", Static).update(Content(key_hint(self, *words, "findings.close")))


def _row(finding: "DataFinding") -> Option:
    return Option(Content.assemble((f"{finding.sign.mark} ", finding.sign.colour), printable(finding.title)))
