"""What an edit changes of a caption, as two lines in which only what differs is told in full."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from trainer.text import printable

# Of what stays the same, so much is shown beside what changes.
_BESIDE = 2
_LONGEST = 400
_PART = re.compile(r"[^,\n]+|,|\n")


class DiffPart(NamedTuple):
    """A stretch of a caption; `changes` tells whether it is only before, or only after."""

    text: str
    changes: bool


def caption_diff(before: str | None, after: str | None) -> tuple[tuple[DiffPart, ...], tuple[DiffPart, ...]]:
    """Return a caption before and after, each in stretches; long ones that stay are left out with `…`.

    Args:
        before, after: of its file; None where there is none.
    """
    old, new = _parts(before), _parts(after)
    first: list[DiffPart] = []
    second: list[DiffPart] = []
    blocks = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    for place, (kind, old_start, old_end, new_start, new_end) in enumerate(blocks):
        if kind == "equal":
            kept = _shortened(old[old_start:old_end], starts=place == 0, ends=place == len(blocks) - 1)
            first.append(DiffPart(kept, False))
            second.append(DiffPart(kept, False))
            continue
        if old_end > old_start:
            first.append(DiffPart(_text(old[old_start:old_end]), True))
        if new_end > new_start:
            second.append(DiffPart(_text(new[new_start:new_end]), True))
    return tuple(first), tuple(second)


def _parts(text: str | None) -> list[str]:
    """Return tags, commas and ends of lines; blanks belong to the tag behind them."""
    return _PART.findall((text or "").rstrip("\n"))


def _text(parts: Sequence[str]) -> str:
    return printable("".join("⏎" if part == "\n" else part for part in parts), _LONGEST)


def _shortened(parts: Sequence[str], *, starts: bool, ends: bool) -> str:
    # A tag and its comma are two parts.
    room = 2 * _BESIDE
    if len(parts) <= 2 * room or (len(parts) <= room and (starts or ends)):
        return _text(parts)
    if starts:
        return f"… {_text(parts[-room:])}"
    if ends:
        return f"{_text(parts[:room])} …"
    return f"{_text(parts[:room])} … {_text(parts[-room:])}"
