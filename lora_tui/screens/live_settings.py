"""Changing one setting of a running or queued bake."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ListDialog, key_hint, line_input
from lora_tui.widgets.field_search import search_fields
from lora_tui.widgets.filter_line import FilterLine
from lora_tui.widgets.found_lines import found_lines
from trainer.errors import SettingsError
from trainer.jobs.live_settings import NOW, change_setting
from trainer.settings.parts import STOP_SETTINGS

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo
    from trainer.settings.model import Settings
    from trainer.settings.parts import Family

# Of SDXL's second text encoder.
_OF_SECOND = ("text_encoder_lr2", "text_encoder_stop2")
_PICKING = ("enter: select", "live.find", "dialog.cancel")
_TYPE = "enter: change after this step"
_TYPE_WAITING = "enter: change"


class LiveSettingsDialog(ListDialog[str | None]):
    """Dismissed with `name=value`, or None.

    Args:
        settings: as the bake has them now, with all changes since its start.
        two_encoders: whether its base has a second text encoder.
        waiting: of a queued bake: names of the settings that differ from the bake it was made from; every setting is offered then,
            these first. None for a running bake, of which only some may change.
        family: of its base, where that is known.
    """

    DEFAULT_CSS = """
    LiveSettingsDialog {
        & > Vertical { width: 76; }
        & OptionList { max-height: 10; }
        & Input { margin-top: 1; }
        & #note { color: $muted; margin-top: 1; }
        & FilterLine { display: none; }
        &.-finding FilterLine { display: block; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("live settings")
    ENTER_ACTS = True

    def __init__(
        self,
        settings: "Settings",
        *,
        two_encoders: bool,
        waiting: "frozenset[str] | None" = None,
        family: "Family | None" = None,
    ) -> None:
        """Offer the settings that may change."""
        from trainer.settings.describe import fields

        super().__init__()
        self._settings = settings
        self._waits = waiting is not None
        offered = [info for info in fields(family=family) if two_encoders or info.name not in _OF_SECOND]
        offered = [info for info in offered if info.live or self._waits]
        self._infos: tuple[FieldInfo, ...] = tuple(sorted(offered, key=lambda info: info.name not in (waiting or ())))
        self._named = {info.name: info for info in self._infos}
        self._listed: Sequence[FieldInfo] = self._infos
        self._picked: FieldInfo | None = None
        self._fuzzy = FuzzySearch()

    def compose(self) -> ComposeResult:
        """Yield the list, and the line to type in."""
        with Vertical():
            yield Static(
                Content.styled("Change a setting" if self._waits else "Change a setting of the running bake", "bold")
            )
            yield FilterLine("find a setting")
            yield OptionList(*self._rows(), compact=True)
            line = line_input("value")
            line.disabled = True
            yield line
            yield Static("", id="error")
            yield Static("", id="note")
            yield Static(Content(key_hint(self, *_PICKING)), id="keys")

    def on_mount(self) -> None:
        """Give the list the focus: the line to search in is for those who ask for it."""
        self.query_one(OptionList).focus()

    def action_find(self) -> None:
        """Open the line to search in."""
        self.add_class("-finding")
        self.query_one(FilterLine).focus()

    @on(Input.Changed, "#filter")
    def _search(self, event: Input.Changed) -> None:
        event.stop()
        self._list(event.value)

    @on(FilterLine.Moved)
    def _move_found(self, event: FilterLine.Moved) -> None:
        event.stop()
        self.action_move("down" if event.by > 0 else "up")

    @on(FilterLine.Left)
    def _end_search(self, event: FilterLine.Left) -> None:
        event.stop()
        options = self.query_one(OptionList)
        self.set_focus(options)
        self.remove_class("-finding")
        if event.kept and self._listed:
            options.action_select()
        else:
            self.query_one(FilterLine).value = ""
            self._list("")

    def _list(self, query: str) -> None:
        """List what a search finds, all where nothing is searched for."""
        found = search_fields(query, self._infos, self._fuzzy)
        names = found.names or found.near if query.strip() else self._named
        self._listed = [self._named[name] for name in names]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(self._rows())
        options.highlighted = 0 if self._listed else None
        if not self._listed:
            # The keys that a search in the form leads to do nothing here.
            lines = found_lines(replace(found, actions=()), self)
            self.query_one("#note", Static).update(Content("\n".join(lines)))

    def _rows(self) -> list[Option]:
        from trainer.settings.describe import shown_value

        wide = max(len(info.name) for info in self._infos)
        return [_row(info, wide, shown_value(self._settings, info.name)) for info in self._listed]

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        # By name: what is listed may be other settings by the time that this comes.
        info = self._named[event.option_id or ""]
        now = f" `{NOW}`: after this step." if info.name in STOP_SETTINGS and not self._waits else ""
        self.query_one("#note", Static).update(Content(f"{info.expected}. {info.help}{now}"))

    @on(OptionList.OptionSelected)
    def _pick(self, event: OptionList.OptionSelected) -> None:
        from trainer.settings.describe import shown_value

        event.stop()
        self._picked = self._named[event.option_id or ""]
        line = self.query_one("#value", Input)
        line.disabled = False
        line.value = shown_value(self._settings, self._picked.name)
        line.focus()
        self.query_one("#keys", Static).update(
            Content(key_hint(self, _TYPE_WAITING if self._waits else _TYPE, "dialog.cancel"))
        )

    @on(Input.Submitted, "#value")
    def _accept(self, event: Input.Submitted) -> None:
        event.stop()
        if self._picked is None:
            return
        try:
            change_setting(self._settings, self._picked.name, event.value)
        except SettingsError as error:
            self.show_error(error)
        else:
            self.dismiss(f"{self._picked.name}={event.value.strip()}")


def _row(info: "FieldInfo", wide: int, value: str) -> Option:
    return Option(
        Content.assemble(
            f"{info.name:<{wide}}  ", (f"{value or 'blank':<8}", "$primary"), (f"  {info.label}", "$muted")
        ),
        id=info.name,
    )
