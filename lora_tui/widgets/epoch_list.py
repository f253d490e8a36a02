"""The saved LoRAs of a bake with their losses, who carries them and what the user said of them, newest first, and a cursor."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import CursorList
from lora_tui.widgets.pane import heading
from lora_tui.wording.cell_width import cut
from lora_tui.wording.epoch_standings import CHAMPION, said_words
from lora_tui.wording.numbers import change, count, file_size, loss
from lora_tui.wording.pane_terms import PaneTerms, Term, only
from lora_tui.wording.state_symbols import DONE, LIVE
from trainer.journal.records import Checkpoint
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.history.epoch_standings import EpochStanding
    from trainer.measures.carried import Carried

BEST = "▾"
"""The lowest validation loss so far."""


@dataclass(frozen=True)
class _Column:
    """One column: what stands above it, the cells of its longest value (0: what is left), and what it says."""

    head: str
    width: int
    means: str


_COLUMNS = (
    _Column("", 2, "sign of the newest"),
    _Column("ep", 3, "epochs done when the LoRA was saved"),
    _Column("step", 8, "the step at which it was saved"),
    _Column("loss", 8, "mean training loss of that epoch"),
    _Column("val", 9, "loss on pictures that are held out, on fixed noise; lower is better as far as a loss tells"),
    _Column(
        "Δbase",
        15,
        "that loss less the base's own, with its standard error: below zero, the LoRA predicts the held-out pictures better",
    ),
    _Column("size", 10, "of the file"),
    _Column("file", 0, "its name without the ending"),
)
_HEAD = tuple(column.head for column in _COLUMNS)
_WIDTHS = tuple(column.width for column in _COLUMNS[:-1])
_SHARES, _WORDS, _SAID = 10, 15, 10
# Where less is left for the file and the gap before it, the words of who carries go, then the size, and then the file.
_GAP = 3
_FILE = 12 + _GAP
_BASE = _HEAD.index("Δbase")


class EpochList(CursorList, can_focus=True):
    """The saved LoRAs of one bake as a table with a fixed head. The cursor is seen while the list has the focus."""

    PARTS = "epoch-list"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "epoch-list--head",
        "epoch-list--newest",
        "epoch-list--best",
        "epoch-list--cursor",
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
        & > .epoch-list--cursor { background: $cursor-ground; text-style: bold; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("epochs")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "epochs",
        (
            *(Term(column.head, column.means) for column in _COLUMNS if column.head),
            Term(
                "{body}:TE",
                "share of the change in what the model puts out that the rest and the text encoders make, in percent; ? where the noise leaves it open",
            ),
            Term(
                "verdict",
                "your verdict on its pictures in grids, the most frequent with its count; best where you named it the best",
            ),
            Term(CHAMPION, "the champion of its subject"),
            Term("deleted", "its file is gone"),
            Term(BEST, "the lowest val of this bake, with what the noise says of it below the list"),
            *only(LIVE, DONE),
        ),
    )

    @dataclass
    class Chosen(Message):
        """Enter was pressed on a LoRA."""

        saved: Checkpoint

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: tuple[Checkpoint, ...] = ()
        self._carried: Mapping[int, Carried] = {}
        self._standings: Mapping[int, EpochStanding] = {}
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
        standings: "Mapping[int, EpochStanding] | None" = None,
        lowest: str = "",
    ) -> None:
        """Show saved LoRAs. The cursor stays on its own; on the newest it stays there.

        Args:
            checkpoints: the LoRAs, newest first.
            live: whether more may come.
            carried: who carries each, by its step.
            standings: what the user said of each, by its step.
            lowest: what the noise says of the lowest validation loss, a line each; text, no markup.
        """
        carried, standings = carried or {}, standings or {}
        shown = (self._rows, self._carried, self._standings, self._live, self._lowest)
        if (checkpoints, carried, standings, live, lowest) == shown:
            return
        under = self._rows[self._at].file if 0 < self._at < len(self._rows) else ""
        height = len(checkpoints) + len(lowest.splitlines())
        grew = height != len(self._rows) + len(self._lowest.splitlines())
        self._rows, self._carried, self._standings, self._live, self._lowest = (
            checkpoints,
            carried,
            standings,
            live,
            lowest,
        )
        self._at = next((at for at, row in enumerate(checkpoints) if row.file == under), 0)
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
            self._limit_lines()
        self.refresh()

    @property
    def _count(self) -> int:
        return len(self._rows)

    def on_focus(self) -> None:
        """Show the cursor."""
        self.refresh()

    def on_blur(self) -> None:
        """Hide the cursor."""
        self.refresh()

    def _settle(self, *, repaint: bool = True) -> None:
        """Bring the cursor into view; on the oldest LoRA with the lines below it."""
        super()._settle(repaint=repaint)
        if self._rows and self._at == len(self._rows) - 1:
            self.scroll_to(y=min(self._at, self.max_scroll_y), animate=False, immediate=True, force=True)

    def action_choose(self) -> None:
        """Say which LoRA Enter was pressed on."""
        if self._rows:
            self.post_message(self.Chosen(self._rows[self._at]))

    def render_line(self, y: int) -> Strip:
        """Return the head, then one row a LoRA."""
        width = self._width
        if y == 0:
            heading = next((each.heading for each in self._carried.values()), "")
            cells = _cells(_HEAD, width, self._shares(heading, ""), self._said("verdict"))
            return self._strip([Segment(cells, self._style("head"))])
        place = self.scroll_offset.y + y - 1
        if not self._rows and y == 1:
            return self._strip([Segment("   none saved yet", self._style("head"))])
        told = self._lowest.splitlines()
        if len(self._rows) <= place < len(self._rows) + len(told):
            line = f" {BEST} {printable(told[place - len(self._rows)])}"
            return self._strip([Segment(cut(line, width), self._style("head"))])
        if place >= len(self._rows):
            return self._strip([])
        cursor = self._style("cursor") if place == self._at and self.has_focus else None
        segments = self._row(self._rows[place], newest=place == 0, width=width)
        if cursor is None:
            return self._strip(segments)
        under = [Segment(text, (style or self.rich_style) + _ground_of(cursor)) for text, style, _ in segments]
        return self._strip(under, cursor)

    def _row(self, row: Checkpoint, *, newest: bool, width: int) -> list[Segment]:
        sign = (LIVE.mark if self._live else DONE.mark) if newest else ""
        best = row.val is not None and row.val == min(entry.val for entry in self._rows if entry.val is not None)
        who, standing = self._carried.get(row.step), self._standings.get(row.step)
        champion = f"{CHAMPION} " if standing is not None and standing.champion else ""
        text = _cells(
            (
                sign,
                str(row.epoch),
                count(row.step),
                loss(row.loss),
                f"{BEST if best else ''}{loss(row.val)}",
                change(row.val_change, row.val_error),
                file_size(row.size) if standing is None or standing.there else "deleted",
                f"{champion}{printable(row.stem)}",
            ),
            width,
            self._shares(who.column if who else "", who.short_words if who else ""),
            self._said(said_words(standing)),
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

    def _said(self, words: str) -> tuple[str, ...]:
        """Return the column of what the user said; none where nothing was said of any."""
        return (words,) if any(said_words(each) for each in self._standings.values()) else ()


def _ground_of(cursor: Style) -> Style:
    """Return the ground of the cursor's row alone, for inks that keep their colours."""
    return Style(bgcolor=cursor.bgcolor, bold=cursor.bold)


