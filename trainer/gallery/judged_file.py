"""Verdicts on a grid's pictures in judged.json beside them, so that a folder is complete without the journal."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from trainer.atomic_file import write_atomically
from trainer.journal.records import CellNote

JUDGED = "judged.json"
_MAX_BYTES = 64 * 2**20
_NOTES: TypeAdapter[list[CellNote]] = TypeAdapter(list[CellNote])


def write_judged(notes: Sequence[CellNote], folder: Path) -> None:
    """Write the notes on a grid into its folder atomically.

    Raises:
        OSError: it cannot be written.
    """
    write_atomically(folder / JUDGED, _NOTES.dump_json(list(notes), indent=1) + b"\n")


def read_judged(folder: Path, grid: int) -> list[CellNote]:
    """Return the notes in a grid's folder as notes on grid `grid`; none where the file is missing or damaged.

    Raises:
        OSError: the file exists and cannot be read.
    """
    try:
        with (folder / JUDGED).open("rb") as file:
            notes = _NOTES.validate_json(file.read(_MAX_BYTES))
    except (FileNotFoundError, ValidationError):
        return []
    return [replace(note, grid=grid) for note in notes]
