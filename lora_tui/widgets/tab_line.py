"""Tabs of a narrow screen, which shows one pane at a time."""

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message

from lora_tui.widgets.pane import Pane

TABS = ("settings", "curves", "epochs", "log")


class TabLine(Pane):
    """The names of the panes with their number; the one in view is marked."""

    DEFAULT_CSS = """
    TabLine {
        height: 1;
        padding: 0 1;
    }
    """

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, names: Sequence[str] = TABS, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.names = tuple(names)
        self.active = self.names[0]

    def show(self, active: str) -> None:
        """Mark `active`."""
        self.active = active
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the line."""
        parts: list[tuple[str, str]] = []
        for number, name in enumerate(self.names, start=1):
            here = name == self.active
            parts.append((f"{'▸' if here else ' '}{number} {name}", "bold $primary" if here else "$muted"))
            parts.append(("   ", ""))
        return [Content.assemble(*parts).truncate(max(1, width))]

    def on_click(self, event: events.Click) -> None:
        """Pick the tab under the pointer."""
        line = self.lines(self.content_size.width)[0].plain
        for name in self.names:
            start = line.index(name) - 2
            if start <= event.x - 1 < start + len(name) + 3:
                self.post_message(self.Picked(name))
