"""The index of every picture that settings read."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from trainer.data_index.columns import READ, READ_PIXELS, READ_TAGS, READ_TEXTS, PictureColumns
from trainer.data_index.database import FileGenerations, IndexFile
from trainer.data_index.kept_columns import ColumnsRead, KeptColumns
from trainer.data_index.picture_rows import USES, bars_of, unraw
from trainer.data_index.record import (
    BucketBar,
    IndexedPicture,
    IndexRefresh,
    NearDuplicates,
    PictureQuery,
    PixelFacts,
    RowFaultKey,
    TagCount,
)
from trainer.data_index.refresh import Progress, Refresh, data_set_number, details_of, place_of
from trainer.data_index.row_faults import faults_of
from trainer.dataset.cut_captions import Tokens
from trainer.dataset.picture_file import keep_sizes
from trainer.dataset.read import read_data
from trainer.errors import WorkspaceError
from trainer.settings.model import Settings
from trainer.workspace import Workspace

_EVERYTHING = PictureQuery()
# What reading values raises that are not as they were written.
_NO_SENSE = (TypeError, ValueError, OverflowError, AttributeError, LookupError)
# Rows of one statement: SQLite takes 32,766 values.
_AT_ONCE = 10_000

_PICTURE = """
SELECT picture.id, path, name, folder, use, repeats, picture.width, picture.height, size, caption, caption_file, caption_place, tags,
    tokens, mask, excluded, bucket_width, bucket_height, resized_width, resized_height, crop_left, crop_top, unusable,
    looked, hash, sharpness, detail, broken
