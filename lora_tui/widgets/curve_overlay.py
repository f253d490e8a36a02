"""Curves of several bakes over each other, with a legend."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from lora_tui.keys.own_keys import keys_of
from lora_tui.plots.overlay import CurveColours, last_shown, letter_of, overlay_plot
from lora_tui.widgets.bake_list import BakeMarks
from lora_tui.widgets.braille_plot import BraillePlot
from lora_tui.widgets.pane import heading
from lora_tui.wording.bake_entries import entry_name
from lora_tui.wording.cell_width import cut
from trainer.journal.records import BakeState
from trainer.text import plural, printable

if TYPE_CHECKING:
    from lora_tui.workers.overlay_curves import BakeCurves
    from trainer.history.records import BakeEntry

_NO_CURVE = "no curve"
_NO_CURVES = "no curves: mark bakes with <key journal.mark>, <key journal.metric> chooses what is drawn"
_MAX_NAME = 30


class CurveOverlay(Container):
    """A plot, and below it what each curve is of."""

    DEFAULT_CSS = """
    CurveOverlay {
        layout: vertical;
        & > BraillePlot { width: 1fr; height: 1fr; border-top: solid $rule; border-title-color: $muted; border-title-style: none; }
        & > #legend { width: 1fr; height: auto; max-height: 8; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._colours = CurveColours()

    def compose(self) -> ComposeResult:
        """Yield the plot and the legend."""
        yield BraillePlot(keys_of(self.app).fill(_NO_CURVES), id="overlay-plot")
        yield Static("", id="legend")

    @property
    def columns(self) -> int:
        """Columns of dots of the plot."""
        return self.query_one(BraillePlot).columns

    def marks_of(self, numbers: Sequence[int], pinned: int | None) -> BakeMarks:
        """Return how these bakes are marked in a list: in the colours of their curves.

        Args:
            numbers: of the bakes, in the order of their marks.
            pinned: the one on top, None for none.
        """
        colours = self._colours.of(numbers)
        return BakeMarks({number: colours.get(number) for number in numbers}, pinned)

    def colours_of(self, numbers: Sequence[int]) -> dict[int, int]:
        """Return the place of its colour for each of these bakes, in the order of their marks; one too many has none."""
        return self._colours.of(numbers)

    def show(
        self,
        read: "BakeCurves",
        known: "Mapping[int, BakeEntry]",
        names: Mapping[int, str] | None = None,
        left_out: int = 0,
    ) -> None:
        """Draw the curves.

        Args:
            read: the curves.
            known: every bake by number.
            names: what bakes are called in the legend, by number; our own text. None for their numbers and names.
            left_out: bakes whose curves were not asked for.
        """
        colours = self._colours.of(read.numbers)
        self.query_one(BraillePlot).show(overlay_plot(read, colours), heading(printable(read.metric.title, 80)))
        lines = _legend(read, colours, known, names or {})
        if left_out:
            lines.append(Content.styled(f"{plural(left_out, 'more bake')} not drawn", "$muted"))
        self.query_one("#legend", Static).update(Content("\n").join(lines))


def _legend(
    read: "BakeCurves", colours: Mapping[int, int], known: "Mapping[int, BakeEntry]", given: Mapping[int, str]
) -> list[Content]:
    """Return a line for each bake, the one on top first: its letter, its name, where its curve ends, and how that compares."""
    curves = {curve.number: curve for curve in read.curves}
    numbers = [number for number in read.numbers if number in colours and number in known]
    names = {number: cut(given.get(number) or entry_name(known[number]), _MAX_NAME) for number in numbers}
    wide = max((cell_len(name) for name in names.values()), default=0)
    lines = []
    for number in sorted(numbers, key=lambda number: number != read.top):
        on_top = number == read.top
        curve = curves.get(number)
        last = None if curve is None else last_shown(read, curve)
        end = _without(known[number]) if last is None else read.metric.say(last[1])
        words = "" if curve is None else curve.words
        # Where there is too little room, the verdict is worth more than the step.
        at = "" if last is None else f"  at step {last[0]:,.0f}"
        lines.append(
            Content.assemble(
                (f"{letter_of(colours[number], on_top=on_top)} ", f"bold $curve-{colours[number] + 1}"),
                (set_cell_size(names[number], wide), "bold" if on_top else ""),
                f"  {end}",
                (f"  {printable(words)}" if words else "", "$muted"),
                at,
            )
        )
    if more := len(read.numbers) - len(colours):
        lines.append(Content.styled(f"{plural(more, 'more bake')} not drawn: unmark some", "$muted"))
    return lines


def _without(entry: "BakeEntry") -> str:
    """Return why a bake has no curve: that it still waits, or that it has none of this."""
    if entry.state is not BakeState.QUEUED:
        return _NO_CURVE
    return "held" if entry.held else "waits to be baked"
