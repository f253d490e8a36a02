"""Caption files: found by the picture's name, and read."""

import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import DatasetError
from trainer.file_mark import TICK, FileMark, marked
from trainer.regular_file import open_regular
from trainer.text import printable
from trainer.text_encoding import EncodedText, UndecodableText, encoded_text

MAX_CAPTION_BYTES = 2**20
"""Fifty pages of text; a larger file is something else, and would keep the plan waiting."""

_LINE_END = re.compile(r"\r\n|\r|\n")


def caption_name(stem: str, endings: Sequence[str], names: Mapping[str, str]) -> str | None:
    """Return the name of the caption file of a picture, None if it has none.

    As sd-scripts: `STEM.txt`, else the stem without its last four `_parts` (what its face cropper appends). Endings are
    tried in order, in any case.

    Args:
        stem: the picture's name without its ending.
        endings: `.txt`, `.caption` …
        names: the folder's files by `caption_key`.
    """
    short = stem.rsplit("_", 4)
    stems = (stem, short[0]) if len(short) == 5 else (stem,)
    for candidate in stems:
        for ending in endings:
            name = names.get(caption_key(candidate + ending, endings))
            if name is not None:
                return name
    return None


def caption_key(name: str, endings: Sequence[str]) -> str:
    """Return `name` with its ending in lower case, so that `a.TXT` is found as `a.txt`."""
    for ending in endings:
        if name.lower().endswith(ending.lower()):
            return name[: -len(ending)] + ending.lower()
    return name


@dataclass(frozen=True)
class CaptionText:
    """What a caption file says.

    Attributes:
        text: the first line without blanks around it, or every line that is not blank, one below the other.
        unread: how many lines with text are left out.
    """

    text: str
    unread: int = 0


def read_caption(path: Path, *, every_line: bool = False) -> CaptionText:
    """Return the first line of a caption file (sd-scripts reads no further either).

    Args:
        path: the file.
        every_line: return every line that is not blank instead: with wildcards one of them is drawn.

    Raises:
        DatasetError: as read_caption_file.
    """
    first, *others = (line.strip(" \t") for line in _LINE_END.split(read_caption_file(path).text))
    others = [line for line in others if line]
    if every_line:
        return CaptionText("\n".join([first, *others] if first else others))
    return CaptionText(first, len(others))


def read_caption_file(path: Path) -> EncodedText:
    """Return all of a caption file.

    Raises:
        DatasetError: it cannot be read or is too large, or its encoding is not read: see decode_text.
    """
    return decode_caption(path, read_caption_bytes(path))


def read_marked_caption(path: Path) -> tuple[EncodedText, FileMark | None]:
    """Return all of a caption file, and its mark where a later change of it would show in that.

    Raises:
        DatasetError: as read_caption_file.
    """
    content, about = _read(path)
    # By the time that nothing but the system sets.
    settled = time.time() - about.st_ctime > TICK
    return decode_caption(path, content), marked(os.fspath(path), about) if settled else None


def read_caption_bytes(path: Path) -> bytes:
    """Return a caption file as it is.

    Raises:
        DatasetError: it cannot be read, or is too large.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    try:
        with open_regular(path, buffered=False) as file:
            about = os.fstat(file.fileno())
            # As much as it has: room for what it may have would be taken from the system each time.
            content = file.read(min(about.st_size, MAX_CAPTION_BYTES) + 1) or b""
            if len(content) != about.st_size:
                content += file.read(MAX_CAPTION_BYTES + 1) or b""
    except OSError as error:
        raise DatasetError(
            printable(str(path)),
            found=f"a caption that cannot be read ({error.strerror})",
            way_out="fix its permissions or remove it",
        ) from error
    if len(content) > MAX_CAPTION_BYTES:
        raise DatasetError(
            printable(str(path)),
            found="more than 1 MiB",
            expected="a caption",
            way_out="shorten it, or rename it if it is another file",
        )
    return content, about


def decode_caption(path: Path, content: bytes) -> EncodedText:
    """Return the text of a caption file.

    Args:
        path: the file, for the error.
        content: its bytes.

    Raises:
        DatasetError: its encoding is not read.
    """
    try:
        return encoded_text(content)
    except UndecodableText as error:
        raise DatasetError(
            printable(str(path)),
            found=f"a caption that is {error.found}",
            expected="UTF-8 text, or UTF-16 with a byte order mark",
            way_out=error.way_out,
        ) from None


def is_blank(caption: str) -> bool:
    """Return whether a caption has no tag: nothing but commas and blanks."""
    return not caption.replace(",", "").strip()
