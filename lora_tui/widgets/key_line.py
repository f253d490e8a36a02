"""The last line of the screen: the keys that matter now."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Input

from lora_tui.widgets.pane import Pane

_TYPING_KEYS = (("enter", "keep"), ("esc", "cancel"))


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
        super().__init__(id=id)
        self._keys: tuple[tuple[str, str], ...] = ()

    def show_actions(self, wanted: Sequence[tuple[str, str]]) -> None:
        """Show the keys of the actions (binding id, label) that hold now; while a line is typed, the keys of that."""
        if isinstance(self.screen.focused, Input):
            self.show(_TYPING_KEYS)
            return
        by_id = {active.binding.id: active.binding for active in self.screen.active_bindings.values()}
        self.show([(self.app.get_key_display(by_id[name]), label) for name, label in wanted if name in by_id])

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show (key, label)."""
        self._keys = tuple(keys)
        self.redraw()

    def lines(self, width: int) -> list[Content]:
        """Return the line."""
        parts = [part for key, label in self._keys for part in ((key, "bold"), (f" {label}   ", "$muted"))]
        return [Content.assemble(*parts).rstrip().truncate(max(1, width), ellipsis=True)]
