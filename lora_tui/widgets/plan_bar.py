"""The plan of the current settings on one or two lines, with its warnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.content import Content

from lora_tui.keys.own_keys import keys_of
from lora_tui.widgets.pane import COMPACT, Pane, heading
from lora_tui.wording.memory import PeakView, peak_parts
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import FAILED, WARNING
from trainer.text import plural, printable

_DISK = " on disk"


@dataclass(frozen=True)
class _Shown:
    line: str = ""
    warnings: tuple[str, ...] = ()
    error: str = ""
    note: str = ""
    counts: str = ""


class PlanBar(Pane):
    """The plan on one or two lines with its warnings under it, or the error in its place."""

    title = "plan"
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        title,
        (
            Term("200 pictures × 3", "pictures, times the repeats of their folders: what an epoch shows"),
            Term("buckets", "sizes and shapes that the pictures are batched in"),
            Term("202 steps × 8", "optimizer steps of an epoch, times epochs"),
            Term("≈", "time expected, from bakes like this one"),
            Term("peak", "memory of the GPU that is predicted, of what is free now"),
            Term("on disk", "what the saved LoRAs and states will take"),
            Term("1 warning", "how much the checks found, with the key that lists it"),
        ),
    )
    most_lines = 5
    """Lines at most; warnings beyond it are counted, not shown."""
    most_lines_of_next = 3
    """The same, beside a bake that runs."""

    def __init__(self, *, title: str = title, id: str | None = None) -> None:
        super().__init__(id=id)
        self.title = title
        self._shown = _Shown()
        self._peak = PeakView()
        self._of_next = False

    @property
    def of_next(self) -> bool:
        """Whether it is the plan of the bake after the one that runs; it is shorter then, and says so."""
        return self._of_next

    @of_next.setter
    def of_next(self, of_next: bool) -> None:
        if of_next != self._of_next:
            self._of_next = of_next
            self._show_title()
            self.refresh(layout=True)

    def show_plan(self, line: str, warnings: tuple[str, ...], counts: str = "") -> None:
        """Show a plan; `counts` says how much the checks found, in the rule above it."""
        self._show(_Shown(line=line, warnings=warnings, counts=counts))

    def show_peak(self, peak: PeakView) -> None:
        """Show the peak memory; it is part of the plan's line and appears with it."""
        self._peak = peak
        self.redraw()

    def show_error(self, line: str, counts: str = "") -> None:
        """Show an error in place of a plan; counts as for show_plan."""
        self._show(_Shown(error=line, counts=counts))

    def show_note(self, line: str) -> None:
        """Show what is in progress."""
        self._show(_Shown(note=line))

    def lines(self, width: int) -> list[Content]:
        """Return the lines, folded at the width."""
        now, most = self._shown, self.most_lines_of_next if self._of_next else self.most_lines
        # Without room for the title, which says so elsewhere.
        compact = self.screen.has_class(COMPACT)
        if now.error:
            mark = Content.styled(f"{FAILED.mark} ", FAILED.colour)
            rows = _hung(mark, now.error, width, "$error")[:most]
            return (
                [*rows[: most - 1], Content.styled(f"  {self._counts}", "$muted")] if compact and now.counts else rows
            )
        if not now.line:
            return Content.styled(now.note or " ", "$muted").fold(max(1, width))[:most]
        line = f"next bake: {now.line}" if self._of_next and compact else now.line
        if compact and now.counts:
            line = f"{line} · {self._counts}"
        lines = at_dots(line, width, peak_parts(self._peak, width))
        warnings = [
            line
            for text in now.warnings
            for line in _hung(Content.styled(f"{WARNING.mark} ", WARNING.colour), text, width)
        ]
        rows = [*lines, *warnings]
        if len(rows) <= most:
            return rows
        hidden = Content.styled(f"  and {plural(len(rows) - most + 1, 'more line')}", "$muted")
        return [*rows[: most - 1], hidden]

    def _show(self, now: _Shown) -> None:
        self._shown = now
        self._show_title()
        self.redraw()

    def _show_title(self) -> None:
        """Put up the title, with how much the checks found and the key that lists it."""
        title = "plan of the next bake" if self._of_next else self.title
        parts = ("  ", (self._counts, "$muted")) if self._shown.counts else ()
        self.border_title = heading(title, *parts)

    @property
    def _counts(self) -> str:
        """How much the checks found, with the key that lists it."""
        key = keys_of(self.app).shown("checks.open")
        return f"{self._shown.counts}{f' ({key})' if key else ''}"


def at_dots(line: str, width: int, peak: Sequence[Content] = ()) -> list[Content]:
    """Break a plan line at its dots only, so that no number is separated from its unit.

    Args:
        line: from plan_line.
        width: columns.
        peak: parts about memory, placed before those about the disk.
    """
    parts = [Content(part) for part in printable(line).split(" · ")]
    disk = next((place for place, part in enumerate(parts) if part.plain.endswith(_DISK)), len(parts))
    parts[disk:disk] = peak
    rows: list[Content] = []
    for part in parts:
        if rows and rows[-1].cell_length + 3 + part.cell_length <= width:
            rows[-1] = Content.assemble(rows[-1], (" · ", "$faint"), part)
        else:
            rows.append(part)
    return [row.truncate(width, ellipsis=True) for row in rows]


def _hung(mark: Content, text: str, width: int, style: str = "") -> list[Content]:
    """Fold `text` beside a two-column mark."""
    rows = Content.styled(printable(text), style).wrap(max(1, width - 2))
    return [Content.assemble(mark if number == 0 else "  ", row) for number, row in enumerate(rows)]


class GridCount(PlanBar):
    """The same for a grid: how many pictures it has, how many of them are to be made, and how long that takes."""

    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "pictures and time",
        (
            Term("6 × 4 = 24 pictures", "values of each axis and seeds, and the pictures that they make"),
            Term("12 to make", "those that no earlier grid has made"),
            Term("≈", "time expected, at the speed of the pictures made so far"),
        ),
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(title=self.TERMS.title, id=id)
