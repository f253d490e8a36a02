"""The panes of the Bake screen that have room in a terminal, and how they stand in it."""

from dataclasses import dataclass
from typing import Literal

from lora_tui.widgets.tab_line import TABS

Flow = Literal["columns", "stack", "row", "none"]
"""Settings beside everything else; panes below each other; panes side by side; no room for any."""

Note = Literal["long", "short", "none"]
"""Lines of the note on the setting under the cursor."""

# Columns from which there are two panes, and from which there are all.
_TWO_FROM, _ALL_FROM = 80, 120
# Lines that all panes need beside the settings; in more than the second number they fit below each other in any width.
_ALL_LINES, _HIGH = 22, 40
# Below these columns or lines bake and GPU have one line together; below the last there is nothing else.
_LEAST_COLUMNS, _LEAST_LINES, _ANY_LINES = 60, 16, 8
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


def bake_layout(columns: int, lines: int, tab: str, beside: str) -> BakeLayout:
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
    small = columns < _LEAST_COLUMNS or lines < _LEAST_LINES
    status = 0 if not small else 1 + (lines >= _SECOND_LINE)
    plan = lines >= _PLAN_LINES
    if columns >= _ALL_FROM and lines >= _ALL_LINES:
        return BakeLayout(TABS, "columns", status, plan, "long")
    asked = beside if columns >= _TWO_FROM else tab
    if lines >= _HIGH and asked == "settings":
        panes = TABS if columns >= _TWO_FROM else (asked,)
    elif lines >= _HIGH:
        panes = tuple(name for name in TABS if name != "settings")
    elif columns >= _TWO_FROM:
        panes = tuple(name for name in TABS if name in ("curves", asked))
    else:
        panes = (tab,)
    beside_each_other = columns >= _TWO_FROM and (columns >= _ALL_FROM or lines < _STACK_LINES)
    note: Note = "none" if lines < _NOTE_LINES else "short" if lines < _LONG_NOTE or len(panes) == 1 else "long"
    return BakeLayout(panes, "row" if beside_each_other else "stack", status, plan, note)
