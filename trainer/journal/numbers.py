"""Numbers and names of what a journal holds, for the completion of a command line: read in a moment, and nothing but read."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from trainer.text import printable

Numbered = Literal["bake", "grid", "ladder", "search"]

_SQL: dict[Numbered, str] = {
    "bake": "SELECT number, name, state FROM bake WHERE grid IS NULL ORDER BY number DESC LIMIT ?",
    "grid": "SELECT number, name, state FROM grid ORDER BY number DESC LIMIT ?",
    "ladder": "SELECT number, title, '' FROM ladder ORDER BY number DESC LIMIT ?",
    "search": "SELECT number, '', '' FROM search ORDER BY number DESC LIMIT ?",
}
_MAX_NUMBERS = 300
_MAX_NAME = 40
# A key that completes a word must not wait for a writer.
_SECONDS = 0.2


def numbers_of(journal: Path, kind: Numbered) -> list[tuple[int, str]]:
    """Return the newest numbers of a kind with name and state, the newest first; empty where the journal cannot be read.

    Args:
        journal: the file; it is neither made nor brought up to date.
        kind: what is numbered.
    """
    uri = f"file:{quote(str(journal))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_SECONDS)) as connection:
            rows = connection.execute(_SQL[kind], (_MAX_NUMBERS,)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return []
    return [
        (number, printable(" ".join(filter(None, map(str, words))), _MAX_NAME))
        for number, *words in rows
        if isinstance(number, int)
    ]
