"""How does a text come into the clipboard of the terminal that somebody sits at, over ssh too? By OSC 52."""

import base64
import os
from typing import TextIO

# xterm takes no more; what is longer would be cut.
_MOST_BYTES = 74_994


def copy_sequence(text: str, environment: "os._Environ[str] | dict[str, str]" = os.environ) -> str:
    """Return what a terminal is sent to take `text` into its clipboard, "" for a text that is too long.

    Args:
        text: to be copied.
        environment: tells whether tmux or screen stands between; both hand on only what is wrapped for them.
    """
    encoded = base64.b64encode(text.encode()).decode()
    if len(encoded) > _MOST_BYTES:
        return ""
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environment.get("TERM", "").startswith("screen") and "TMUX" not in environment:
        return f"\x1bP{sequence}\x1b\\"
    # tmux takes the sequence itself where set-clipboard is on; wrapped it would need allow-passthrough besides.
    return sequence


def offer(text: str, out: TextIO) -> bool:
    """Put `text` into the clipboard of the terminal that reads `out`; return whether one does, and was asked to."""
    sequence = copy_sequence(text) if out.isatty() else ""
    out.write(sequence)
    out.flush()
    return bool(sequence)
