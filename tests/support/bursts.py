"""Keys that arrive in one read of the terminal."""

import random
import time
from typing import Any

from textual import events
from textual.app import App
from textual.keys import _character_to_key

ENTER = "\r"
_NAMES = {ENTER: "enter", "\x1b": "escape", "\x10": "ctrl+p", "\x11": "ctrl+q", "\x7f": "backspace"}
# Every letter and digit: each key of a screen with a letter of its own is in it.
PANGRAM = "Sphinx of black quartz, judge my vow 1234567890 HTUBXGF"


def key_events(text: str) -> list[events.Key]:
    """Return the events of `text`, all of one time, as the driver makes them of one read."""
    now = time.monotonic()
    made = [
        events.Key(_NAMES.get(character) or _character_to_key(character), character if character >= " " else None)
        for character in text
    ]
    for event in made:
        event.time = now
    return made


def type_at_once(app: App[Any], text: str) -> None:
    """Give `app` the keys of `text` together, none waiting for the one before."""
    for event in key_events(text):
        app.post_message(event)


def random_text(draw: random.Random) -> str:
    """Return what one might type into a line: letters, digits and blanks, one time in two with an enter at its end."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789   -_./"
    return "".join(draw.choices(letters, k=draw.randint(1, 14))) + draw.choice(("", ENTER))
