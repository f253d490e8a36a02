"""`selected_tags.csv` of a tagger: the names of its outputs, in their order."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.dataset.trigger import compared
from trainer.errors import ModelError
from trainer.families.conventions import TagKind
from trainer.regular_file import read_regular
from trainer.tagger.record import CHARACTER, GENERAL, KnownTag
from trainer.text import printable

# Taggers know some ten thousand tags; the largest file has 3 MiB.
_MAX_BYTES = 64 * 2**20
_MAX_TAGS = 500_000
_MAX_NAME = 300
_EXPECTED = "a CSV file with the columns name and category, one row for each output of the model"


def read_tags(path: Path) -> tuple[KnownTag, ...]:
    """Return the tags of a tagger's file, in the order of its rows, which is that of the model's outputs.

    Args:
        path: CSV in UTF-8 with a first row that names the columns `name` and `category`; others may stand beside them.

    Raises:
        ModelError: it cannot be read, or a row is wrong.
    """
    where = printable(str(path))
    try:
        text = read_regular(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ModelError(where, found=f"cannot be read ({error.strerror})", expected=_EXPECTED) from error
    except UnicodeDecodeError:
        raise ModelError(where, found="text that is not UTF-8", expected=_EXPECTED) from None
    try:
        # Names hold commas and quotes, never line ends.
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        missing = {"name", "category"} - set(rows.fieldnames or ())
        if missing:
            first = ", ".join(printable(name, 30) for name in (rows.fieldnames or ())[:6]) or "nothing"
            raise ModelError(
                f"{where} line 1",
                found=f"the columns {first}",
                expected=_EXPECTED,
                way_out="name the file of this model",
            )
        tags = tuple(_tag(row, f"{where} line {rows.line_num}") for row in rows)
    except csv.Error as error:
        raise ModelError(where, found=f"no CSV file ({printable(str(error), 80)})", expected=_EXPECTED) from None
    if not tags:
        raise ModelError(where, found="no tags", expected=_EXPECTED)
    if len(tags) > _MAX_TAGS:
        raise ModelError(where, found=f"{len(tags):,} tags", expected=f"at most {_MAX_TAGS:,}")
    return tags


def kinds_of(tags: Sequence[KnownTag]) -> dict[str, TagKind]:
    """Return which tags are characters, series and artists, as they are compared; what is seen in pictures is left out."""
    kinds: Mapping[int, TagKind] = {CHARACTER: "character", 3: "series", 1: "artist"}
    return {compared(tag.name): kinds[tag.category] for tag in tags if tag.category in kinds}


def _tag(row: dict[str, str | None], where: str) -> KnownTag:
    name, number = row["name"] or "", (row["category"] or "").strip()
    if not name.strip() or len(name) > _MAX_NAME or "\n" in name:
        raise ModelError(where, found=f"the name {printable(name, 60)!r}", expected="a tag")
    if not number:
        return KnownTag(name, GENERAL)
    if not number.isdecimal() or len(number) > 6:
        raise ModelError(
            where, found=f"the category {printable(number, 30)}", expected="a number: 0 general, 4 character, 9 rating"
        )
    return KnownTag(name, int(number))
