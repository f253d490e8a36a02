"""What of the subject's checklist is to be seen in one picture?"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.pictures.grid_selection import GridSelection
from lora_tui.screens.dialog import ListDialog
from lora_tui.wording.state_symbols import DONE, FAILED
from trainer.text import printable

_KEYS = "y is there · n is not · backspace not looked at · space changes\nenter keeps · esc leaves it as it was"
_NEXT = {None: True, True: False, False: None}


class ChecklistDialog(ListDialog[Mapping[str, bool] | None]):
    """Dismissed with item -> whether it is there, without those nobody looked for; None where nothing shall change.

    Args:
        items: what to look for.
        ticks: what was found before.
    """

    DEFAULT_CSS = """
    ChecklistDialog {
        & > Vertical { width: 60; }
        & OptionList { height: auto; max-height: 16; border: none; background: $panel; padding: 0; margin-top: 1; }
        & OptionList:focus { border: none; }
        & #keys { height: auto; margin-top: 1; color: $muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "cancel", id="checklist.cancel", show=False, tooltip="leave it as it was"),
        Binding("enter,c", "keep", "keep", id="checklist.keep", show=False, priority=True, tooltip="keep the ticks"),
        Binding("j", "move('down')", "down", id="checklist.down", show=False, tooltip="next item"),
        Binding("k", "move('up')", "up", id="checklist.up", show=False, tooltip="item before"),
        Binding("y,plus", "say(True)", "there", id="checklist.there", show=False, tooltip="it is there"),
        Binding("n,minus", "say(False)", "not there", id="checklist.missing", show=False, tooltip="it is not there"),
        Binding("backspace", "say(None)", "not looked", id="checklist.open", show=False, tooltip="nobody looked"),
        Binding("space", "change", "change", id="checklist.change", show=False, tooltip="there, not there, not looked"),
    ]

    def __init__(self, items: Sequence[str], ticks: Mapping[str, bool]) -> None:
        """Offer `items`."""
        super().__init__()
        self._items = tuple(items)
        # An item that has left the checklist keeps its tick.
        self._ticks = dict(ticks)

    def compose(self) -> ComposeResult:
        """Yield the items."""
        with Vertical():
            yield Static(Content.styled("What is to be seen in this picture?", "bold"))
            yield OptionList(*(self._option(item) for item in self._items), compact=True)
            yield Static(_KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Begin at the first item nobody looked for."""
        fresh = [place for place, item in enumerate(self._items) if item not in self._ticks]
        self.query_one(OptionList).highlighted = fresh[0] if fresh else 0

    def action_say(self, there: bool | None) -> None:
        """Say it of the marked item, and go to the next."""
        self._set(there)
        options = self.query_one(OptionList)
        if options.highlighted is not None and options.highlighted < len(self._items) - 1:
            options.action_cursor_down()

    def action_change(self) -> None:
        """Say the next thing of the marked item."""
        place = self.query_one(OptionList).highlighted
        if place is not None:
            self._set(_NEXT[self._ticks.get(self._items[place])])

    def action_keep(self) -> None:
        """Close, and keep the ticks."""
        self.dismiss(dict(self._ticks))

    def action_leave(self) -> None:
        """Close, and leave it as it was."""
        self.dismiss(None)

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

    def _option(self, item: str) -> Option:
        return Option(self._words(item))

    def _words(self, item: str) -> Content:
        there = self._ticks.get(item)
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

    screen.app.push_screen(ChecklistDialog(selection.checklist, note.ticks), keep_ticks)
