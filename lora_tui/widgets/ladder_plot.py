"""A measure over the rungs of a ladder, drawn, with what its marks mean."""

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import Static

from lora_tui.plots.ladder_plot import CENTRE, ladder_plot
from lora_tui.widgets.braille_plot import BraillePlot
from lora_tui.widgets.pane import heading
from trainer.ladders.measures import curve_title
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.ladders.record import LadderCurve, LadderSpec

_EMPTY = "no measure over the rungs yet"


class LadderPlot(Container):
    """A plot of one measure over the rungs, and a line below it that says how to read it."""

    DEFAULT_CSS = """
    LadderPlot {
        layout: vertical;
        & > BraillePlot { width: 1fr; height: 1fr; border-top: solid $rule; border-title-color: $muted; border-title-style: none; }
        & > #ladder-plot-legend { width: 1fr; height: 1; padding: 0 1; color: $muted; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def compose(self) -> ComposeResult:
        """Yield the plot and its legend."""
        yield BraillePlot(_EMPTY, id="ladder-plot")
        yield Static("", id="ladder-plot-legend")

    def show(self, spec: "LadderSpec", curve: "LadderCurve | None") -> None:
        """Draw a measure.

        Args:
            spec: of the ladder.
            curve: the measure, None for none.
        """
        self.query_one(BraillePlot).show(ladder_plot(spec, curve), heading(plot_title(spec, curve)))
        self.query_one("#ladder-plot-legend", Static).update(Content(legend(spec, curve)))


def plot_title(spec: "LadderSpec", curve: "LadderCurve | None") -> str:
    """Return what is drawn: `change / weights of the U-Net over unet_lr, after step 240`."""
    knobs = " and ".join(spec.knobs) or "the rungs"
    if curve is None:
        return f"over {printable(knobs, 80)}"
    at = f", {curve.at}" if curve.at and curve.step is not None else ""
    return printable(f"{curve_title(curve)} over {knobs}{at}", 160)


def legend(spec: "LadderSpec", curve: "LadderCurve | None") -> str:
    """Return how to read the plot: marks, bars, and the axis; "" where nothing is drawn."""
    if curve is None or not curve.points:
        return ""
    has_bars = any(point.low is not None for point in curve.points)
    parts = [
        "marks: bakes",
        "bars: 95 % by twins" if has_bars else "noise not known",
        f"{CENTRE} as set" if spec.centre is not None else "",
        "log axis" if spec.log_axis else "",
    ]
    return " · ".join(filter(None, parts))
