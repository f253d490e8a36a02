"""Text in the encoding of the user's terminal: a sign that it has none for is replaced, so that no locale ends a command."""

import codecs
import os
import sys
import unicodedata
from typing import TextIO

REPLACE_SIGNS = "lora_tui.replace_signs"
"""Name of the error handler for `str.encode` and streams that replaces signs, each by as many cells as it takes."""

REPLACEMENTS = {
    # text
    "…": ".",
    "–": "-",
    "—": "-",
    "−": "-",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "„": '"',
    "‹": "<",
    "›": ">",
    "·": ".",
    "∘": ".",
    "•": "*",
    "×": "x",
    "÷": "/",
    "≈": "~",
    "≠": "!",
    "≡": "=",
    "≥": ">",
    "≤": "<",
    "±": "+",
    "√": "v",
    "‖": "|",
    "°": " ",
    "Δ": "d",
    "Σ": "S",
    "σ": "s",
    "φ": "f",
    # arrows and pointers
    "→": ">",
    "←": "<",
    "↑": "^",
    "↓": "v",
    "❯": ">",
    "➜": ">",
    "▸": ">",
    "▾": "v",
    "▴": "^",
    "▶": ">",
    "◀": "<",
    "⏎": "<",
    "⎸": "|",
    # states
    "●": "*",
    "○": "o",
    "◌": "o",
    "◇": "o",
    "◆": "o",
    "◦": "o",
    "■": "#",
    "✓": "v",
    "✗": "x",
    "★": "*",
    "☆": "o",
    # blocks that are not half full
    "▁": "_",
    "▔": "-",
    "▏": "|",
    "▕": "|",
    "░": ".",
    "▒": "+",
    "▓": "%",
}
"""Sign -> one ASCII character. Signs of one's own language are not in it: of those the letter below the accent is kept, or `?`."""

ASCII_VARIABLE = "LORA_TUI_ASCII"
"""Environment variable under which everything is shown in ASCII, whatever the terminal's encoding; the programs we start have it too."""

_BOX_DRAWING = range(0x2500, 0x2580)
_BLOCKS = range(0x2580, 0x25A0)
_BRAILLE = range(0x2800, 0x2900)
# Handed from the process that was started to the one that takes its place.
_VARIABLE = "LORA_TUI_TERMINAL_ENCODING"


def terminal_encoding(*, restart: bool) -> str:
    """Return the terminal's encoding where it is another than the process's, else "".

    Args:
        restart: in a locale that is not UTF-8, start the process again with file names in UTF-8, as they are on Linux whatever
            the terminal shows: a name from a settings file could not be written otherwise.
    """
    encoding = os.environ.pop(_VARIABLE, "")
    if restart and not encoding and sys.executable and sys.getfilesystemencoding().lower() != "utf-8":
        here = {_VARIABLE: encoding_of(sys.stdout), "PYTHONUTF8": "1"}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **here})
    return encoding


def ascii_only() -> bool:
    """Return whether the user asked for ASCII alone."""
    return os.environ.get(ASCII_VARIABLE, "").lower() not in ("", "0", "false", "no", "off")


def shown_encoding(stream: TextIO | None) -> str:
    """Return the encoding of what is shown on `stream`: its own, or ASCII on a terminal whose user asked for that."""
    shows = stream is not None and stream.isatty()
    return "ascii" if shows and ascii_only() else encoding_of(stream)


def own_environment() -> dict[str, str]:
    """Return the environment of this program where it starts once more in the same terminal, whose encoding it could not tell again."""
    encoding = encoding_of(sys.stdout)
    same = codecs.lookup(encoding).name == "utf-8"
    return {**os.environ} if same else {**os.environ, _VARIABLE: encoding, "PYTHONUTF8": "1"}


def encoding_of(stream: TextIO | None) -> str:
    """Return the encoding of `stream`, UTF-8 if it names none."""
    return getattr(stream, "encoding", None) or "utf-8"


def encode(text: str, encoding: str) -> bytes:
    """Return `text` in `encoding`, with signs replaced that it does not have."""
    return text.encode(encoding, errors=REPLACE_SIGNS)


def _replace_signs(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_replacement, error.object[error.start : error.end])), error.end


def _replacement(sign: str) -> str:
    if sign in REPLACEMENTS:
        return REPLACEMENTS[sign]
    if drawn := _drawn(sign):
        return drawn
    if unicodedata.combining(sign):
        return ""
    if unicodedata.east_asian_width(sign) in "WF":
        return "??"
    letter = unicodedata.normalize("NFKD", sign)[0]
    return letter if letter.isascii() and letter.isprintable() else "?"


def _drawn(sign: str) -> str:
    """Return a rule, a block or dots in ASCII; "" for anything else."""
    if ord(sign) in _BOX_DRAWING:
        words = unicodedata.name(sign).split()
        return "+" if "AND" in words else {"HORIZONTAL": "-", "VERTICAL": "|"}.get(words[-1], "+")
    if ord(sign) in _BRAILLE:
        return "*" if ord(sign) > _BRAILLE.start else " "
    return "#" if ord(sign) in _BLOCKS else ""


codecs.register_error(REPLACE_SIGNS, _replace_signs)
