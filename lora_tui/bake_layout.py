"""The panes of the Bake screen that have room in a terminal, and how they stand in it."""

from dataclasses import dataclass
from typing import Literal

TABS = ("settings", "curves", "epochs", "log")
"""The panes of the Bake screen, in the order of their tabs."""

Flow = Literal["columns", "stack", "row", "none"]
"""Settings beside everything else; panes below each other; panes side by side; no room for any."""

Note = Literal["long", "short", "none"]
"""Lines of the note on the setting under the cursor."""

TWO_FROM = 80
"""Columns from which there are two panes."""
ALL_FROM = (120, 22)
"""Columns and lines from which there are all."""
# Lines in which they fit below each other in any width.
_HIGH = 40
LEAST = (60, 16)
"""Columns and lines below which bake and GPU have a line or two together."""
# With fewer lines there is nothing else.
_ANY_LINES = 8
# With fewer lines two panes below each other show nothing of either.
_STACK_LINES = 20
# Lines from which what stands on one line may go on in a second one.
_SECOND_LINE = 10
# Lines from which the note on a setting takes none that settings need, and from which it has more in a narrow list.
_NOTE_LINES, _LONG_NOTE = 14, 24
# Lines from which the plan has a place over the settings of a terminal that is too small for the whole head.
_PLAN_LINES = 12


@dataclass(frozen=True)
class BakeLayout:
    """What a terminal has room for.

    Attributes:
        panes: in view, in the order of the tabs.
        flow: how they stand.
        status_lines: lines that bake and GPU have together in place of title, meter and progress; 0 where these have room.
        plan: whether the plan has room.
        note: how much room the note on a setting has.
    """

    panes: tuple[str, ...]
    flow: Flow
    status_lines: int
    plan: bool
    note: Note

    @property
    def in_tabs(self) -> bool:
        """Whether some pane is out of view, and its tab brings it back."""
        return self.flow in ("stack", "row")


def bake_layout(columns: int, lines: int, tab: str = TABS[0], beside: str = TABS[0]) -> BakeLayout:
    """Return what a terminal of this size shows.

    From 120 columns on all panes are in view, from 80 on two: the curves, and the one that was asked for. Below that it is the one
    with the focus. A high terminal shows the lists below the curves, whatever its width.

    Args:
        columns: of the terminal.
        lines: of the terminal.
        tab: the pane with the focus.
        beside: the pane beside the curves; the last with the focus other than these.
    """
    if lines < _ANY_LINES:
        return BakeLayout((), "none", max(1, lines - 1), plan=False, note="none")
    small = columns < LEAST[0] or lines < LEAST[1]
    status = 0 if not small else 1 + (lines >= _SECOND_LINE)
    plan = lines >= _PLAN_LINES
    if columns >= ALL_FROM[0] and lines >= ALL_FROM[1]:
        return BakeLayout(TABS, "columns", status, plan, "long")
    asked = beside if columns >= TWO_FROM else tab
    panes: tuple[str, ...]
    if lines >= _HIGH and asked == "settings":
        panes = TABS if columns >= TWO_FROM else (asked,)
    elif lines >= _HIGH:
        panes = tuple(name for name in TABS if name != "settings")
    elif columns >= TWO_FROM:
        panes = tuple(name for name in TABS if name in ("curves", asked))
    else:
        panes = (tab,)
    beside_each_other = columns >= TWO_FROM and (columns >= ALL_FROM[0] or lines < _STACK_LINES)
    note: Note = "none" if lines < _NOTE_LINES else "short" if lines < _LONG_NOTE or len(panes) == 1 else "long"
    return BakeLayout(panes, "row" if beside_each_other else "stack", status, plan, note)
