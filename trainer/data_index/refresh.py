"""Bringing an index up to date: what has changed is measured, read, listed and decoded, in pieces that are kept."""

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from trainer.data_index.database import DATA_SETS, PIXELS, ROWS, IndexFile
from trainer.data_index.folder_state import FileState, FolderState, folder_state
from trainer.data_index.picture_rows import COLUMNS, Row, RowMaker, bars_of, listed_rows, raw, tokenizer_name, unraw
from trainer.data_index.pixel_facts import pixel_facts
from trainer.data_index.record import IndexRefresh, PixelFacts
from trainer.dataset.cut_captions import Tokens
from trainer.dataset.picture_file import UnreadablePicture, keep_sizes, picture_kind, picture_size
from trainer.dataset.read import read_data, read_validation
from trainer.dataset.records import DataSet
from trainer.settings.describe import fields
from trainer.settings.model import Settings

Progress = Callable[[str, int, int], object]
"""Takes what is done, how many are done, and of how many."""

MEASURING, READING, LISTING, LOOKING = (
    "measuring pictures",
    "reading captions",
    "listing pictures",
    "looking at pictures",
)
"""The stages."""

# Files of one transaction: what a killed process loses at most.
_PIECE = 512
# Data sets that are kept; the longest unused goes first.
_KEPT = 16
_MAX_FILES = 1_000_000
# Tags beyond twice those that pictures had when they were last counted.
_MORE_TAGS = 20_000
_TAGS_KEPT = "tags kept"
# Not every picture is worth a line of progress.
_SHOWN_EACH = 64

_NEW_FILE = """
INSERT INTO file (path, size, modified, changed, inode, width, height, kind, generation) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET size = excluded.size, modified = excluded.modified, changed = excluded.changed,
    inode = excluded.inode, width = excluded.width, height = excluded.height, kind = excluded.kind,
    looked = 0, hash = NULL, sharpness = NULL, detail = NULL, broken = NULL, generation = excluded.generation
"""
_LOOKED = """
UPDATE file SET looked = ?, hash = ?, sharpness = ?, detail = ?, broken = ?, generation = ? WHERE id = ?
"""

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


class _Stopped(Exception):
    """`stop` turned true."""


def place_of(settings: Settings) -> str:
    """Return what tells one data set of the index from another: the folders that settings name."""
    names = ("train_data_dir", "reg_data_dir", "dataset_config", "validation_data_dir")
    # A data set file stands in place of the two folders.
    chosen = names[2:] if settings.dataset_config else names
    return json.dumps({name: str(getattr(settings, name)) for name in chosen if getattr(settings, name)})


def details_of(settings: Settings) -> str:
    """Return a hash of everything that decides what is read, but for the files themselves."""
    values = {info.name: getattr(settings, info.name) for info in fields() if info.section == "Data"}
    return hashlib.blake2b(
        json.dumps(values, sort_keys=True).encode("utf-8", "surrogateescape"), digest_size=16
    ).hexdigest()


def data_set_number(file: IndexFile, place: str) -> int | None:
    """Return the number of the data set at a place, None where it was never looked at."""
    found = file.rows("SELECT id FROM data_set WHERE place = ?", (place,))
    return int(found[0][0]) if found else None


