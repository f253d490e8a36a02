"""Caption files: found by the picture's name, and read."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.errors import DatasetError
from trainer.text import printable

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


def read_caption(path: Path, *, every_line: bool = False) -> str:
    """Return the first line of a caption file, without blanks around it (sd-scripts reads no further either).

    Args:
        path: the file.
        every_line: return every line that is not blank instead, one below the other: with wildcards one of them is drawn.

    Raises:
        DatasetError: the file cannot be read or is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            printable(str(path)),
            found=f"a caption that is not UTF-8 (byte {error.start})",
            expected="UTF-8 text",
            way_out="save it as UTF-8, for example with `iconv -f CP1252 -t UTF-8`",
        ) from None
    except OSError as error:
        raise DatasetError(
            printable(str(path)),
            found=f"a caption that cannot be read ({error.strerror})",
            way_out="fix its permissions or remove it",
        ) from error
    if every_line:
        lines = (line.strip(" \t") for line in _LINE_END.split(text))
        return "\n".join(line for line in lines if line)
    return _LINE_END.split(text, maxsplit=1)[0].strip(" \t")
