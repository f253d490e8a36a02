"""Changing one setting of a running or queued bake."""

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.screens.dialog import ListDialog, key_hint, line_input
from lora_tui.widgets.line_input import LineInput
from trainer.errors import SettingsError
from trainer.jobs.live_settings import NOW, change_setting
from trainer.settings.parts import STOP_SETTINGS

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo
    from trainer.settings.model import Settings

# Of SDXL's second text encoder.
_OF_SECOND = ("text_encoder_lr2", "text_encoder_stop2")
_PICK = "enter: select"
_TYPE = "enter: change after this step"
_TYPE_WAITING = "enter: change"


class LiveSettingsDialog(ListDialog[str | None]):
    """Dismissed with `name=value`, or None.

    Args:
        settings: as the bake has them now, with all changes since its start.
        two_encoders: whether its base has a second text encoder.
        waiting: of a queued bake: names of the settings that differ from the bake it was made from; every setting is offered then,
            these first. None for a running bake, of which only some may change.
    """

    DEFAULT_CSS = """
    LiveSettingsDialog {
        & > Vertical { width: 76; }
        & OptionList { max-height: 10; }
        & Input { margin-top: 1; }
        & #note { color: $muted; margin-top: 1; }
    }
    """

    ENTER_ACTS = True

    def __init__(self, settings: "Settings", *, two_encoders: bool, waiting: "frozenset[str] | None" = None) -> None:
        """Offer the settings that may change."""
        from trainer.settings.describe import fields

        super().__init__()
        self._settings = settings
        self._waits = waiting is not None
        offered = [info for info in fields() if two_encoders or info.name not in _OF_SECOND]
        offered = [info for info in offered if info.live or self._waits]
        self._infos: tuple[FieldInfo, ...] = tuple(sorted(offered, key=lambda info: info.name not in (waiting or ())))
        self._picked: FieldInfo | None = None

    def compose(self) -> ComposeResult:
        """Yield the list, and the line to type in."""
        from trainer.settings.describe import shown_value

        with Vertical():
            yield Static(
                Content.styled("Change a setting" if self._waits else "Change a setting of the running bake", "bold")
            )
            wide = max(len(info.name) for info in self._infos)
            rows = (_row(info, wide, shown_value(self._settings, info.name)) for info in self._infos)
            yield OptionList(*rows, compact=True)
            line = line_input("value")
            line.disabled = True
            yield line
            yield Static("", id="error")
            yield Static("", id="note")
            yield Static(Content(key_hint(self, _PICK, "dialog.cancel")), id="keys")

    @on(OptionList.OptionHighlighted)
    def _explain(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        info = self._infos[event.option_index]
        now = f" `{NOW}`: after this step." if info.name in STOP_SETTINGS and not self._waits else ""
        self.query_one("#note", Static).update(Content(f"{info.expected}. {info.help}{now}"))

    @on(OptionList.OptionSelected)
    def _pick(self, event: OptionList.OptionSelected) -> None:
        from trainer.settings.describe import shown_value

        event.stop()
        self._picked = self._infos[event.option_index]
        line = self.query_one(LineInput)
        line.disabled = False
        line.value = shown_value(self._settings, self._picked.name)
        line.focus()
        self.query_one("#keys", Static).update(
            Content(key_hint(self, _TYPE_WAITING if self._waits else _TYPE, "dialog.cancel"))
        )

    @on(Input.Submitted)
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
        )
    )
