"""The pane of the Bake screen that holds the curves; with the focus, enter shows them on the full screen."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message

from lora_tui.keys.keymap import bindings
from lora_tui.plots.curves import Plot
from lora_tui.widgets.braille_plot import BraillePlot

# Columns from which two plots stand beside each other, and lines of each that stands above another.
_BESIDE, _LINES = 64, 5


class CurvesPane(Horizontal, can_focus=True):
    """Losses and rates, beside or below each other as there is room. What has no curve leaves its room to the other."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("curves pane")
    DEFAULT_CSS = """
    CurvesPane {
        &.-upright { layout: vertical; }
    }
    """

    @dataclass
    class Enlarged(Message):
        """The curves are wanted on the full screen."""

    def compose(self) -> ComposeResult:
        """Yield the plots."""
        yield BraillePlot("no loss yet", id="loss")
        yield BraillePlot("no rates yet", id="rates")

    @property
    def columns(self) -> int:
        """Columns of dots of the widest plot."""
        return max(plot.columns for plot in self.query(BraillePlot))

    def show(self, loss: Plot, loss_title: Content, rates: Plot, rates_title: Content) -> None:
        """Draw losses and rates, each under its title."""
        self._loss.show(loss, loss_title)
        self._rates.show(rates, rates_title)
        self._fit()

    def on_resize(self, event: events.Resize) -> None:
        """Put the plots where there is room."""
        self._fit()

    def action_enlarge(self) -> None:
        """Ask for the full screen."""
        self.post_message(self.Enlarged())

    def _fit(self) -> None:
        columns, lines = self.size
        if not columns:
            return
        upright = columns < _BESIDE
        self.set_class(upright, "-upright")
        for_both = not upright or lines >= 2 * _LINES
        self._loss.display = self._loss.drawn or not self._rates.drawn
        self._rates.display = self._rates.drawn and (for_both or not self._loss.display)

    @property
    def _loss(self) -> BraillePlot:
        return self.query_one("#loss", BraillePlot)

    @property
    def _rates(self) -> BraillePlot:
        return self.query_one("#rates", BraillePlot)
