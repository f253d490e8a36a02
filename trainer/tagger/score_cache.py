"""What taggers have said before, by tagger and picture, in a file that may be thrown away at any time."""

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from trainer.file_mark import mark_of
from trainer.private_files import make_private_folder
from trainer.tagger.record import TagScore
from trainer.workspace import Workspace, cache_home

CACHE = Path("cache") / "tagger-scores.sqlite"
"""Where a workspace keeps it."""

_TABLE = "CREATE TABLE IF NOT EXISTS score (tagger TEXT, picture TEXT, tags TEXT, PRIMARY KEY (tagger, picture)) WITHOUT ROWID"
# Half a kilobyte each; of more the ones of other taggers go first.
_MAX_ROWS = 400_000


def score_cache_of(workspace: Workspace) -> Path:
    """Return where what taggers said is kept: in a workspace's cache, in the user's own where it is not there yet."""
    return workspace.root / CACHE if workspace.journal_path.is_file() else cache_home() / CACHE.name


class ScoreCache:
    """Answers of taggers by the marks of their files and of the pictures; a file that cannot be used is made again, or done without.

    Args:
        path: the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._connection = _opened(path) if path is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def get(self, tagger: str, pictures: Iterable[Path]) -> dict[Path, tuple[TagScore, ...]]:
        """Return what a tagger said of those pictures that it has seen as they are now."""
        found: dict[Path, tuple[TagScore, ...]] = {}
        if self._connection is None:
            return found
        for path in pictures:
            key = _key(path)
            if key is None:
                continue
            with contextlib.suppress(sqlite3.Error, ValueError, TypeError):
                row = self._connection.execute(
                    "SELECT tags FROM score WHERE tagger = ? AND picture = ?", (tagger, key)
                ).fetchone()
                if row is not None:
                    found[path] = tuple(_score(*each) for each in json.loads(row[0]))
        return found

    def keep(self, tagger: str, scores: Mapping[Path, tuple[TagScore, ...]]) -> None:
        """Keep what a tagger said; where that cannot be written it is asked again some day."""
        if self._connection is None:
            return
        rows = [
            (tagger, key, json.dumps([(score.place, score.probability) for score in each]))
            for path, each in scores.items()
            if (key := _key(path)) is not None
        ]
        with contextlib.suppress(sqlite3.Error, UnicodeError), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO score VALUES (?, ?, ?)", rows)

    def clear_others(self, tagger: str) -> None:
        """Remove what other taggers said where there is too much of it."""
        if self._connection is None:
            return
        with contextlib.suppress(sqlite3.Error, UnicodeError), self._connection:
            if self._connection.execute("SELECT count(*) FROM score").fetchone()[0] > _MAX_ROWS:
                self._connection.execute("DELETE FROM score WHERE tagger <> ?", (tagger,))


def _score(place: object, probability: object) -> TagScore:
    if not isinstance(place, int) or place < 0 or not isinstance(probability, int | float) or not 0 <= probability <= 1:
        raise ValueError
    return TagScore(place, float(probability))


def _key(path: Path) -> str | None:
    try:
        mark = mark_of(path)
    except (OSError, ValueError):
        return None
    # A name of bytes that are no UTF-8 is no text of SQLite.
    return repr(mark).encode("utf-8", "backslashreplace").decode() if mark.is_settled else None


def _opened(path: Path) -> sqlite3.Connection | None:
    if path.exists() and not path.is_file():
        return None
    for _ in range(2):
        connection: sqlite3.Connection | None = None
        try:
            make_private_folder(path.parent)
            connection = sqlite3.connect(path, timeout=1.0)
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_TABLE)
            connection.execute("SELECT tagger, picture, tags FROM score LIMIT 1").fetchone()
            return connection
        # An error of SQLite may quote a name of bytes that are no text.
        except (sqlite3.Error, OSError, UnicodeError) as error:
            if connection is not None:
                connection.close()
            # Locked, or in a folder that is read-only: it is for others.
            if isinstance(error, OSError) or (
                isinstance(error, sqlite3.OperationalError) and "no such" not in str(error)
            ):
                return None
            with contextlib.suppress(OSError):
                path.unlink()
    return None
