"""The list of all curves: which are shown, and what would record those that are not there."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from lora_tui.keys.keymap import bindings
from lora_tui.screens.dialog import ListDialog, key_hint
from lora_tui.wording.state_symbols import DONE
from lora_tui.workers.curve_view import CurveChoice
from trainer.measures.curve_groups import CURVE_GROUPS, CurveGroup
from trainer.measures.curve_records import CurveRecord, setting_of_group
from trainer.text import printable

_LONGEST = 60


class ChooseCurvesDialog(ListDialog[CurveChoice | None]):
    """Shows and hides curves one by one; dismissed with the choice, or None."""

    DEFAULT_CSS = """
    ChooseCurvesDialog {
        & > Vertical { width: 110; }
        & OptionList { max-height: 70vh; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("curve choice")

    def __init__(self, records: Sequence[CurveRecord], choice: CurveChoice) -> None:
        """Offer the curves that there are, by group; those of `choice` are marked."""
        super().__init__()
        self._choice = choice
        self._lines: list[CurveRecord | CurveGroup] = []
        for group in CURVE_GROUPS:
            of_group = [record for record in records if record.group is group]
            self._lines += of_group or ([group] if group.digit else [])

    def compose(self) -> ComposeResult:
        """Yield the list."""
        with Vertical():
            yield Static(Content.styled("Curves", "bold"))
            options = OptionList(*(self._option(line) for line in self._lines), compact=True)
            yield options
            yield Static(Content(key_hint(self, "curve-choice.turn", "enter: draw", "dialog.cancel")), id="keys")

    def on_mount(self) -> None:
        """Put the cursor on the first curve."""
        places = [place for place, line in enumerate(self._lines) if isinstance(line, CurveRecord)]
        self.query_one(OptionList).highlighted = places[0] if places else None

    def action_turn(self) -> None:
        """Show the curve under the cursor, or hide it."""
        options = self.query_one(OptionList)
        place = options.highlighted
        if place is None or not isinstance(line := self._lines[place], CurveRecord):
            return
        self._choice = self._choice.turned(line)
        options.replace_option_prompt_at_index(place, self._words(line))

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(self._choice)

    def _option(self, line: CurveRecord | CurveGroup) -> Option:
        return Option(self._words(line), disabled=isinstance(line, CurveGroup))

    def _words(self, line: CurveRecord | CurveGroup) -> Content:
        if isinstance(line, CurveGroup):
            return Content.assemble(
                f"  {line.digit or ' '} ", f"{line.title}: ", ("not recorded" + _why(line), "$muted")
            )
        mark = DONE.mark if self._choice.has(line) else " "
        return Content.assemble(
            (f"{mark} ", DONE.colour),
            (f"{line.group.digit or ' '} ", "bold $primary"),
            f"{printable(line.title, _LONGEST)}  ",
            (line.help, "$muted"),
        )


def _why(group: CurveGroup) -> str:
    """Return what would have recorded a group, from `; ` on; "" where nothing more is known."""
    setting = setting_of_group(group)
    if setting:
        return f"; `{setting}` switches it on"
    return {"memory": "; it needs a GPU", "validation": "; it needs held-out pictures"}.get(group.key, "")
