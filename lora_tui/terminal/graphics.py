"""Can the terminal show true pictures? Asked once before the screen opens, and only where the user wants it: `LORA_TUI_IMAGES`."""

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.widget import Widget

VARIABLE = "LORA_TUI_IMAGES"
"""`sixel`, `kitty` or `auto`; unset or anything else: half-blocks."""

_CLASSES = {"sixel": "SixelImage", "kitty": "TGPImage", "auto": "Image"}


@dataclass(frozen=True)
class TruePictures:
    """How the terminal shows pictures.

    Attributes:
        widget: makes a widget with the attribute `image`, which takes a Pillow picture.
        cell: pixels of one character, width and height.
    """

    widget: "Callable[[], Widget]"
    cell: tuple[int, int]


_found: TruePictures | None = None


def prepare_images(environ: Mapping[str, str] = os.environ) -> str:
    """Ask the terminal, where the user wants true pictures; return one line where that cannot be, else "".

    To be called before the screen opens: the question is written to the terminal and its answer read from there.
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
        # Ours are quicker, and read no file.
        return ""
    _found = TruePictures(found, (size.width, size.height))
    return ""


def true_pictures() -> TruePictures | None:
    """Return how the terminal shows pictures, None where they are drawn in half-blocks."""
    return _found
