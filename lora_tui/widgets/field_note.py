"""Help of the field under the cursor."""

from typing import TYPE_CHECKING

from textual.content import Content

from lora_tui.widgets.pane import Pane, heading
from lora_tui.wording.numbers import unit_for
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo


# Choices that there is room to name.
_MOST_NAMED = 11


class FieldNote(Pane):
    """Name, accepted values, default and help of one field, on a few lines."""

    DEFAULT_CSS = """
    FieldNote {
        height: 5;
        padding: 0 1;
        border-top: solid $rule;
        border-title-color: $muted;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._info: FieldInfo | None = None

    def show(self, info: "FieldInfo | None") -> None:
        """Show `info`."""
        if info is not self._info:
            self._info = info
            self.border_title = heading(f"{info.name} · {info.section}") if info is not None else None
            self.refresh()

    def lines(self, width: int) -> list[Content]:
        """Return as many lines as there is room for."""
        if self._info is None:
            return []
        height = max(1, self.content_size.height)
        rows = field_facts(self._info, width)
        return [*rows[: height - 1], rows[height - 1].truncate(width - 1).append("…")] if len(rows) > height else rows


def field_facts(info: "FieldInfo", width: int) -> list[Content]:
    """Return a field's accepted values and default, then its help, folded at `width`.

    A field that may change while baking says so, and one that makes an exact resume impossible.
    """
    from trainer.settings.describe import default_text

    default = default_text(info)
    unit = f" {unit_for(default, info.unit)}" if info.unit and default and " " not in info.unit else ""
    live = " · live" if info.live else ""
    whose = f" ({printable(info.default_of)})" if info.default_of else ""
    expected = info.expected if len(info.choices) <= _MOST_NAMED else f"one of {len(info.choices)}: enter lists them"
    bounds = Content.styled(f"{expected} · default: {printable(default) or 'blank'}{unit}{whose}{live}", "$muted")
    text = f"{info.help} Exact resume: {info.exactness}." if info.exactness else info.help
    if info.default_why:
        text = f"{printable(info.default_why)}. {text}"
    return [*bounds.wrap(max(1, width)), *Content(text).wrap(max(1, width))]
