"""What a screen is for, what its keys do and what stands on it: made from the bindings that hold now and the panes that are there, so it cannot go stale."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from lora_tui.keys.keymap import BY_ID, actions_of, bindings, named_for, records_of
from lora_tui.keys.own_keys import keys_of
from lora_tui.screens.dialog import ReadDialog, key_hint
from lora_tui.widgets.field_note import field_facts
from lora_tui.wording.pane_terms import PaneTerms, joined
from lora_tui.wording.screen_guides import GUIDES, ScreenGuide
from trainer.settings.parts import Family

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo

# Columns of the panel, and those of it that no text has.
_WIDTH, _BESIDE = 78, 5


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
    family = family_on(screen)
    for active in screen.active_bindings.values():
        binding = active.binding
        text = binding.tooltip or binding.description
        # Textual's own editing keys have no id; those of an input need no explanation, tab's are below.
        if binding.id is None or not active.enabled or not text:
            continue
        record = BY_ID.get(binding.id)
        if record is not None and not allows(record.right):
            continue
        if record is not None and text == record.help:
            text = named_for(record, family).help
        keys.setdefault((binding.action, text), []).append(screen.app.get_key_display(binding))
    return [KeyHelp(" ".join(dict.fromkeys(names)), text) for (_, text), names in keys.items()]


def show_help(screen: Screen[Any]) -> None:
    """Show the keys of a dialog, or of a screen without fields, and what stands on it."""
    allows = getattr(screen.app, "allows", lambda right: True)
    screen.app.push_screen(HelpScreen(active_keys(screen, allows), has_panes=False))


def terms_on(screen: Screen[Any]) -> tuple[PaneTerms, ...]:
    """Return what columns, figures and signs of the panes of `screen` mean, in the order of the panes."""
    panes = (getattr(type(widget), "TERMS", None) for widget in screen.walk_children(Widget, with_self=True))
    family = family_on(screen)
    return joined(pane.in_words_of(family) for pane in panes if isinstance(pane, PaneTerms))


def family_on(screen: Screen[Any]) -> Family | None:
    """Return the family of bases that a screen or dialog is about; None where that is not known."""
    asked: Callable[[Screen[Any]], Family | None] = getattr(screen.app, "family_on", lambda _: None)
    return asked(screen)


def guide_of(kind: type[Screen[Any]]) -> ScreenGuide | None:
    """Return what a class of screens is for; None for a dialog that explains itself."""
    ids = {record.id for record in records_of(kind)}
    for guide in GUIDES:
        # An action of several screens does not tell which of them this is.
        if any(action.id in ids for action in actions_of(guide.scope) if action.scopes == (guide.scope,)):
            return guide
    return None


class HelpScreen(ReadDialog[None]):
    """What the screen below is for, the focused field, if there is one, the keys, and its columns and signs."""

    DEFAULT_CSS = """
    HelpScreen {
        & > VerticalScroll { width: 78; }
        & #field { margin-bottom: 1; }
        & #purpose { margin-bottom: 1; }
        & #terms { margin-top: 1; }
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
            if guide := guide_of(type(self.app.screen_stack[-2])):
                purpose = keys_of(self.app).fill(guide.purpose).replace("`", "")
                yield Static(Content.assemble((guide.title, "bold $primary"), f"\n{purpose}"), id="purpose")
            if self._info is not None:
                name = Content.assemble((self._info.name, "bold $primary"), f"  {self._info.label}")
                yield Static(Content("\n").join([name, *field_facts(self._info, self._columns)]), id="field")
            yield Static(self._table())
            if panes := terms_on(self.app.screen_stack[-2]):
                yield Static(_glossary(panes, self._columns), id="terms")
            yield Static(Content(key_hint(self, "read.down read.up=scroll", "read.close")), id="keys")

    @property
    def _columns(self) -> int:
        """Columns of the text, beside padding and scrollbar."""
        return min(_WIDTH, self.app.size.width) - _BESIDE

    def _table(self) -> Content:
        width = min(20, max((len(entry.keys) for entry in self._keys), default=0))
        rows = [
            Content.assemble((f"{entry.keys:>{width}}", "bold $primary"), f"  {entry.text}") for entry in self._keys
        ]
        if self._has_panes:
            rows.append(Content.assemble((f"{'tab':>{width}}", "bold $primary"), "  next pane (shift+tab: previous)"))
            rows.append(Content.styled(f"\n{SIGNS}", "$muted"))
        return Content("\n").join(rows)


def _glossary(panes: Sequence[PaneTerms], width: int) -> Content:
    """Return each pane's terms under its title, folded so that the signs stand alone at the left."""
    rows: list[Content] = []
    for pane in panes:
        left = min(16, max(cell_len(term.sign) for term in pane.terms))
        rows += (
            [Content(""), Content.styled(pane.title, "bold $primary")]
            if rows
            else [Content.styled(pane.title, "bold $primary")]
        )
        for term in pane.terms:
            lines = textwrap.wrap(term.means, max(20, width - left - 4)) or [""]
            sign = set_cell_size(term.sign, max(left, cell_len(term.sign)))
            rows.append(Content.assemble((f"  {sign}", "$secondary"), f"  {lines[0]}"))
            rows += [Content(" " * (left + 4) + line) for line in lines[1:]]
    return Content("\n").join(rows)


SIGNS = "● live  ◌ paused  ◇ parked  ✓ done  ✗ failed  ■ stopped  ! warning\n• differs from the last bake  * edited, not saved  ▾ lowest validation loss"
"""What the signs on the screens mean."""
