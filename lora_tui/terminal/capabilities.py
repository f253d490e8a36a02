"""What a terminal can do: whether there is one, and whether it can place text or only prints lines."""

import os
import sys
from typing import TextIO

from trainer.errors import TerminalError
from trainer.text import printable

_WITHOUT = "use `lora-tui bake SETTINGS.toml` and `lora-tui status`, which print lines"


def need_screen() -> None:
    """Refuse to open the dashboard where it cannot be shown.

    Raises:
        TerminalError: input or output is not a terminal, or the terminal cannot place text.
    """
    for name, stream in (("standard input", sys.stdin), ("standard output", sys.stdout)):
        if not _is_terminal(stream):
            raise TerminalError("the dashboard", found=f"{name} is not a terminal", way_out=_WITHOUT)
    if not places_text(sys.stdout):
        kind = printable(os.environ.get("TERM", ""), 40)
        raise TerminalError(
            "the dashboard",
            found=f"this terminal cannot place text (TERM={kind})",
            way_out=f"{_WITHOUT}; if it can after all, set TERM=xterm-256color",
        )


def places_text(stream: TextIO | None) -> bool:
    """Return whether `stream` is a terminal that obeys escape codes, and not one that would print them.

    A kind of terminal that terminfo does not know is believed to, as most are made after xterm.
    """
    if not _is_terminal(stream):
        return False
    kind = os.environ.get("TERM", "")
    # Emacs has several dumb ones, which terminfo often lacks.
    if kind.lower().startswith("dumb") or kind.lower() == "unknown":
        return False
    try:
        import curses
    except ImportError:
        # A Python built without it.
        return True
    try:
        curses.setupterm(kind, 1)
    except curses.error as error:
        # Any other error is that of a kind that prints on paper.
        return "could not find" in str(error)
    return bool(curses.tigetstr("cup"))


def _is_terminal(stream: TextIO | None) -> bool:
    # A stream that the shell has closed (`<&-`) is None.
    return stream is not None and not stream.closed and stream.isatty()
