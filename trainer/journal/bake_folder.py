"""The story of a bake in its own folder: bake.json, from which a lost journal is made anew."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from trainer.atomic_file import write_atomically
from trainer.errors import WorkspaceError
from trainer.journal.bake_record import BakeRecord
from trainer.journal.journal import Journal
from trainer.text import printable

BAKE_JSON = "bake.json"

# A file is read into memory whole; a bake that saved ten thousand LoRAs has some 10 MB.
_MAX_BYTES = 256 * 2**20
_RECORD = TypeAdapter(BakeRecord)


def write_bake_json(journal: Journal, number: int, folder: Path) -> None:
    """Write what the journal knows of bake `number`, but its curves, to bake.json in `folder`, whole or not at all.

    Raises:
        WorkspaceError: it cannot be written, or there is no such bake.
    """
    content = _RECORD.dump_json(journal.records.read(number), indent=1) + b"\n"
    path = folder / BAKE_JSON
    try:
        write_atomically(path, content)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error


def read_bake_json(folder: Path) -> BakeRecord | None:
    """Return the story told in `folder`, None where there is no bake.json.

    Files that it names outside of `folder` are left out.

    Raises:
        WorkspaceError: it cannot be read or is damaged.
    """
    path = folder / BAKE_JSON
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error
    try:
        story = _RECORD.validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise WorkspaceError(
            printable(str(path)),
            found=f"is no story of a bake ({printable(f'{place}: ' if place else '')}{printable(first['msg'])})",
            expected="a file as lora-tui writes it",
        ) from error
    return replace(
        story,
        checkpoints=tuple(saved for saved in story.checkpoints if _is_inside(saved.file)),
        states=tuple(state for state in story.states if _is_inside(state.file)),
    )


def _is_inside(file: str) -> bool:
    """Return whether a file's name leads to nowhere but into the folder it is relative to."""
    path = PurePosixPath(file)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in file
