"""bake.json: the record of a bake in its own folder, from which a lost journal is rebuilt."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter

from trainer.atomic_file import write_atomically
from trainer.errors import WorkspaceError
from trainer.journal.bake_record import BakeRecord
from trainer.journal.journal import Journal
from trainer.text import printable
from trainer.typed_values import WrongValue, read_json

BAKE_JSON = "bake.json"

# The file is read into memory at once; a bake that saved ten thousand LoRAs has some 10 MB.
_MAX_BYTES = 256 * 2**20
_RECORD = TypeAdapter(BakeRecord)


def write_bake_json(journal: Journal, number: int, folder: Path) -> None:
    """Write what the journal knows of bake `number`, except its curves, to bake.json in `folder`, completely or not at all.

    Raises:
        WorkspaceError: it cannot be written, or no bake has that number.
    """
    content = _RECORD.dump_json(journal.records.read(number), indent=1) + b"\n"
    path = folder / BAKE_JSON
    try:
        write_atomically(path, content, private=True)
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be written ({error.strerror})") from error


def read_bake_json(folder: Path) -> BakeRecord | None:
    """Return the record in `folder`, None without a bake.json.

    Files that it names outside of `folder` are left out; of an imported bake LoRA files may be anywhere.

    Raises:
        WorkspaceError: it cannot be read or is damaged.
    """
    path = folder / BAKE_JSON
    try:
        record: BakeRecord = read_json(path, BakeRecord, _MAX_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(printable(str(path)), found=f"cannot be read ({error.strerror})") from error
    except WrongValue as fault:
        raise WorkspaceError(
            printable(str(path)),
            found=f"is damaged ({fault})",
            way_out="what settings.toml and the LoRA files say of the bake is used",
        ) from None
    return replace(
        record,
        checkpoints=tuple(saved for saved in record.checkpoints if _is_known(record, saved.file)),
        states=tuple(state for state in record.states if _is_inside(state.file)),
    )


def _is_known(record: BakeRecord, file: str) -> bool:
    """Return whether a LoRA is where those of the bake may be."""
    if record.bake.imported:
        return file.endswith(".safetensors") and "\0" not in file
    return _is_inside(file)


def _is_inside(file: str) -> bool:
    """Return whether a file's name stays inside the folder it is relative to."""
    path = PurePosixPath(file)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in file
