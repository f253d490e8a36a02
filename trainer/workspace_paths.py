"""Paths as a workspace keeps them: relative for what lies inside it, so that it can be moved, copied or mounted elsewhere.

Older versions kept every path as it was then, and users may type what they like into their own files. So each workspace has a list
of the folders it has been in (`places.json`), and an absolute path into one of them means what lies there now.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.regular_file import read_regular
from trainer.workspace import JOURNAL_NAME, find_workspace

PLACES = "places.json"
"""The folders that a workspace has been in, in the workspace itself."""

_MAX_BYTES = 2**20


@dataclass(frozen=True)
class WorkspacePaths:
    """The paths of one workspace, as they are written down and as they are now.

    Attributes:
        root: the workspace's folder, absolute.
        former: other folders that it has been in, absolute.
    """

    root: Path
    former: tuple[Path, ...] = ()

    def kept(self, path: str) -> str:
        """Return an absolute path as it is written down: relative to the root if it lies inside, else as it is."""
        inside = _inside(path, self.root) if os.path.isabs(path) else None
        return path if inside is None else inside

    def found(self, path: str) -> str:
        """Return the absolute path of now that a path written down means; it need not exist.

        A relative path counts from the root. What lay in a folder that the workspace has been in is looked for at the same place
        in the root. The place of then is returned only where nothing is at the place of now and no workspace is there any more:
        a copy never reads the files of its original.
        """
        if not os.path.isabs(path):
            here = os.path.normpath(self.root / path)
            return here if os.path.lexists(here) else self._left_behind(path) or here
        path = os.path.normpath(path)
        if _inside(path, self.root) is not None and os.path.lexists(path):
            return path
        for root in sorted(self.former, key=lambda each: -len(each.parts)):
            inside = _inside(path, root)
            if inside is None:
                continue
            here = os.path.normpath(self.root / inside)
            left = not os.path.lexists(here) and os.path.lexists(path) and not _is_workspace(root)
            return path if left else here
        return path

    def _left_behind(self, inside: str) -> str | None:
        """Return where a file of the workspace was left when the workspace itself was moved, None if nowhere."""
        places = (os.path.normpath(root / inside) for root in self.former if not _is_workspace(root))
        return next((place for place in places if os.path.lexists(place)), None)


def workspace_paths(root: Path, more: Iterable[Path] = ()) -> WorkspacePaths:
    """Return the paths of the workspace in `root`, which has been in `more` too."""
    here = Path(os.path.abspath(root))
    return WorkspacePaths(here, tuple(place for place in dict.fromkeys((*_places(here), *more)) if place != here))


def paths_around(folder: Path) -> WorkspacePaths:
    """Return the paths of the workspace in or above `folder`, or of `folder` itself where there is none."""
    here = Path(os.path.abspath(folder))
    workspace = find_workspace(here)
    return workspace_paths(workspace.root if workspace else here)


def is_new_place(root: Path) -> bool:
    """Return whether the workspace was not known to be in `root`."""
    return Path(os.path.realpath(root)) not in _places(root)


def note_places(root: Path, more: Iterable[Path] = ()) -> None:
    """Note that the workspace is in `root`, and that it has been in `more`. A folder that cannot be written is not a reason to fail."""
    known = _places(root)
    places = list(dict.fromkeys((*known, *more, Path(os.path.realpath(root)))))
    if len(places) == len(known):
        return
    # As a file beside the journal, so that it is there for whoever reads settings, and after the journal is lost.
    content = json.dumps({"places": [str(place) for place in places]}, indent=1) + "\n"
    with suppress(OSError):
        write_atomically(root / PLACES, content.encode("ascii"))


def former_places(root: Path, paths: Iterable[str]) -> list[Path]:
    """Return the folders that a workspace must have been in before its places were noted, judged by paths that it has kept.

    A path tells of one if what it names lies in the workspace too, and either is gone from its own place or lies in the workspace
    that this one is a copy of.

    Args:
        root: the workspace's folder.
        paths: absolute ones from its journal.
    """
    found: dict[Path, None] = {}
    for path in dict.fromkeys(paths):
        if _inside(path, root) is not None or any(_inside(path, place) is not None for place in found):
            continue
        for place, inside in _splits(path):
            if os.path.lexists(root / inside) and (not os.path.lexists(path) or _is_copy(root, place)):
                found[place] = None
                break
    return list(found)


def _splits(path: str) -> Iterator[tuple[Path, str]]:
    """Yield a path as a folder and the rest, the longest rest first."""
    parts = Path(path).parts
    for at in range(2, len(parts)):
        yield Path(*parts[:at]), str(Path(*parts[at:]))


def _places(root: Path) -> list[Path]:
    """Return the folders in the list; none where it is missing or damaged."""
    try:
        table = json.loads(read_regular(root / PLACES, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return []
    places = table.get("places") if isinstance(table, dict) else None
    texts = [text for text in places if isinstance(text, str)] if isinstance(places, list) else []
    # The root of the file system would claim every path.
    return [Path(text) for text in texts if os.path.isabs(text) and "\0" not in text and len(Path(text).parts) > 1]


def _inside(path: str, root: Path) -> str | None:
    """Return an absolute path relative to `root`, None if it lies elsewhere; links on the way to it may lead there."""
    if "\0" in path:
        return None
    written = Path(os.path.normpath(path))
    if written.is_relative_to(root):
        return written.relative_to(root).as_posix()
    # The file itself may be a link: it is a file of the folder that it lies in.
    real, real_root = Path(os.path.realpath(written.parent), written.name), Path(os.path.realpath(root))
    return real.relative_to(real_root).as_posix() if real.is_relative_to(real_root) else None


def _is_workspace(folder: Path) -> bool:
    return os.path.isfile(folder / JOURNAL_NAME)


def _is_copy(one: Path, other: Path) -> bool:
    """Return whether two folders hold journals that began with the same bake."""
    first = [_first_bake(each / JOURNAL_NAME) for each in (one, other) if _is_workspace(each)]
    return len(first) == 2 and first[0] is not None and first[0] == first[1]


def _first_bake(journal: Path) -> tuple[object, ...] | None:
    try:
        with closing(sqlite3.connect(f"{journal.as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT number, name, created FROM bake ORDER BY number LIMIT 1").fetchone()
    except (sqlite3.Error, UnicodeDecodeError):  # the second for names that its message cannot repeat
        return None
    return None if row is None else tuple(row)
