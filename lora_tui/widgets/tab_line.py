"""Tabs of a screen with room for some of its panes only."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from textual import events
from textual.content import Content
from textual.message import Message

from lora_tui.keys.own_keys import keys_of
from lora_tui.widgets.pane import Pane

_MARK, _WIDEST_GAP = "▸", 3


class TabLine(Pane):
    """The names of the panes with their keys; those in view are marked. A click brings one into view.

    Args:
        actions: name of a pane -> the action whose key brings it into view; the same for all where one key goes to the next.
    """

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

    def __init__(self, actions: Mapping[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._actions = MappingProxyType(dict(actions))
        self._in_view: Collection[str] = ()
        self._active = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The panes."""
        return tuple(self._actions)

    def show(self, active: str, in_view: Collection[str] = ()) -> None:
        """Mark what is in view: the pane of the last focus, and others beside it."""
        self._active, self._in_view = active, (active, *in_view)
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the line."""
        return [Content.assemble(*(piece for _, piece in self._pieces(width))).truncate(max(1, width), ellipsis=True)]

    def on_click(self, event: events.Click) -> None:
        """Pick the tab under the pointer."""
        end = 1
        for name, piece in self._pieces(self.content_size.width):
            start, end = end, end + piece.cell_length
            if start <= event.x < end:
                self.post_message(self.Picked(name))

    def _pieces(self, width: int) -> list[tuple[str, Content]]:
        """Return each name with its text, as far apart as there is room; in too little room the keys alone of what is out of view."""
        texts = {name: self._text(name) for name in self._actions}
        if sum(text.cell_length for text in texts.values()) > width:
            texts = {
                name: text if name in self._in_view else self._text(name, named=False) for name, text in texts.items()
            }
        free = width - sum(text.cell_length for text in texts.values())
        gap = " " * max(0, min(_WIDEST_GAP, free // max(1, len(texts) - 1)))
        last = next(reversed(texts))
        return [(name, text if name == last else Content.assemble(text, gap)) for name, text in texts.items()]

    def _text(self, name: str, *, named: bool = True) -> Content:
        shown = name in self._in_view
        one_key = len(set(self._actions.values())) == 1
        key = "" if shown and one_key else keys_of(self.app).shown(self._actions[name])
        words = " ".join(part for part in (key, name if named or not key else "") if part)
        look = "bold $primary" if name == self._active else "$primary" if shown else "$muted"
        return Content.styled(f"{_MARK if shown else ' '}{words}", look)