class Refresh:
    """One refresh of an index by the process that holds its lock.

    Args:
        file: the index.
        settings: with every path filled in.
        tokens: as the base reads captions, None where that is not known.
        show: takes the stage and how far it is.
        stop: asked between two pictures.
    """

    def __init__(
        self, file: IndexFile, settings: Settings, tokens: Tokens | None, show: Progress, stop: Callable[[], bool]
    ) -> None:
        self._file, self._settings, self._tokens, self._show, self._stop = file, settings, tokens, show, stop
        self._added = self._changed = self._removed = self._decoded = 0
        self._number: int | None = None

    def run(self, *, pixels: bool) -> IndexRefresh:
        """Do it.

        Raises:
            DatasetError, SettingsError: as read_data.
            WorkspaceError: the index cannot be written.
        """
        try:
            state = folder_state(self._settings)
            self._measure(state.files)
            self._number = self._listed(state)
            if pixels:
                self._look(state.files)
        except _Stopped:
            return self._done(stopped=True)
        return self._done(stopped=False)

    def _done(self, *, stopped: bool) -> IndexRefresh:
        number = self._number if self._number is not None else data_set_number(self._file, place_of(self._settings))
        counted = self._file.rows(
            "SELECT count(*), count(CASE WHEN looked = 0 AND unusable IS NULL THEN 1 END) FROM picture"
            " JOIN file ON file.id = picture.file WHERE data_set = ?",
            (number,),
        )
        pictures, unlooked = counted[0] if counted else (0, 0)
        return IndexRefresh(
            int(pictures), self._added, self._changed, self._removed, self._decoded, int(unlooked), stopped
        )

    def _measure(self, files: Mapping[str, FileState]) -> None:
        """Measure the files that are new or have changed; what is known of the others is handed on, so that nothing reads them."""
        known: dict[str, Any] = {}
        same = {}
        for path, *mark, width, height, kind in self._file.rows(
            "SELECT path, size, modified, changed, inode, width, height, kind FROM file"
        ):
            text = unraw(path)
            known[text] = tuple(mark)
            if files.get(text) == tuple(mark) and width:
                same[text, mark[2], mark[0]] = (width, height, kind)
        keep_sizes(same)
        changed = [path for path, state in files.items() if known.get(path) != state]
        for piece in self._in_pieces(MEASURING, changed, _measured):
            with self._file.changing(PIXELS) as (connection, generation):
                rows = [(raw(path), *files[path], *size, generation) for path, size in piece]
                connection.executemany(_NEW_FILE, rows)

    def _listed(self, state: FolderState) -> int:
        """Read the data and list them, unless nothing has changed since; return the number of the data set."""
        place = place_of(self._settings)
        details = f"{details_of(self._settings)} {state.asked.config} {tokenizer_name(self._tokens)}"
        found = self._file.rows("SELECT id, details, snapshot FROM data_set WHERE place = ?", (place,))
        if found and found[0][1:] == (details, state.snapshot) and state.snapshot:
            return int(found[0][0])
        data, validation = self._read(len(state.files))
        number = int(found[0][0]) if found else self._new_data_set(place)
        before = self._before(number)
        rows, tags = self._rows(data, validation, state, before)
        self._write(number, rows, tags, before)
        bars = [
            (use.group, *use.size, pictures, use.pictures, use.batch_size, use.batches, use.last, use.dropped)
            for use, pictures in bars_of(data)
        ]
        folders = [[source.name, str(source.path), source.repeats] for source in state.sources]
        with self._file.changing(DATA_SETS) as (connection, _):
            connection.execute(
                "UPDATE data_set SET details = ?, snapshot = ?, folders = ?, bars = ?, used = ? WHERE id = ?",
                (details, state.snapshot, json.dumps(folders), json.dumps(bars), time.time(), number),
            )
            self._forget(connection)
        return number

    def _read(self, total: int) -> tuple[DataSet, DataSet | None]:
        def show(done: int) -> None:
            if done % _SHOWN_EACH == 0:
                self._report(READING, done, total)

        data = read_data(self._settings, refuse=False, show=show)
        own = bool(self._settings.validation_data_dir)
        return data, read_validation(self._settings, data, refuse=False) if own else None

    def _new_data_set(self, place: str) -> int:
        with self._file.changing(ROWS) as (connection, _):
            made = connection.execute(
                "INSERT INTO data_set (place, details, snapshot, folders, bars, used) VALUES (?, '', '', '[]', '[]', ?)",
                (place, time.time()),
            )
            return int(made.lastrowid or 0)

    def _rows(
        self, data: DataSet, validation: DataSet | None, state: FolderState, before: Mapping[tuple[int, int], Row]
    ) -> tuple[list[Row], dict[str, int]]:
        """Return the rows that the data give, and the number of every tag."""
        numbers = {unraw(path): int(file) for path, file in self._file.rows("SELECT path, id FROM file")}
        tags = {str(text): int(tag) for text, tag in self._file.rows("SELECT text, id FROM tag")}
        endings = {source.name: next(iter(source.options.extensions), ".txt") for source in state.sources}
        maker = RowMaker(numbers, endings, tags, self._tokens)
        rows: list[Row] = []
        listed = listed_rows(data, validation, state.sources, state.renamed)
        for place, each in enumerate(listed):
            if place % _SHOWN_EACH == 0:
                self._report(LISTING, place, len(listed))
            row = maker.row(each, place, before)
            if row is not None:
                rows.append(row)
        return rows, tags

    def _before(self, number: int) -> dict[tuple[int, int], Row]:
        found = self._file.rows(f"SELECT {', '.join(COLUMNS)} FROM picture WHERE data_set = ?", (number,))
        return {(row[0], row[1]): row for row in found}

    def _write(
        self, number: int, rows: Sequence[Row], tags: Mapping[str, int], before: Mapping[tuple[int, int], Row]
    ) -> None:
        """Write the rows that differ from those before, all at once: a list is never half old and half new."""
        now = {(row[0], row[1]): row for row in rows}
        added = [row for key, row in now.items() if key not in before]
        changed = [row for key, row in now.items() if key in before and before[key] != row]
        removed = [key for key in before if key not in now]
        self._added, self._removed = len(added), len(removed)
        # Whoever only moved up in the list has not changed.
        self._changed = sum(row[3:] != before[row[0], row[1]][3:] for row in changed)
        marks = ", ".join("?" * (len(COLUMNS) + 1))
        if not (added or changed or removed):
            return
        with self._file.changing(ROWS) as (connection, _):
            connection.executemany("INSERT OR IGNORE INTO tag (text, id) VALUES (?, ?)", tags.items())
            connection.executemany(
                f"INSERT INTO picture (data_set, {', '.join(COLUMNS)}) VALUES ({marks})",
                [(number, *row) for row in added],
            )
            assigned = ", ".join(f"{name} = ?" for name in COLUMNS[2:])
            connection.executemany(
                f"UPDATE picture SET {assigned} WHERE data_set = ? AND file = ? AND part = ?",
                [(*row[2:], number, *row[:2]) for row in changed],
            )
            connection.executemany(
                "DELETE FROM picture WHERE data_set = ? AND file = ? AND part = ?", [(number, *key) for key in removed]
            )
            _forget_tags(connection)

    def _forget(self, connection: sqlite3.Connection) -> None:
        """Drop the data sets that were not looked at for longest, and of very many files those of none."""
        connection.execute(
            "DELETE FROM data_set WHERE id NOT IN (SELECT id FROM data_set ORDER BY used DESC LIMIT ?)", (_KEPT,)
        )
        connection.execute("DELETE FROM picture WHERE data_set NOT IN (SELECT id FROM data_set)")
        (files,) = connection.execute("SELECT count(*) FROM file").fetchone()
        if files > _MAX_FILES:
            connection.execute("DELETE FROM file WHERE id NOT IN (SELECT file FROM picture)")

    def _look(self, files: Mapping[str, FileState]) -> None:
        """Look at the pixels of what has not been looked at, in the order of the data."""
        waiting = [
            (int(file), unraw(path))
            for file, path in self._file.rows(
                "SELECT file.id, path FROM file JOIN picture ON picture.file = file.id"
                " WHERE data_set = ? AND looked = 0 AND file.width > 0 GROUP BY file.id ORDER BY min(place)",
                (self._number,),
            )
        ]
        for piece in self._in_pieces(LOOKING, [each for each in waiting if each[1] in files], _looked_at):
            with self._file.changing(PIXELS) as (connection, generation):
                connection.executemany(_LOOKED, [(*values, generation, file) for file, values in piece])
            self._decoded += len(piece)

    def _in_pieces(self, stage: str, items: Sequence[_Item], make: Callable[[_Item], _Made]) -> Iterator[list[_Made]]:
        """Yield what `make` gives for each of the items, made in threads, piece by piece.

        Raises:
            _Stopped: `stop` turned true; what is finished of a piece is yielded before.
        """
        workers = min(8, os.cpu_count() or 1)

        def unless_stopped(item: _Item) -> _Made | None:
            return None if self._stop() else make(item)

        done = 0
        with ThreadPoolExecutor(workers, thread_name_prefix="data index") as pool:
            for start in range(0, len(items), _PIECE):
                made: list[_Made] = []
                for each in pool.map(unless_stopped, items[start : start + _PIECE]):
                    done += 1
                    self._show(stage, done, len(items))
                    if each is not None:
                        made.append(each)
                if made:
                    yield made
                if self._stop():
                    raise _Stopped

    def _report(self, stage: str, done: int, total: int) -> None:
        if self._stop():
            raise _Stopped
        self._show(stage, done, total)


