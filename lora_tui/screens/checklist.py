"""The subject's checklist for one picture."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.pictures.grid_model import PROPOSED
from lora_tui.pictures.grid_selection import GridSelection
from lora_tui.screens.dialog import ListDialog, key_hint
from lora_tui.wording.state_symbols import DONE, FAILED
from trainer.text import printable

_NEXT = {None: True, True: False, False: None}


class ChecklistDialog(ListDialog[Mapping[str, bool] | None]):
    """Dismissed with item -> whether it is there, without the unchecked ones; None to change nothing.

    Args:
        items: what to look for.
        ticks: what was found before.
        proposed: what a tagger proposes; it is shown beside what is not checked, and kept only where the user takes it over.
    """

    DEFAULT_CSS = """
    ChecklistDialog {
        & > Vertical { width: 60; }
        & OptionList { max-height: 16; }
        &.-short #keys { max-height: 4; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("checklist")

    def __init__(
        self, items: Sequence[str], ticks: Mapping[str, bool], proposed: Mapping[str, bool] | None = None
    ) -> None:
        """Offer `items`."""
        super().__init__()
        self._items = tuple(items)
        self._proposed = {item: there for item, there in (proposed or {}).items() if item in self._items}
        # An item that has left the checklist keeps its tick.
        self._ticks = dict(ticks)

    def compose(self) -> ComposeResult:
        """Yield the items."""
        with Vertical():
            yield Static(Content.styled("What does this picture show?", "bold"))
            yield OptionList(*(self._option(item) for item in self._items), compact=True)
            yield Static(self._hint(), id="keys", markup=False)

    def on_mount(self) -> None:
        """Start at the first unchecked item."""
        unchecked = [place for place, item in enumerate(self._items) if item not in self._ticks]
        self.query_one(OptionList).highlighted = unchecked[0] if unchecked else 0

    def action_tick(self, there: bool | None) -> None:
        """Answer for the marked item, and go to the next."""
        self._set(there)
        options = self.query_one(OptionList)
        if options.highlighted is not None and options.highlighted < len(self._items) - 1:
            options.action_cursor_down()

    def action_cycle(self) -> None:
        """Give the marked item its next answer."""
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self._set(_NEXT[self._ticks.get(self._items[place])])

    def action_take(self) -> None:
        """Take over what is proposed for the items that are not checked."""
        options = self.query_one(OptionList)
        for place, item in enumerate(self._items):
            if item in self._proposed and item not in self._ticks:
                self._ticks[item] = self._proposed[item]
                options.replace_option_prompt_at_index(place, self._words(item))

    def action_keep(self) -> None:
        """Close, and keep the ticks."""
        self.dismiss(dict(self._ticks))

    def _set(self, there: bool | None) -> None:
        options = self.query_one(OptionList)
        place = options.highlighted
        if place is None:
            return
        item = self._items[place]
        self._ticks.pop(item, None)
        if there is not None:
            self._ticks[item] = there
        options.replace_option_prompt_at_index(place, self._words(item))

    def _hint(self) -> str:
        ticks = key_hint(self, "checklist.there", "checklist.missing", "checklist.open", "checklist.change")
        take = ("checklist.take",) if self._proposed else ()
        return f"{ticks}\n{key_hint(self, *take, 'checklist.keep', 'dialog.cancel')}"

    def _option(self, item: str) -> Option:
        return Option(self._words(item))

    def _words(self, item: str) -> Content:
        there = self._ticks.get(item)
        proposed = self._proposed.get(item)
        if there is None and proposed is not None:
            words = f"  proposed: {'yes' if proposed else 'no'}"
            return Content.assemble((f"{PROPOSED} ", "$muted"), printable(item, 50 - len(words)), (words, "$muted"))
        sign, colour = ("·", "$muted") if there is None else DONE if there else FAILED
        return Content.assemble((f"{sign} ", colour), printable(item, 50))


def offer_checklist(screen: Screen[Any], selection: GridSelection) -> None:
    """Open the checklist over `screen` for the picture under the cursor, and keep its ticks."""
    note = selection.note
    if note is None:
        return
    if not selection.checklist:
        screen.notify("the subject has no checklist: add `checklist` to its file", markup=False)
        return

    def keep_ticks(ticks: Mapping[str, bool] | None) -> None:
        if ticks is not None:
            selection.set_ticks(note.cell, ticks)

    screen.app.push_screen(ChecklistDialog(selection.checklist, note.ticks, selection.proposed), keep_ticks)