FROM picture JOIN file ON file.id = picture.file WHERE picture.id IN ({marks})
"""

_SIZES = """
SELECT path, size, changed, file.width, file.height, kind FROM file
WHERE file.width > 0 AND id IN (SELECT file FROM picture WHERE data_set = ?)
"""


class DataIndex:
    """The index of a workspace, `cache/data-index.sqlite`: found again in a moment, made again where it is missing.

    Any thread may ask it, one at a time; another process may bring it up to date meanwhile.

    Args:
        workspace: whose cache it lies in; None, or one that cannot be written, for the user's own cache.
        kept: keeps what was read once the index is closed, and has what was read before; None keeps nothing.
    """

    def __init__(self, workspace: Workspace | None, kept: KeptColumns | None = None) -> None:
        self._file = IndexFile(workspace)
        self._place = ""
        self._last: ColumnsRead | None = None
        self._kept = kept or KeptColumns()

    def __enter__(self) -> Self:
        """Return the index, closed when the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    @property
    def path(self) -> Path:
        """Its file, which may be deleted at any time."""
        return self._file.path

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._last = None

    def recall(self, settings: Settings) -> bool:
        """Show what is known of these settings' folders from before, without looking at them; return whether anything is.

        Args:
            settings: with every path filled in (`settings.subject.resolve`).
        """
        self._place = place_of(settings)
        return len(self._view()) > 0

    def refresh(
        self,
        settings: Settings,
        *,
        tokens: Tokens | None = None,
        show: Progress = lambda stage, done, total: None,
        stop: Callable[[], bool] = lambda: False,
        pixels: bool = True,
    ) -> IndexRefresh:
        """Bring the index up to date with the folders; what is unchanged is not read. Afterwards it shows these settings.

        Args:
            settings: with every path filled in.
            tokens: as the base reads captions (`Base.tokens`); None where that is not known.
            show: takes the stage and how far it is.
            stop: asked between two pictures; what was done before it turned true is kept.
            pixels: whether the pixels of changed pictures are looked at as well.

        Raises:
            DatasetError, SettingsError: as read_data, but for files that cannot be used: these are rows with a fault.
            WorkspaceError: the index cannot be written.
        """
        lock = self._file.writer()
        if lock is None:
            self.recall(settings)
            return IndexRefresh(len(self._view()), elsewhere=True)
        with lock:
            refresh = partial(self._refreshed, settings, tokens, show, stop, pixels=pixels)
            replaced = self._file.replaced
            try:
                done = refresh()
            except (WorkspaceError, *_NO_SENSE):
                if self._file.replaced == replaced:
                    raise
                # It was damaged, and is empty now.
                done = refresh()
        # Read when it is asked for: who looks for changes need not be who shows them.
        self._place = place_of(settings)
        return done

    def _refreshed(
        self, settings: Settings, tokens: Tokens | None, show: Progress, stop: Callable[[], bool], *, pixels: bool
    ) -> IndexRefresh:
        with self._making_sense():
            return Refresh(self._file, settings, tokens, show, stop).run(pixels=pixels)

    def hand_on_sizes(self) -> None:
        """Have whoever reads the data open none of their pictures for its size that is unchanged since it was measured."""
        self._view()
        with contextlib.suppress(*_NO_SENSE), self._making_sense():
            found = self._file.rows(_SIZES, (self._number,))
            keep_sizes(
                {
                    (unraw(path), int(changed), int(size)): (int(width), int(height), str(kind))
                    for path, size, changed, width, height, kind in found
                }
            )

    def count(self, query: PictureQuery = _EVERYTHING) -> int:
        """Return how many pictures a query finds."""
        return self._for(query).count(query)

    def shown(self, query: PictureQuery = _EVERYTHING) -> int:
        """Return how many times an epoch shows the pictures that a query finds."""
        return self._for(query).shown(query)

    def ids(self, query: PictureQuery = _EVERYTHING) -> Sequence[int]:
        """Return the pictures that a query finds, in its order."""
        return self._for(query).select(query)

    def pictures(self, ids: Sequence[int]) -> list[IndexedPicture]:
        """Return these pictures, in this order; those that are not there any more are left out."""
        columns = self._view()
        keys, tags = columns.fault_keys(ids), columns.tag_names
        found: dict[int, IndexedPicture] = {}
        with contextlib.suppress(*_NO_SENSE), self._making_sense():
            for start in range(0, len(ids), _AT_ONCE):
                part = tuple(map(int, ids[start : start + _AT_ONCE]))
                for row in self._file.rows(_PICTURE.format(marks=", ".join("?" * len(part))), part):
                    found[row[0]] = _picture(row, keys.get(row[0], []), tags)
        return [found[number] for number in ids if number in found]

    def tag_counts(self, query: PictureQuery = _EVERYTHING) -> list[TagCount]:
        """Return the tags of the pictures that a query finds, the most frequent first."""
        return self._for(query).tag_counts(query)

    def folders(self) -> list[str]:
        """Return the names of the folders, in the order of the data."""
        return list(self._view().folders)

    def folder_places(self) -> list[tuple[str, Path, int]]:
        """Return the folders with where they are and their repeats, in the order of the data."""
        self._view()
        found = self._file.rows("SELECT folders FROM data_set WHERE id = ?", (self._number,))
        if not found:
            return []
        with contextlib.suppress(*_NO_SENSE), self._making_sense():
            return [(str(name), Path(path), int(repeats)) for name, path, repeats in json.loads(found[0][0])]
        return []

    def fault_counts(self) -> dict[RowFaultKey, int]:
        """Return how many pictures have each fault, of those that are not left out."""
        return self._view().faults_of()

    def looked_at(self) -> int:
        """Return of how many pictures it is known what their pixels say."""
        return self._view().looked_at()

    def near_duplicates(self, distance: int = 4) -> list[NearDuplicates]:
        """Return groups of pictures whose hashes differ in at most `distance` of 64 bits, across folders.

        Pictures that are left out belong to none.
        """
        return self._view().near_duplicates(distance)

    def buckets(self, settings: Settings) -> list[BucketBar]:
        """Return the buckets of an epoch, as the plan counts them; the data are read where the index is of other settings.

        Args:
            settings: with every path filled in.

        Raises:
            DatasetError, SettingsError: as read_data.
        """
        self.recall(settings)
        known = self._file.rows("SELECT details, bars FROM data_set WHERE id = ?", (self._number,))
        if known and known[0][0].partition(" ")[0] == details_of(settings):
            with contextlib.suppress(*_NO_SENSE), self._making_sense():
                columns = self._view()
                bars = [_bar(values) for values in json.loads(known[0][1])]
                return [replace(bar, ids=columns.shown_in(bar.group, bar.size)) for bar in bars]
        return [
            BucketBar(use.group, use.size, pictures, use.pictures, use.batch_size, use.batches, use.last, use.dropped)
            for use, pictures in bars_of(read_data(settings, refuse=False))
        ]

    def _for(self, query: PictureQuery) -> PictureColumns:
        columns = self._view()
        if query.text.strip() and columns.needs_texts:
            columns.set_texts(self._file.rows(READ_TEXTS, (self._number,)))
        return columns

    @property
    def _number(self) -> int | None:
        """The number of the data set shown."""
        return self._last.number if self._last is not None else None

    def _view(self) -> PictureColumns:
        """Return the columns as the file has them now."""
        now = self._file.generations()
        newest = self._newest(now)
        if newest is None:
            # Two that read at once take more than twice as long: the second one takes what the first one has read.
            with self._kept.reading:
                now = self._file.generations()
                newest = self._newest(now) or self._read(now)
                self._kept.last = newest
        if newest.pixels != now.pixels:
            columns = newest.columns.with_pixels(self._file.rows(READ_PIXELS, (newest.pixels,)))
            newest = replace(newest, columns=columns, pixels=now.pixels)
        self._last = self._kept.last = newest
        return newest.columns

    def _newest(self, now: FileGenerations) -> ColumnsRead | None:
        """Return what was read last of the rows that the file has now; None where nothing was."""
        kept = (self._last, self._kept.last)
        known = [
            each for each in kept if each and (each.made, each.place, each.rows) == (now.made, self._place, now.rows)
        ]
        return max(known, key=lambda each: each.pixels, default=None)

    def _read(self, now: FileGenerations) -> ColumnsRead:
        number, columns = None, PictureColumns()
        with contextlib.suppress(*_NO_SENSE), self._making_sense():
            number = data_set_number(self._file, self._place)
            (tags,), (row,) = self._file.rows(READ_TAGS), self._file.rows(READ, (number,))
            columns = PictureColumns(row, tags)
        return ColumnsRead(now.made, self._place, number, now.rows, now.pixels, columns)

    @contextlib.contextmanager
    def _making_sense(self) -> Iterator[None]:
        """Throw the file away where its values are not those that were written: they are made again."""
        try:
            yield
        except _NO_SENSE:
            self._file.replace()
            self._last = None
            raise


