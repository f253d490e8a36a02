"""The clipboard of the user's terminal, over ssh too, by OSC 52."""

import base64
import os
from typing import TextIO

from lora_tui.terminal.capabilities import places_text

# The limit of xterm, which cuts off anything longer.
_MAX_BYTES = 74_994


def copy_sequence(text: str, environment: "os._Environ[str] | dict[str, str]" = os.environ) -> str:
    """Return the sequence that copies `text` to the terminal's clipboard, "" for a text that is too long.

    Args:
        text: to be copied.
        environment: shows whether screen is in between, which passes on only what is wrapped for it.
    """
    encoded = base64.b64encode(text.encode()).decode()
    if len(encoded) > _MAX_BYTES:
        return ""
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environment.get("TERM", "").startswith("screen") and "TMUX" not in environment:
        return f"\x1bP{sequence}\x1b\\"
    # tmux handles the sequence itself if set-clipboard is on; wrapped, it would also need allow-passthrough.
    return sequence


def copy_to_clipboard(text: str, out: TextIO) -> bool:
    """Copy `text` to the clipboard of the terminal behind `out`; return whether there is one and it was asked to."""
    sequence = copy_sequence(text) if places_text(out) else ""
    out.write(sequence)
    out.flush()
    return bool(sequence)
