"""The buckets of an epoch as bars, those with a smaller last batch named."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.strip import Strip

from lora_tui.keys.keymap import bindings
from lora_tui.widgets.drawn_list import DrawnList
from lora_tui.widgets.pane import heading
from lora_tui.wording.cell_width import cut, right
from lora_tui.wording.dataset import bucket_words, buckets_heading, size_text
from lora_tui.wording.pane_terms import PaneTerms, Term
from lora_tui.wording.state_symbols import WARNING

if TYPE_CHECKING:
    from trainer.data_index.record import BucketBar

_SIZE, _LONGEST_BAR, _SHARE = 10, 60, 0.4


class BucketBars(DrawnList, can_focus=True):
    """A line for each bucket, as long as it is shown often; the title has them in short."""

    PARTS = "bucket-bars"
    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "bucket-bars--bar",
        "bucket-bars--free",
        "bucket-bars--muted",
        "bucket-bars--warning",
    }

    DEFAULT_CSS = """
    BucketBars {
        padding: 0 1;
        scrollbar-size-vertical: 1;
        & > .bucket-bars--bar { color: $meter-ours; }
        & > .bucket-bars--free { color: $meter-free; }
        & > .bucket-bars--muted { color: $muted; }
        & > .bucket-bars--warning { color: $warning; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("bucket bars")
    TERMS: ClassVar[PaneTerms] = PaneTerms(
        "buckets",
        (
            Term("▇", "how often the pictures of the bucket are shown in an epoch, beside the commonest bucket"),
            Term("shown", "pictures of an epoch, repeats counted"),
            Term("ragged", "buckets whose last batch has fewer pictures than the others"),
            Term(WARNING.mark, "such a bucket, or one with pictures that are not shown"),
        ),
    )

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._bars: Sequence[BucketBar] = ()
        self._empty = ""

    def show(self, bars: "Sequence[BucketBar]", empty: str = "") -> None:
        """Show these buckets; `empty` stands there where there are none."""
        self._bars, self._empty = sorted(bars, key=lambda bar: (-bar.shown, bar.size)), empty
        self.border_title = heading(buckets_heading(self._bars))
        self.virtual_size = Size(0, max(1, len(self._bars)))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line of one bucket."""
        width, place = self._width, self.scroll_offset.y + y
        if not self._bars:
            return self._strip([Segment(cut(self._empty if place == 0 else "", width), self._style("muted"))])
        if place >= len(self._bars):
            return self._strip([])
        bar = self._bars[place]
        room = min(_LONGEST_BAR, max(4, round(width * _SHARE)))
        filled = max(1, round(room * bar.shown / max(1, self._bars[0].shown)))
        # Behind the size, a blank, the bar, another and the sign.
        words = cut(bucket_words(bar), max(1, width - _SIZE - room - 4))
        sign = (
            Segment(f"{WARNING.mark} ", self._style("warning"))
            if bar.last or bar.dropped
            else Segment("  ", self.rich_style)
        )
        return self._strip(
            [
                Segment(right(size_text(bar.size), _SIZE) + " ", self.rich_style),
                Segment("▇" * filled, self._style("bar")),
                Segment("▁" * (room - filled) + " ", self._style("free")),
                sign,
                Segment(words, self.rich_style if bar.last else self._style("muted")),
            ]
        )
