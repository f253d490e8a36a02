"""The saved LoRAs of a bake with their losses and who carries them, newest first."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.strip import Strip

from lora_tui.keymap import bindings
from lora_tui.widgets.drawn_list import DrawnList
from lora_tui.widgets.pane import heading
from lora_tui.wording.cell_width import cut
from lora_tui.wording.numbers import change, count, file_size, loss
from lora_tui.wording.state_symbols import DONE, LIVE
from trainer.journal.records import Checkpoint
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.measures.carried import Carried

BEST = "▾"
"""The lowest validation loss so far."""

_HEAD = ("", "ep", "step", "loss", "val", "Δbase", "size", "file")
# The width of a number column fits its longest value; the file takes the rest.
_WIDTHS = (2, 3, 8, 8, 9, 15, 10)
_SHARES, _WORDS = 10, 15
# Where less is left for the file, the words of who carries go, and then the size.
_FILE = 12


class EpochList(DrawnList, can_focus=True):
    """The saved LoRAs of one bake as a table with a fixed head."""

    PARTS = "epoch-list"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "epoch-list--head",
        "epoch-list--newest",
        "epoch-list--best",
    }

    DEFAULT_CSS = """
    EpochList {
        height: 1fr;
        min-height: 3;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        & > .epoch-list--head { color: $muted; }
        & > .epoch-list--newest { color: $live; }
        & > .epoch-list--best { color: $plot-validation; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("epochs")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[Checkpoint, ...] = ()
        self._carried: Mapping[int, Carried] = {}
        self._lowest = ""
        self._live = False

    def on_mount(self) -> None:
        """Put the title up."""
        self.border_title = heading("epochs")

    def show(
        self,
        checkpoints: tuple[Checkpoint, ...],
        *,
        live: bool,
        carried: "Mapping[int, Carried] | None" = None,
        lowest: str = "",
    ) -> None:
        """Show saved LoRAs.

        Args:
            checkpoints: the LoRAs, newest first.
            live: whether more may come.
            carried: who carries each, by its step.
            lowest: what the noise says of the lowest validation loss, a line each; text, no markup.
        """
        carried = carried or {}
        if (checkpoints, carried, live, lowest) == (self._rows, self._carried, self._live, self._lowest):
            return
        height = len(checkpoints) + len(lowest.splitlines())
        grew = height != len(self._rows) + len(self._lowest.splitlines())
        self._rows, self._carried, self._live, self._lowest = checkpoints, carried, live, lowest
        newest = next((row for row in checkpoints if row.step in carried), None)
        title = (
            heading("epochs")
            if newest is None
            else heading("epochs ", (f" step {count(newest.step)}: {carried[newest.step].words}", "$muted"))
        )
        if title.markup != self.border_title:
            self.border_title = title
        if grew:
            self.virtual_size = Size(0, height + 1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the head, then one row a LoRA."""
        width = self._width
        if y == 0:
            heading = next((each.heading for each in self._carried.values()), "")
            return self._strip([Segment(_cells(_HEAD, width, self._shares(heading, "")), self._style("head"))])
        place = self.scroll_offset.y + y - 1
        if not self._rows and y == 1:
            return self._strip([Segment("   none saved yet", self._style("head"))])
        told = self._lowest.splitlines()
        if len(self._rows) <= place < len(self._rows) + len(told):
            line = f" {BEST} {printable(told[place - len(self._rows)])}"
            return self._strip([Segment(cut(line, width), self._style("head"))])
        if place >= len(self._rows):
            return self._strip([])
        return self._strip(self._row(self._rows[place], newest=place == 0, width=width))

    def _row(self, row: Checkpoint, *, newest: bool, width: int) -> list[Segment]:
        sign = (LIVE.mark if self._live else DONE.mark) if newest else ""
        best = row.val is not None and row.val == min(entry.val for entry in self._rows if entry.val is not None)
        who = self._carried.get(row.step)
        text = _cells(
            (
                sign,
                str(row.epoch),
                count(row.step),
                loss(row.loss),
                f"{BEST if best else ''}{loss(row.val)}",
                change(row.val_change, row.val_error),
                file_size(row.size),
                printable(row.stem),
            ),
            width,
            self._shares(who.column if who else "", who.short_words if who else ""),
        )
        ink = self._style("newest") if newest and self._live else self.rich_style
        at = sum(_WIDTHS[:4])
        inked = self._style("best") if best else ink
        return [
            Segment(text[:at], ink),
            Segment(text[at : at + _WIDTHS[4]], inked),
            Segment(text[at + _WIDTHS[4] :], ink),
        ]

    def _shares(self, numbers: str, words: str) -> tuple[str, ...]:
        """Return the columns of who carries; none where it was never measured."""
        return (numbers, words) if self._carried else ()


def _cells(values: tuple[str, ...], width: int, shares: tuple[str, ...] = ()) -> str:
    """Return one row.

    Args:
        values: of the columns in `_HEAD`.
        width: cells of the row.
        shares: who carries, in numbers and in words; none for no such columns.
    """
    first, *numbers, size, file = values
    cells = f" {first:<{_WIDTHS[0] - 1}}" + "".join(
        f"{text:>{size}}" for text, size in zip(numbers, _WIDTHS[1:], strict=False)
    )
    left = width - len(cells) - 3
    if shares:
        cells += f"{shares[0]:>{_SHARES}}"
        left -= _SHARES
        if left - _WIDTHS[-1] - _WORDS >= _FILE:
            cells += f"  {shares[1]:<{_WORDS - 2}}"
            left -= _WORDS
    if not shares or left - _WIDTHS[-1] >= _FILE:
        cells += f"{size:>{_WIDTHS[-1]}}"
        left -= _WIDTHS[-1]
    if len(file) > left:
        file = file[: max(0, left - 1)] + "…"
    return f"{cells}   {file}"