def _forget_tags(connection: sqlite3.Connection) -> None:
    """Drop the tags that no picture has any more, once they may be most: each sentence that was edited has left one."""
    (known,) = connection.execute("SELECT count(*) FROM tag").fetchone()
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (_TAGS_KEPT,)).fetchone()
    if known <= 2 * (found[0] if found else 0) + _MORE_TAGS:
        return
    rows = connection.execute("SELECT tags FROM picture").fetchall()
    used = set(np.frombuffer(b"".join(content for (content,) in rows), "<u4").tolist())
    # The last number stays: it is not given again to another tag, under the eyes of who reads the rows now.
    every = [number for (number,) in connection.execute("SELECT id FROM tag ORDER BY id")][:-1]
    connection.executemany("DELETE FROM tag WHERE id = ?", [(number,) for number in every if number not in used])
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_TAGS_KEPT, len(used)))


def _measured(path: str) -> tuple[str, tuple[int, int, str]]:
    """Return width, height and kind of a picture, 0 × 0 where it cannot be read, with its path."""
    try:
        size, kind = picture_size(Path(path)), picture_kind(Path(path))
    except UnreadablePicture:
        return path, (0, 0, "")
    return path, (*size, kind)


def _looked_at(file: tuple[int, str]) -> tuple[int, tuple[Any, ...]]:
    """Return the columns `looked` to `broken` of a file, with its number."""
    number, path = file
    try:
        facts = pixel_facts(Path(path))
    except UnreadablePicture as reason:
        return number, (1, None, None, None, str(reason))
    return number, (1, *_values(facts), None)


def _values(facts: PixelFacts | None) -> tuple[int | None, float | None, float | None]:
    if facts is None:
        return None, None, None
    signed = facts.picture_hash
    if signed is not None and signed >= 2**63:
        # SQLite's whole numbers have a sign.
        signed -= 2**64
    return signed, facts.sharpness, facts.detail
