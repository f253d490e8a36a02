"""Verdicts on a grid's pictures in judged.json beside them, so that a folder is complete without the journal."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from trainer.atomic_file import write_atomically
from trainer.errors import GridError
from trainer.journal.grid_records import CellNote
from trainer.text import printable
from trainer.typed_values import WrongValue, read_json

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
    """Return the notes in a grid's folder as notes on grid `grid`; none where there is no such file.

    Raises:
        GridError: the file cannot be read or is damaged.
    """
    path = folder / JUDGED
    try:
        notes: list[CellNote] = read_json(path, list[CellNote], _MAX_BYTES)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise GridError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error
    except WrongValue as fault:
        raise GridError(
            printable(str(path)),
            found=f"is damaged ({fault})",
            way_out="the verdicts in the journal count; move the file away",
        ) from None
    return [replace(note, grid=grid) for note in notes]
