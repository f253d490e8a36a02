"""Font and line breaks of text drawn on a picture."""

import shutil
import subprocess
from collections.abc import Iterable
from functools import lru_cache

from PIL import ImageFont

from trainer.text import printable

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_FC_MATCH_TIMEOUT_SECONDS = 10


def font_for(texts: Iterable[str], size: int) -> Font:
    """Return the font of this computer that covers the letters of `texts` best; Pillow's own where none is found.

    Args:
        texts: to be drawn with it.
        size: pixels from line to line, about.
    """
    letters = "".join(sorted({char for text in texts for char in printable(text)}))
    file, index = _file_covering(letters)
    if file:
        try:
            return ImageFont.truetype(file, size, index=index)
        except OSError:
            # A kind of font that Pillow cannot read.
            pass
    return ImageFont.load_default(size)


def wrapped(text: str, font: Font, width: int, max_lines: int) -> list[str]:
    """Return `text` as lines of at most `width` pixels: broken between words, or inside a long one; after `max_lines` it ends in `…`."""
    lines: list[str] = []
    line = ""
    for word in printable(" ".join(text.split())).split(" "):
        for piece in _pieces(word, font, width):
            longer = f"{line} {piece}" if line else piece
            if font.getlength(longer) <= width:
                line = longer
            else:
                lines.append(line)
                line = piece
        if len(lines) > max_lines:
            break
    lines = [one for one in (*lines, line) if one]
    if len(lines) <= max_lines:
        return lines
    last = lines[max_lines - 1]
    while last and font.getlength(f"{last}…") > width:
        last = last[:-1]
    return [*lines[: max_lines - 1], f"{last.rstrip()}…"]


def _pieces(word: str, font: Font, width: int) -> list[str]:
    """Return `word` in pieces that fit into `width` each; a letter that is wider is a piece of its own."""
    pieces: list[str] = []
    rest = word
    while rest:
        count = len(rest)
        while count > 1 and font.getlength(rest[:count]) > width:
            # A good guess first, then letter by letter.
            count = min(count - 1, max(1, int(count * width / font.getlength(rest[:count])) + 1))
        pieces.append(rest[:count])
        rest = rest[count:]
    return pieces


@lru_cache(maxsize=32)
def _file_covering(letters: str) -> tuple[str, int]:
    """Return fontconfig's choice for these letters: a file and the index of a font in it; `""` without fontconfig."""
    program = shutil.which("fc-match")
    if program is None:
        return "", 0
    charset = " ".join(f"{ord(letter):x}" for letter in letters)
    pattern = f"sans:charset={charset}" if charset else "sans"
    try:
        ran = subprocess.run(
            [program, "--format=%{index} %{file}", pattern],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FC_MATCH_TIMEOUT_SECONDS,
            check=True,
        )
        index, _, file = ran.stdout.strip().partition(" ")
        return file, int(index)
    except (OSError, ValueError, subprocess.SubprocessError):
        return "", 0
