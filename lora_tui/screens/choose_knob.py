"""The choice of what a new ladder asks: a setting found by a search, or a ready ladder with the sentence that it tests."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.actions.ladders import first_rungs
from lora_tui.screens.dialog import Dialog
from lora_tui.widgets.field_search import FoundFields, search_fields
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.found_lines import found_lines
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.ladders.presets import LadderPreset
    from trainer.settings.describe import SettingInfo
    from trainer.settings.parts import Family

_READY = "ready"


@dataclass(frozen=True)
class ChosenKnob:
    """What was chosen.

    Attributes:
        name: of the setting, "" for a ready ladder.
        preset: key of the ready ladder, "" for a setting.
        title: as it is shown.
        help: what it is, or the sentence that it tests.
        rungs: offered first; "" where they have to be typed.
        choice: what of several things a ready ladder varies may be named, "" for nothing.
    """

    name: str = ""
    preset: str = ""
    title: str = ""
    help: str = ""
    rungs: str = ""
    choice: str = ""


class KnobDialog(Dialog["ChosenKnob | None"]):
    """A line to search in and the list of what it finds; dismissed with what was chosen, or None."""

    DEFAULT_CSS = """
    KnobDialog {
        & > Vertical { width: 110; }
        & FilterLine { margin-top: 1; }
        & OptionList { height: auto; max-height: 44vh; border: none; background: $panel; padding: 0; margin-top: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & OptionList:focus { border: none; background-tint: transparent; }
        & #story { height: 3; max-height: 14vh; color: $muted; margin-top: 1; }
    }
    """

    def __init__(self, family: "Family | None" = None) -> None:
        """Offer every setting and ready ladder, in the words of the base's family where that is known."""
        from trainer.ladders.presets import presets_of
        from trainer.settings.describe import fields
        from trainer.settings.random_numbers import SEEDS

        super().__init__()
        self._infos = [info for info in fields(family=family) if info.name not in SEEDS]
        self._all = [
            *(of_preset(key, preset) for key, preset in presets_of(family).items()),
            *map(of_setting, self._infos),
        ]
        self._fuzzy = FuzzySearch()
        self._found: list[ChosenKnob] = []
        # What the search says beside what it finds.
        self._said = ""

    def compose(self) -> ComposeResult:
        """Yield the line, the list, and what the marked one is."""
        with Vertical():
            yield Static(Content.styled("What is to differ between the rungs?", "bold"))
            yield FilterLine("a setting, or a ready ladder")
            yield OptionList(compact=True)
            yield Static("", id="story")
            yield Static(Content("enter: choose · ↑ ↓: next · esc: cancel"), id="keys")

    def on_mount(self) -> None:
        """List everything."""
        self.query_one(OptionList).can_focus = False
        self._find("")
        self.query_one(FilterLine).focus()

    @on(FilterLine.Changed)
    def _search(self, event: FilterLine.Changed) -> None:
        event.stop()
        self._find(event.value)

    @on(FilterLine.Moved)
    def _move(self, event: FilterLine.Moved) -> None:
        event.stop()
        options = self.query_one(OptionList)
        if self._found:
            options.highlighted = ((options.highlighted or 0) + event.by) % len(self._found)

    @on(FilterLine.Left)
    def _leave(self, event: FilterLine.Left) -> None:
        event.stop()
        if not event.kept:
            self.dismiss(None)
        elif (knob := self._marked) is not None:
            self.dismiss(knob)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._found[event.option_index])

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        knob = self._marked
        self._show_story("" if knob is None else knob.help)

    @property
    def _marked(self) -> ChosenKnob | None:
        place = self.query_one(OptionList).highlighted
        return self._found[place] if place is not None and place < len(self._found) else None

    def _find(self, query: str) -> None:
        asked = search_fields(query, self._infos, self._fuzzy)
        self._found = self._matching(query, asked)
        # The keys that a search in the form leads to do nothing here.
        self._said = " · ".join(found_lines(replace(asked, actions=()), self)) if query.strip() else ""
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([_option(knob) for knob in self._found])
        options.highlighted = 0 if self._found else None
        if not self._found:
            self._show_story("")

    def _show_story(self, help: str) -> None:
        parts = (printable(each, 400) for each in (self._said, help) if each)
        self.query_one("#story", Static).update(Content("\n".join(parts)))

    def _matching(self, query: str, asked: FoundFields) -> list[ChosenKnob]:
        """Return what `query` may mean: settings as the form finds them, and ready ladders that have each of its words."""
        words = query.casefold().split()
        if not words:
            return list(self._all)
        by_name = {knob.name: knob for knob in self._all if knob.name}
        settings = [by_name[name] for name in asked.names or asked.near]
        ready = [knob for knob in self._all if knob.preset and _has(knob, words)]
        return [*settings, *ready]


def of_setting(info: "SettingInfo") -> ChosenKnob:
    """Return a setting as a choice."""
    return ChosenKnob(info.name, "", info.name, f"{info.label}. {info.expected}. {info.help}", first_rungs(info))


def of_preset(key: str, preset: "LadderPreset") -> ChosenKnob:
    """Return a ready ladder as a choice."""
    parts = (preset.varies, f"needs {preset.needs}" if preset.needs else "", f"tests “{preset.quote}”")
    return ChosenKnob("", key, preset.title, "; ".join(filter(None, parts)), choice=preset.choice)


def _has(knob: ChosenKnob, words: list[str]) -> bool:
    text = f"{_READY} {knob.preset} {knob.title} {knob.help}".casefold()
    return all(word in text for word in words)


def _option(knob: ChosenKnob) -> Option:
    kind = f"{_READY} ladder  " if knob.preset else ""
    return Option(
        Content.assemble((kind, "$secondary"), printable(knob.title, 60), (f"  {printable(knob.help, 200)}", "$muted"))
    )
