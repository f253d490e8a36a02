"""The colours that everything drawn as a plot shares."""

from rich.style import Style
from textual.widget import Widget


class PlotColours(Widget):
    """A widget with a style for each role of a plot's lines, labels and marks."""

    COMPONENT_CLASSES = {  # noqa: RUF012 - Textual's own declaration
        "plot--label",
        "plot--mark",
        "plot--broken",
        "plot--event",
        "plot--title",
        "plot--selected",
        "plot--value",
        "plot--raw",
        "plot--smooth",
        "plot--validation",
        "plot--unet",
        "plot--text-encoder",
        "plot--text-encoder-2",
        "plot--curve-1",
        "plot--curve-2",
        "plot--curve-3",
        "plot--curve-4",
        "plot--curve-5",
        "plot--curve-6",
        "plot--curve-7",
        "plot--curve-8",
    }

    DEFAULT_CSS = """
    PlotColours {
        & > .plot--label { color: $muted; }
        & > .plot--mark { color: $faint; }
        & > .plot--broken { color: $error; text-style: bold; }
        & > .plot--event { color: $accent; }
        & > .plot--title { color: $foreground; }
        & > .plot--selected { color: $accent; text-style: bold; }
        & > .plot--value { color: $foreground; text-style: bold; }
        & > .plot--raw { color: $plot-raw; }
        & > .plot--smooth { color: $plot-smooth; }
        & > .plot--validation { color: $plot-validation; }
        & > .plot--unet { color: $plot-unet; }
        & > .plot--text-encoder { color: $plot-text-encoder; }
        & > .plot--text-encoder-2 { color: $plot-text-encoder-2; }
        & > .plot--curve-1 { color: $curve-1; }
        & > .plot--curve-2 { color: $curve-2; }
        & > .plot--curve-3 { color: $curve-3; }
        & > .plot--curve-4 { color: $curve-4; }
        & > .plot--curve-5 { color: $curve-5; }
        & > .plot--curve-6 { color: $curve-6; }
        & > .plot--curve-7 { color: $curve-7; }
        & > .plot--curve-8 { color: $curve-8; }
    }
    """

    def _part(self, part: str) -> Style:
        """Return the style of a part of a plot."""
        return self.get_component_rich_style(f"plot--{part}")
