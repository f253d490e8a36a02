"""What the keys do: made from the bindings that hold now, so it cannot go stale."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from lora_tui.keymap import BY_ID, bindings
from lora_tui.screens.dialog import ReadDialog
from lora_tui.widgets.field_note import field_facts

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo


@dataclass(frozen=True)
class KeyHelp:
    """One line of help: the keys, and what they do."""

    keys: str
    text: str


def active_keys(screen: Screen[Any], allows: Callable[[str], bool] = lambda right: True) -> list[KeyHelp]:
    """Return a line for each action that a key of `screen` gives now, the nearest to the focus first.

    Args:
        screen: whose keys.
        allows: whether the screen has the right of that name; an action without it is left out.
    """
    keys: dict[tuple[str, str], list[str]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        text = binding.tooltip or binding.description
        # Textual's own editing keys have no id; those of an input need no explanation, tab's are below.
        if binding.id is None or not active.enabled or not text:
            continue
        if binding.id in BY_ID and not allows(BY_ID[binding.id].right):
            continue
        keys.setdefault((binding.action, text), []).append(screen.app.get_key_display(binding))
    return [KeyHelp(" ".join(dict.fromkeys(names)), text) for (_, text), names in keys.items()]


class HelpScreen(ReadDialog[None]):
    """The focused field, if there is one, and the keys."""

    DEFAULT_CSS = """
    HelpScreen {
        & > VerticalScroll { width: 78; }
        & #field { margin-bottom: 1; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, keys: Sequence[KeyHelp], info: "FieldInfo | None" = None, *, has_panes: bool = True) -> None:
        """Show `keys`, under the description of field `info`; below them tab and the signs of a screen that has panes."""
        super().__init__()
        self._has_panes = has_panes
        self._keys = tuple(keys)
        self._info = info

    def compose(self) -> ComposeResult:
        """Yield the text."""
        with VerticalScroll():
            if self._info is not None:
                name = Content.assemble((self._info.name, "bold $primary"), f"  {self._info.label}")
                yield Static(Content("\n").join([name, *field_facts(self._info, 72)]), id="field")
            yield Static(self._table())

    def _table(self) -> Content:
        width = min(20, max((len(entry.keys) for entry in self._keys), default=0))
        rows = [
            Content.assemble((f"{entry.keys:>{width}}", "bold $primary"), f"  {entry.text}") for entry in self._keys
        ]
        if self._has_panes:
            rows.append(Content.assemble((f"{'tab':>{width}}", "bold $primary"), "  next pane (shift+tab: previous)"))
            rows.append(Content.styled(f"\n{SIGNS}", "$muted"))
        return Content("\n").join(rows)


SIGNS = "● live  ◌ paused  ◇ parked  ✓ done  ✗ failed  ■ stopped  ! warning\n• differs from the last bake  * edited, not saved  ▾ lowest validation loss"
"""What the signs on the screens mean."""
