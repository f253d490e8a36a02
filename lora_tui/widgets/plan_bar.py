"""What would a bake with these settings mean?"""

from dataclasses import dataclass

from textual.content import Content

from lora_tui.signs import FAILED, WARNING
from lora_tui.widgets.pane import Pane
from trainer.foreign_text import shown


@dataclass(frozen=True)
class _Shown:
    line: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""
    note: str = ""


class PlanBar(Pane):
    """The plan on one or two lines with its warnings under it, or the line that says why there is none."""

    title = "plan"
    most_lines = 5
    """Lines at most; warnings beyond it are counted, not shown."""

    def __init__(self, *, id: str | None = None) -> None:
        """Start with nothing planned."""
        super().__init__(id=id)
        self._shown = _Shown()

    def show_plan(self, line: str, warnings: tuple[str, ...]) -> None:
        """Show a plan."""
        self._show(_Shown(line=line, warnings=warnings))

    def show_error(self, line: str) -> None:
        """Show why there is no plan."""
        self._show(_Shown(error=line))

    def show_note(self, line: str) -> None:
        """Show what is being waited for."""
        self._show(_Shown(note=line))

    def lines(self, width: int) -> list[Content]:
        """Return the lines, folded at the width."""
        now = self._shown
        if now.error:
            mark = Content.styled(f"{FAILED.mark} ", FAILED.colour)
            return _hung(mark, now.error, width, "$error")[: self.most_lines]
        if not now.line:
            return Content.styled(now.note or " ", "$muted").fold(max(1, width))[: self.most_lines]
        lines = at_dots(now.line, width)
        room = self.most_lines - len(lines)
        warnings = [
            line
            for text in now.warnings
            for line in _hung(Content.styled(f"{WARNING.mark} ", WARNING.colour), text, width)
        ]
        if len(warnings) <= room:
            return [*lines, *warnings]
        hidden = Content.styled(f"  and {len(warnings) - room + 1} more lines", "$muted")
        return [*lines, *warnings[: room - 1], hidden]

    def _show(self, now: _Shown) -> None:
        self._shown = now
        self.redraw()


def at_dots(line: str, width: int) -> list[Content]:
    """Break a plan line at its dots only, so that no figure is torn from its unit."""
    rows: list[str] = []
    for part in shown(line).split(" · "):
        if rows and len(rows[-1]) + 3 + len(part) <= width:
            rows[-1] += f" · {part}"
        else:
            rows.append(part)
    return [_dim_dots(row).truncate(width, ellipsis=True) for row in rows]


def _dim_dots(row: str) -> Content:
    first, *rest = row.split(" · ")
    return Content.assemble(first, *(piece for part in rest for piece in ((" · ", "$faint"), part)))


def _hung(mark: Content, text: str, width: int, style: str = "") -> list[Content]:
    """Fold `text` beside a two-column mark."""
    rows = Content.styled(shown(text), style).wrap(max(1, width - 2))
    return [Content.assemble(mark if number == 0 else "  ", row) for number, row in enumerate(rows)]