def _cells(values: tuple[str, ...], width: int, shares: tuple[str, ...] = (), said: tuple[str, ...] = ()) -> str:
    """Return one row.

    Args:
        values: of the columns in `_HEAD`.
        width: cells of the row.
        shares: who carries, in numbers and in words; none for no such columns.
        said: what the user said of it; none for no such column.
    """
    first, *numbers, change_of_base, size, file = values
    cells = f" {first:<{_WIDTHS[0] - 1}}" + "".join(
        f"{text:>{size}}" for text, size in zip(numbers, _WIDTHS[1:], strict=False)
    )
    left = width - len(cells) - _SAID * len(said)
    if left < _WIDTHS[_BASE]:
        return cells + "".join(f"{words:>{_SAID}}" for words in said)
    cells += f"{change_of_base:>{_WIDTHS[_BASE]}}"
    left -= _WIDTHS[_BASE]
    if shares and left >= _SHARES:
        cells += f"{shares[0]:>{_SHARES}}"
        left -= _SHARES
        if left - _WIDTHS[-1] - _WORDS >= _FILE:
            cells += f"  {shares[1]:<{_WORDS - 2}}"
            left -= _WORDS
    # The name of a file that is cut too short says nothing; the size has its room then.
    if left - _WIDTHS[-1] >= _FILE or _WIDTHS[-1] <= left < _FILE:
        cells += f"{size:>{_WIDTHS[-1]}}"
        left -= _WIDTHS[-1]
    cells += "".join(f"{words:>{_SAID}}" for words in said)
    return f"{cells}   {cut(file, left - _GAP)}" if left >= _FILE else cells
