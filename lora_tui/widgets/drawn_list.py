"""Lists drawn line by line: the cells of a line, and the styles of its parts."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.scroll_view import ScrollView
from textual.strip import Strip


class DrawnList(ScrollView):
    """A list of which only the lines in view are made into text."""

    PARTS: ClassVar[str]
    """The component class of a part is this, two hyphens, and the part."""

    @property
    def _width(self) -> int:
        """The cells that no scrollbar covers."""
        return self.scrollable_content_region.width

    def _strip(self, segments: Sequence[Segment], fill: Style | None = None) -> Strip:
        """Return a line of the list's width, filled up in the style of `fill`, None for the list's own."""
        return Strip(segments).adjust_cell_length(self._width, self.rich_style if fill is None else fill)

    def _style(self, part: str) -> Style:
        return self.get_component_rich_style(f"{self.PARTS}--{part}")

    def _on(self, part: str, under: Style) -> Style:
        """Return the ink of `part` on the ground of `under`."""
        return self._style(part) + Style(bgcolor=under.bgcolor, bold=under.bold)
