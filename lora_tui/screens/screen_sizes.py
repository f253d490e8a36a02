"""The classes of a screen that say how much room a terminal has."""

from typing import TYPE_CHECKING, Any

from textual import events
from textual.screen import Screen

if TYPE_CHECKING:
    _Base = Screen[Any]
else:
    _Base = object

WIDTHS = [(0, "-tiny"), (60, "-narrow"), (100, "-wide")]
"""(columns from which it holds, class of the screen)."""
HEIGHTS = [(0, "-short"), (16, "-tall")]
"""(lines from which it holds, class of the screen)."""


def add_size_classes(screen: Screen[Any]) -> None:
    """Give a screen that is being composed its classes of `WIDTHS` and `HEIGHTS`."""
    # Textual sets them when the first resize comes, after it has styled and laid out everything without them.
    for size, breakpoints in ((screen.app.size.width, WIDTHS), (screen.app.size.height, HEIGHTS)):
        screen.add_class(max(entry for entry in breakpoints if entry[0] <= size)[1])


class SmallClasses(_Base):
    """A base of screens beside Screen, for those that differ in a small terminal alone: the first of `WIDTHS` and of `HEIGHTS`."""

    def on_mount(self) -> None:
        """Set the classes before anything is laid out."""
        self._name_room(self.app.size.width, self.app.size.height)

    def on_resize(self, event: events.Resize) -> None:
        """Set the classes, and keep in view what has the focus."""
        self._name_room(event.size.width, event.size.height)
        self.call_after_refresh(self._show_focused)

    def _name_room(self, columns: int, lines: int) -> None:
        small = {WIDTHS[0][1]: columns < WIDTHS[1][0], HEIGHTS[0][1]: lines < HEIGHTS[1][0]}
        self.update_classes(small, animate=False)

    def _show_focused(self) -> None:
        if self.focused is not None:
            self.focused.scroll_visible(animate=False)
