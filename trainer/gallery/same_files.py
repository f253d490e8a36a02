"""Files of a grid, compared with those that its pictures so far were made from."""

from collections.abc import Callable
from pathlib import Path

from trainer.dataset.manifest_changes import SHOWN_DIGITS
from trainer.errors import GridError
from trainer.gallery.sidecar import read_sidecar
from trainer.text import printable

_MAX_PATH = 160
_FOLDERS_HAVE_CONFIGS = 2
"""Format of grid.json from which on the hash of a folder covers its configs and tokenizers as well as its weights."""


def check_same_files(number: int, folder: Path, content: Callable[[Path], str]) -> None:
    """See that a grid continues with the very files that its pictures so far were made from.

    Without a readable grid.json nothing is known of them; each picture still says what it was made from, and another one is not taken.

    Args:
        number: the grid's.
        folder: the grid's.
        content: hash of a file's or folder's content as it is now.

    Raises:
        GridError: one has another content; names both hashes.
        ModelError: one is missing or cannot be read.
    """
    try:
        made = read_sidecar(folder)
    except GridError:
        return
    if made is None:
        return
    for place, before in made.hashes.items():
        if made.format < _FOLDERS_HAVE_CONFIGS and Path(place).is_dir():
            continue
        if (now := content(Path(place))) != before:
            raise other_file(f"grid {number}", place, before, now)


def other_file(where: str, place: str, before: str, now: str) -> GridError:
    """Return the refusal of a file that is no longer what pictures were made from.

    Args:
        where: the grid, in words.
        place: its path.
        before, now: sha256.
    """
    return GridError(
        f"{where}: {printable(place, _MAX_PATH)}",
        found=f"sha256 {now[:SHOWN_DIGITS]}…, and its pictures are made from {before[:SHOWN_DIGITS]}…",
        expected="the same file",
        way_out="put that one back in its place, or make a new grid",
        details=(f"sha256 {before} then", f"sha256 {now} now"),
    )