def _picture(row: tuple[Any, ...], keys: Sequence[RowFaultKey], tag_names: dict[int, str]) -> IndexedPicture:
    (
        number, path, name, folder, use, repeats, width, height, size, caption, caption_file, caption_place, tags,
        tokens, mask, excluded, bucket_width, bucket_height, resized_width, resized_height, left, top, unusable,
        looked, picture_hash, sharpness, detail, broken,
    ) = row  # fmt: skip
    where = Path(unraw(path))
    placed = bucket_width is not None
    masked = None if mask is None else unraw(mask)
    picture = IndexedPicture(
        id=number,
        path=where,
        name=unraw(name),
        folder=unraw(folder),
        folder_path=where.parent,
        use=USES[use],
        repeats=repeats,
        width=width,
        height=height,
        bytes=size,
        caption=caption,
        caption_file=None if caption_file is None else Path(unraw(caption_file)),
        caption_place=Path(unraw(caption_place)),
        tags=tuple(tag_names.get(tag, "") for tag in _numbers(tags)),
        tokens=tokens,
        mask="alpha" if masked == "alpha" else None if masked is None else Path(masked),
        excluded=bool(excluded),
        bucket=(bucket_width, bucket_height) if placed else None,
        resized=(resized_width, resized_height) if placed else None,
        crop=(left, top) if placed else None,
        pixels=None
        if not looked or sharpness is None
        else PixelFacts(None if picture_hash is None else picture_hash % 2**64, sharpness, detail),
    )
    return replace(picture, faults=faults_of(picture, keys, unusable or "", broken or ""))


def _numbers(tags: bytes) -> list[int]:
    return [] if not tags else [int(number) for number in np.frombuffer(tags, "<u4")]


def _bar(values: Sequence[int]) -> BucketBar:
    group, width, height, pictures, shown, batch_size, batches, last, dropped = values
    return BucketBar(group, (width, height), pictures, shown, batch_size, batches, last, dropped)
