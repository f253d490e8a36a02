"""A list of things to pick from, each with a line on what it is."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.screens.dialog import ListDialog, key_hint
from trainer.text import printable

# As many as there are digits to pick them by.
MAX_DIGITS = 9
# Cells before a title, and behind it.
_LEAD, _GAP = 3, 2


@dataclass(frozen=True)
class PickChoice:
    """One thing to pick: what it stands for, its name, and a line on what it is."""

    value: str
    title: str
    help: str = ""


class PickDialog(ListDialog[str | None]):
    """A list of choices; dismissed with the value of the one picked, or None. A digit picks one of the first nine at once."""

    DEFAULT_CSS = """
    PickDialog {
        & > Vertical { width: 110; }
        & OptionList { max-height: 24; text-wrap: nowrap; text-overflow: ellipsis; }
        & #about { display: none; color: $muted; }
        & #about.-shown { display: block; }
        & #story { display: none; height: 3; color: $muted; margin-top: 1; }
        &.-cut #story { display: block; }
        &.-cut OptionList { max-height: 50vh; }
    }
    """

    def __init__(self, heading: str, choices: Sequence[PickChoice], current: str = "") -> None:
        """Offer `choices` under `heading`; the one with the value `current` is marked."""
        super().__init__()
        self._heading = heading
        self._choices = tuple(choices)
        self._current = current

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Vertical():
            yield Static(Content.styled(self._heading, "bold"))
            yield Static("", id="about")
            options = OptionList(*map(self._option, range(len(self._choices))), compact=True)
            values = [choice.value for choice in self._choices]
            if self._current in values:
                options.highlighted = values.index(self._current)
            yield options
            yield Static("", id="story")
            yield Static(Content(key_hint(self, "enter: select", "dialog.cancel")), id="keys")

    def on_resize(self, event: events.Resize) -> None:
        """Show the help of the marked choice below the list where a line there is cut."""
        self.call_after_refresh(self._show_cut)

    def show_about(self, lines: Sequence[str]) -> None:
        """Show lines between the heading and the list, none for nothing."""
        about = self.query_one("#about", Static)
        about.update(Content("\n".join(map(printable, lines))))
        about.set_class(bool(lines), "-shown")

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.query_one("#story", Static).update(Content(printable(self._choices[event.option_index].help)))

    def _show_cut(self) -> None:
        room = self.query_one(OptionList).scrollable_content_region.width - _LEAD - self._wide - _GAP
        self.set_class(any(cell_len(printable(choice.help)) > room for choice in self._choices), "-cut")

    def acts_on(self, key: str) -> bool:
        """Return whether `key` takes a choice, and that does something: enter, or its digit."""
        return super().acts_on(key) or (self.ENTER_ACTS and key.isdecimal())

    def on_key(self, event: events.Key) -> None:
        """Take a choice by its digit."""
        if event.key.isdecimal() and 0 < int(event.key) <= min(MAX_DIGITS, len(self._choices)):
            event.stop()
            self.dismiss(self._choices[int(event.key) - 1].value)

    @on(OptionList.OptionSelected)
    def _pick(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choices[event.option_index].value)

    @property
    def _wide(self) -> int:
        """Cells of the longest title."""
        return max((cell_len(printable(choice.title)) for choice in self._choices), default=0)

    def _option(self, at: int) -> Option:
        choice = self._choices[at]
        digit = str(at + 1) if at < MAX_DIGITS else " "
        return Option(
            Content.assemble(
                (f"{digit}  ", "bold $primary"),
                f"{set_cell_size(printable(choice.title), self._wide)}  ",
                (printable(choice.help), "$muted"),
            )
        )
