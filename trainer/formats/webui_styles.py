"""A webui's `styles.csv`: styles with a name, words for the prompt and words for the negative prompt."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError
from trainer.formats.webui_file import read_webui_file
from trainer.text import printable
from trainer.text_encoding import UndecodableText, decode_text

_EXPECTED = "a webui's styles.csv with the columns name, prompt, negative_prompt"
_COMMENT = "#"
# Collections of a thousand styles have a few hundred KiB.
_MAX_BYTES = 16 * 2**20

PLACE = "{prompt}"
"""In a style's words: where the prompt goes."""


@dataclass(frozen=True)
class WebuiStyle:
    """One row of a styles.csv.

    Attributes:
        name: by which it is chosen.
        prompt, negative_prompt: words that are added to the prompt; `{prompt}` in them is where the prompt goes. "" for none.
    """

    name: str
    prompt: str
    negative_prompt: str


def read_styles_csv(path: Path) -> tuple[WebuiStyle, ...]:
    """Return the styles in `path`, in their order, as the webui reads them.

    Blank lines and blanks after a comma do not count; a row whose name starts with `#` is a comment; of two rows of one name the last counts,
    in the place of the first. Rows without words only divide the list and are left out. A table of headers alone has no style.

    Raises:
        GridError: it cannot be read, or has no column `name`.
    """
    where = printable(str(path))
    content = read_webui_file(path, _MAX_BYTES, _EXPECTED)
    try:
        text = decode_text(content)
    except UndecodableText as error:
        if 0 in content:
            raise GridError(where, found=error.found, expected=_EXPECTED, way_out=error.way_out) from None
        # Spreadsheets often save in the computer's own encoding.
        text = content.decode("cp1252", "replace")
    reader = csv.DictReader(io.StringIO(text.lstrip("\r\n"), newline=""), skipinitialspace=True)
    try:
        columns = [column.strip() for column in reader.fieldnames or ()]
        reader.fieldnames = columns
        rows = list(reader)
    except csv.Error as error:
        found = "not a table"
        if "field larger" in str(error):
            found = f"a field of more than {csv.field_size_limit():,} characters, so that a quote may be missing"
        raise GridError(where, found=found, expected=_EXPECTED) from error
    if "name" not in columns:
        found = f"the columns {printable(', '.join(columns), 80)}" if columns else "nothing in it"
        raise GridError(where, found=found, expected=_EXPECTED)
    # Until 2022 the prompt's column was called `text`.
    styles = {
        (name := (row.get("name") or "").strip()): WebuiStyle(
            name, row.get("prompt") or row.get("text") or "", row.get("negative_prompt") or ""
        )
        for row in rows
    }
    return tuple(
        style
        for name, style in styles.items()
        if name and not name.startswith(_COMMENT) and (style.prompt or style.negative_prompt)
    )


def with_words(prompt: str, words: str) -> str:
    """Return `prompt` joined with a style's words: at `{prompt}` where they have it, else after it with a comma."""
    if PLACE in words:
        return words.replace(PLACE, prompt)
    return ", ".join(part for part in (prompt.strip(), words.strip()) if part)


def joined(styles: Sequence[WebuiStyle]) -> tuple[str, str]:
    """Return prompt and negative prompt of several styles chosen together, in their order."""
    prompt = negative = ""
    for style in styles:
        prompt, negative = with_words(prompt, style.prompt), with_words(negative, style.negative_prompt)
    return prompt, negative
