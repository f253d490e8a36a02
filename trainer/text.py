"""Text for people: control characters of foreign texts made visible, plurals, durations.

A foreign text is a caption, a file name, a prompt, a message of a library; a terminal gets its letters, never its control codes.
"""

import re
import unicodedata
from collections.abc import Sequence

# Cc control, Cf format (bidi overrides, zero-width), Cs surrogates (undecodable file names), Co private use: none of them is text a user typed to be read.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

MAX_MESSAGE = 500
"""Characters of the longest message that is printed, logged or shown."""

# Linux: NAME_MAX of every common file system, and PATH_MAX without its last byte.
_MAX_NAME_BYTES, _MAX_PATH_BYTES = 255, 4095
_WINDOWS_PATH = re.compile(r"(?:^|/)([A-Za-z]:[\\/].*)", re.DOTALL)


def printable(text: str, limit: int | None = None) -> str:
    """Return `text` on one line with every control or format character made visible as `\\xNN`.

    Args:
        text: any string from outside.
        limit: maximum number of characters; a longer text ends in `…`. None keeps all.
    """
    out = "".join(_visible(char) for char in text)
    if limit is not None and len(out) > limit:
        return out[: max(0, limit - 1)] + "…"
    return out


def shortened(text: str, limit: int) -> str:
    """Return `text` with `…` in place of its middle where it has more than `limit` characters: a path keeps its file's name."""
    if len(text) <= limit:
        return text
    end = max(0, limit - 1) // 2
    return f"{text[: max(0, limit - 1 - end)]}…{text[len(text) - end :]}"


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN:
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def path_fault(text: str) -> str:
    """Return why no file can have this path, "" where one can: a name of more than 255 bytes, a path of more than 4,095.

    Asking the system about such a path raises an error where for any other it answers that nothing is there.
    """
    raw = text.encode("utf-8", "surrogatepass")
    longest = max(map(len, raw.split(b"/")))
    if longest > _MAX_NAME_BYTES:
        return f"a name of {longest:,} bytes, and a file system takes {_MAX_NAME_BYTES}"
    return (
        "" if len(raw) <= _MAX_PATH_BYTES else f"a path of {len(raw):,} bytes, and the system takes {_MAX_PATH_BYTES:,}"
    )


def windows_path(path: str) -> str:
    """Return the path of Windows that a path ends in, as `/work/D:\\lora` does, which is a relative name here; "" where it ends in none."""
    found = _WINDOWS_PATH.search(path)
    return found[1] if found else ""


def whole_letters(text: str) -> str:
    """Return `text` with `?` for each half of a surrogate pair, which JSON can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode("utf-8")


def plural(number: int, thing: str) -> str:
    """Return `3 pictures`, `1 picture`, `1,200 processes`."""
    ending = "es" if thing.endswith("ss") else "s"
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}{ending}"


def numbered(thing: str, numbers: Sequence[int]) -> str:
    """Return `bake 3`, `bakes 3, 5`; "" where there are none."""
    if not numbers:
        return ""
    return f"{thing if len(numbers) == 1 else f'{thing}s'} {', '.join(map(str, numbers))}"


def listed(names: Sequence[str]) -> str:
    """Return names one after the other: with commas between them, and with semicolons where a name has a comma of its own."""
    return ("; " if any(", " in name for name in names) else ", ").join(names)


def duration(seconds: float) -> str:
    """Return a length of time in seconds with the unit that reads best: `40 s`, `12 min`, `3 h 05 min`."""
    rounded = max(0, round(seconds))
    if rounded < 90:
        return f"{rounded} s"
    minutes = round(rounded / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def minutes_text(minutes: float) -> str:
    """Return minutes that somebody asked for: `40 min`, `2.5 min`, `3 h 05 min`."""
    return duration(60 * minutes) if minutes >= 60 and float(minutes).is_integer() else f"{minutes:g} min"


def step_seconds(seconds: float) -> str:
    """Return the time of a training step: `1.90 s`, `0.052 s`."""
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds:.2g} s"
