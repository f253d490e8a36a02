"""Lists that a line filters: what opens the line, moves in the list meanwhile, and leaves it."""

from typing import TYPE_CHECKING

from lora_tui.widgets.drawn_list import CursorList
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.report_list import ReportList

if TYPE_CHECKING:
    from textual.widget import Widget as _Base
else:
    _Base = object


class FilteredList(_Base):
    """A base of screens beside Screen, for those that have one FilterLine, shown while they have the class `-finding`."""

    @property
    def filtered(self) -> CursorList | ReportList:
        """The list that the line filters."""
        raise NotImplementedError

    def action_find(self) -> None:
        """Filter the list."""
        self.add_class("-finding")
        self.query_one(FilterLine).focus()

    def on_filter_line_moved(self, event: FilterLine.Moved) -> None:
        """Move in the list while the line is typed."""
        event.stop()
        self.filtered.action_move(event.by)

    def on_filter_line_left(self, event: FilterLine.Left) -> None:
        """Go back to the list; a filter that is not kept is emptied, and an empty line is hidden."""
        event.stop()
        line = self.query_one(FilterLine)
        if not event.kept:
            line.value = ""
        # At once, not by focus(), which waits its turn: a key typed behind enter is the list's.
        self.screen.set_focus(self.filtered)
        self.set_class(bool(line.value.strip()), "-finding")
