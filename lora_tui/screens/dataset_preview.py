"""What an edit of captions would change, before it is written."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ReadDialog, key_hint
from lora_tui.wording.caption_diff import DiffPart, caption_diff
from lora_tui.wording.state_symbols import FAILED, WARNING
from trainer.text import plural, printable

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.captions.record import CaptionEditPlan, EditedCaption

# So many are shown: enough to see what an edit does, and none is slow to draw.
_SHOWN, _REFUSED_SHOWN = 40, 20


class EditPreviewDialog(ReadDialog[bool]):
    """Shows what would change; dismissed with True where that is to be written.

    Args:
        heading: what would be done, to which pictures.
        plan: the changes.
        notes: what else there is to say of them, a line each.
    """

    DEFAULT_CSS = """
    EditPreviewDialog {
        & > VerticalScroll { width: 104; }
        & .file { margin-top: 1; color: $primary; }
        & .counts { color: $muted; }
        & #keys { margin-top: 0; }
        & #more { margin-top: 1; color: $muted; }
        & .refused { color: $warning; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("edit preview")
    ENTER_ACTS = True

    def __init__(self, heading: str, plan: "CaptionEditPlan", notes: Sequence[str] = ()) -> None:
        super().__init__()
        self._notes = notes
        self._heading = heading
        self._plan = plan

    def compose(self) -> ComposeResult:
        """Yield the counts, the first changes and what is refused."""
        plan = self._plan
        with VerticalScroll():
            yield Static(Content.styled(printable(self._heading), "bold"))
            yield Static(Content(counts_of(plan)), classes="counts")
            # Above what changes, which may be more than the screen has lines for.
            keys = ("read.down read.up=scroll", "read.close=cancel")
            wanted = ("preview.write", *keys) if plan.changes else keys
            yield Static(Content(key_hint(self, *wanted)), id="keys")
            if self._notes:
                yield Static(Content("\n".join(map(printable, self._notes))), classes="counts")
            for remark in plan.remarks:
                yield Static(Content(f"{WARNING.mark} {printable(remark)}"), classes="refused")
            for refused in plan.refused[:_REFUSED_SHOWN]:
                line = f"{FAILED.mark} {printable(refused.path.name, 80)}: {printable(refused.why)}"
                yield Static(Content(line), classes="refused")
            if len(plan.refused) > _REFUSED_SHOWN:
                yield Static(Content(f"  and {len(plan.refused) - _REFUSED_SHOWN:,} more"), classes="refused")
            for change in plan.changes[:_SHOWN]:
                yield Static(Content(_name(change.path)), classes="file")
                yield Static(_difference(change))
            if len(plan.changes) > _SHOWN:
                yield Static(Content(f"and {plural(len(plan.changes) - _SHOWN, 'more caption')}"), id="more")

    def action_apply(self) -> None:
        """Have it written."""
        if self._plan.changes:
            self.dismiss(True)


def counts_of(plan: "CaptionEditPlan") -> str:
    """Return how many captions would change, stay and are refused."""
    if not plan.changes and not plan.refused:
        return f"nothing would change: {plural(plan.unchanged, 'caption')} would stay as they are"
    made = sum(change.before is None for change in plan.changes)
    parts = [f"{plural(len(plan.changes), 'caption')} would change"]
    if made:
        parts.append(f"{made:,} of them new files")
    if plan.unchanged:
        parts.append(f"{plan.unchanged:,} would stay as they are")
    if plan.refused:
        parts.append(f"{len(plan.refused):,} left alone")
    return ", ".join(parts)


def _name(path: "Path") -> str:
    return printable(f"{path.parent.name}/{path.name}", 100)


def _difference(change: "EditedCaption") -> Content:
    before, after = caption_diff(change.before, change.after)
    lines = []
    if change.before is not None:
        lines.append(_line("−", before, "$error"))
    lines.append(Content("+ no file") if change.after is None else _line("+", after, "$success"))
    return Content("\n").join(lines)


def _line(sign: str, parts: tuple[DiffPart, ...], colour: str) -> Content:
    words = [(part.text, f"bold {colour}" if part.changes else "") for part in parts]
    return Content.assemble((f"{sign} ", colour), *words)
