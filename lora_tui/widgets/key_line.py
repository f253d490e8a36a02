"""Which keys matter now? The last line of the screen."""

from collections.abc import Sequence

from textual.content import Content

from lora_tui.widgets.pane import Pane


class KeyLine(Pane):
    """A few keys with their labels; the help has them all."""

    DEFAULT_CSS = """
    KeyLine {
        height: 1;
        background: $panel;
        padding: 0 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        """Start without keys."""
        super().__init__(id=id)
        self._keys: tuple[tuple[str, str], ...] = ()

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show (key, label)."""
        self._keys = tuple(keys)
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the line."""
        parts = [part for key, label in self._keys for part in ((key, "bold"), (f" {label}   ", "$muted"))]
        return [Content.assemble(*parts).rstrip().truncate(max(1, width), ellipsis=True)]
