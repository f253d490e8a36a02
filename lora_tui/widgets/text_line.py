"""A line of text that is painted again only where it differs."""

from textual.content import Content

from lora_tui.widgets.pane import Pane


class TextLine(Pane):
    """Shows one line, cut at the width."""

    DEFAULT_CSS = """
    TextLine { height: 1; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._content = Content("")

    @property
    def content(self) -> Content:
        """What it shows."""
        return self._content

    def show(self, content: Content) -> None:
        """Show this."""
        self._content = content
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the line."""
        return [self._content.truncate(max(1, width), ellipsis=True)]
