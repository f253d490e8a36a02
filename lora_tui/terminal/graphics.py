"""Real pixels in the terminal (sixel, kitty): detected once before the screen opens, if the user sets `LORA_TUI_IMAGES`."""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.widget import Widget

VARIABLE = "LORA_TUI_IMAGES"
"""`sixel`, `kitty` or `auto`; half-blocks if it is unset or anything else."""

_CLASSES = {"sixel": "SixelImage", "kitty": "TGPImage", "auto": "Image"}


@dataclass(frozen=True)
class PixelGraphics:
    """How the terminal shows pictures.

    Attributes:
        widget: makes a widget with the attribute `image`, which takes a Pillow picture.
        cell: pixels of one character, width and height.
    """

    widget: "Callable[[], Widget]"
    cell: tuple[int, int]


_found: PixelGraphics | None = None


def detect_graphics(environ: Mapping[str, str] = os.environ) -> str:
    """Detect the terminal's graphics if the user wants them; return one line if they cannot be used, else "".

    Call it before the screen opens: the query is written to the terminal and the answer read from it.
    """
    global _found  # noqa: PLW0603 - a terminal is asked once, like textual-image itself does
    _found = None
    wanted = environ.get(VARIABLE, "").strip().lower()
    if wanted not in _CLASSES:
        return ""
    try:
        widgets: Any = importlib.import_module("textual_image.widget")
        terminal: Any = importlib.import_module("textual_image._terminal")
    except ImportError:
        return f"{VARIABLE}={wanted} needs `pip install lora-tui[images]`; pictures are drawn in half-blocks"
    size = terminal.get_cell_size()
    found = getattr(widgets, _CLASSES[wanted])
    if wanted == "auto" and found._Renderable.__module__.rpartition(".")[2] in ("halfcell", "unicode"):
        # Our own half-blocks are faster, and read no file.
        return ""
    _found = PixelGraphics(found, (size.width, size.height))
    return ""


def pixel_graphics() -> PixelGraphics | None:
    """Return how the terminal shows pictures, None where they are drawn in half-blocks."""
    return _found
