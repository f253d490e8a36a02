"""The pictures of an index in memory, column by column, so that any query over a hundred thousand takes milliseconds."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trainer.data_index.picture_rows import USES
from trainer.data_index.record import NearDuplicates, PictureQuery, RowFaultKey, SortKey, TagCount
from trainer.data_index.row_faults import BLURRED, SMALL, UPSCALED
from trainer.dataset.picture_hash import groups_of, near_pairs

# Answers that are kept: a hundred kilobytes each for a hundred thousand pictures.
_QUERIES = 16

Chosen = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Amounts = NDArray[np.float64]

READ = (
    "SELECT picture.id, picture.file, place, folder, use, repeats, shown, excluded, picture.width, picture.height,"
    " caption_file IS NOT NULL, tags, tokens, unusable IS NOT NULL, resized_width, resized_height,"
    " hash, sharpness, detail, broken IS NOT NULL, bucket_group, bucket_width, bucket_height"
    " FROM picture JOIN file ON file.id = picture.file WHERE data_set = ? ORDER BY place"
)
"""What the columns are made of."""

READ_PIXELS = "SELECT id, hash, sharpness, detail, broken IS NOT NULL FROM file WHERE generation > ?"
"""What pixels say of the files that were looked at since a generation."""

READ_TEXTS = "SELECT name, caption FROM picture WHERE data_set = ? ORDER BY place"
"""What text is looked for in."""


@dataclass(frozen=True)
class _FaultRule:
    """When a fault is found, by the columns."""

    key: RowFaultKey
    chosen: Chosen


class PictureColumns:
    """The pictures of one data set. Any number of threads may ask at once: nothing but what is remembered of answers ever changes.

    Args:
        rows: from READ.
        tags: number -> tag.
    """

    def __init__(self, rows: Sequence[tuple[Any, ...]], tags: dict[int, str]) -> None:
        columns = list(zip(*rows, strict=True)) if rows else [()] * 23
        self.ids = _whole(columns[0])
        self._files = _whole(columns[1])
        self._by_file = np.argsort(self._files, kind="stable")
        names = list(dict.fromkeys(columns[3]))
        numbers = {name: number for number, name in enumerate(names)}
        self.folders: tuple[str, ...] = tuple(name.decode("utf-8", "surrogateescape") for name in names)
        self._folder = _whole([numbers[name] for name in columns[3]])
        self._use, self._repeats, self._shown = _whole(columns[4]), _whole(columns[5]), _whole(columns[6])
        self._excluded = _whole(columns[7]) > 0
        width, height = _whole(columns[8]), _whole(columns[9])
        self._pixels = width * height
        self._captioned = _whole(columns[10]) > 0
        self._tokens = _amounts(columns[12])
        self._unusable = _whole(columns[13]) > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            self._enlarged = np.maximum(_amounts(columns[14]) / width, _amounts(columns[15]) / height)
        self._has_hash = np.array([value is not None for value in columns[16]], bool)
        self._hash = _whole([value or 0 for value in columns[16]]).view(np.uint64)
        self._sharpness, self._detail = _amounts(columns[17]), _amounts(columns[18])
        self._broken = _whole(columns[19]) > 0
        self._bucket = np.stack([_whole([value or 0 for value in columns[number]]) for number in (20, 21, 22)])
        self._by_id = np.argsort(self.ids, kind="stable")
        self.tag_names = tags
        lengths = np.array([len(content) // 4 for content in columns[11]], np.int64)
        content = b"".join(columns[11])
        self._tags = np.frombuffer(content, "<u4").astype(np.int32) if content else np.zeros(0, np.int32)
        self._tagged = np.repeat(np.arange(len(rows)), lengths)
        self._orders: dict[tuple[SortKey, bool], Numbers] = {}
        self._near: dict[int, tuple[list[NearDuplicates], Chosen]] = {}
        self._found: OrderedDict[PictureQuery, Chosen] = OrderedDict()
        self._finding = threading.Lock()
        self._texts: list[str] | None = None
        self._spellings: dict[str, list[int]] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def with_pixels(self, rows: Iterable[tuple[Any, ...]]) -> Self:
        """Return the same pictures with what pixels say of files that were looked at; rows from READ_PIXELS."""
        found = [(file, *rest) for file, *rest in rows]
        if not found or not len(self):
            return self
        files = _whole([row[0] for row in found])
        first = np.searchsorted(self._files, files, "left", sorter=self._by_file)
        last = np.searchsorted(self._files, files, "right", sorter=self._by_file)
        newer = copy(self)
        newer._has_hash, newer._hash, newer._broken = self._has_hash.copy(), self._hash.copy(), self._broken.copy()
        newer._sharpness, newer._detail = self._sharpness.copy(), self._detail.copy()
        for (_, picture_hash, sharpness, detail, broken), start, end in zip(found, first, last, strict=True):
            for place in self._by_file[start:end]:
                newer._has_hash[place] = picture_hash is not None
                newer._hash[place] = np.int64(picture_hash or 0).astype(np.uint64)
                newer._sharpness[place] = np.nan if sharpness is None else sharpness
                newer._detail[place] = np.nan if detail is None else detail
                newer._broken[place] = bool(broken)
        orders = dict(self._orders)
        newer._orders = {key: order for key, order in orders.items() if key[0] not in ("sharpness", "detail")}
        newer._near, newer._found, newer._finding = {}, OrderedDict(), threading.Lock()
        return newer

    @property
    def needs_texts(self) -> bool:
        """Whether text cannot be looked for before `set_texts`."""
        return self._texts is None

    def set_texts(self, rows: Iterable[tuple[bytes, str]]) -> None:
        """Take over the names and captions, rows from READ_TEXTS."""
        self._texts = [f"{name.decode('utf-8', 'replace')}\n{caption}".casefold() for name, caption in rows]

    def count(self, query: PictureQuery) -> int:
        """Return how many pictures a query finds."""
        return int(np.count_nonzero(self._chosen(query)))

    def shown(self, query: PictureQuery) -> int:
        """Return how many times an epoch shows the pictures that a query finds."""
        return int(self._shown[self._chosen(query)].sum())

    def select(self, query: PictureQuery) -> list[int]:
        """Return the pictures that a query finds, in its order."""
        chosen, order = self._chosen(query), self._order(query.sort, descending=query.descending)
        found: list[int] = self.ids[order[chosen[order]]].tolist()
        return found

    def tag_counts(self, query: PictureQuery) -> list[TagCount]:
        """Return the tags of the pictures that a query finds, the most frequent first."""
        chosen = self._chosen(query)[self._tagged]
        tags, shown = self._tags[chosen], self._shown[self._tagged[chosen]]
        size = int(self._tags.max()) + 1 if len(self._tags) else 1
        pictures = np.bincount(tags, minlength=size)
        times = np.bincount(tags, weights=shown, minlength=size).astype(np.int64)
        there = np.flatnonzero(pictures)
        there = there[np.argsort(-pictures[there], kind="stable")]
        found = [TagCount(self.tag_names.get(tag, ""), int(pictures[tag]), int(times[tag])) for tag in there.tolist()]
        return sorted((each for each in found if each.tag), key=lambda each: (-each.pictures, each.tag))

    def near_duplicates(self, distance: int) -> list[NearDuplicates]:
        """Return groups of pictures whose hashes differ in at most `distance` bits."""
        return self._duplicates(distance)[0]

    def shown_in(self, group: int, size: tuple[int, int]) -> tuple[int, ...]:
        """Return the pictures of a bucket that an epoch shows."""
        inside = (self._bucket == np.array([[group], [size[0]], [size[1]]])).all(axis=0) & (self._shown > 0)
        return tuple(self.ids[inside].tolist())

    def faults_of(self) -> dict[RowFaultKey, int]:
        """Return how many pictures have each fault, of those that are not left out."""
        return {rule.key: int(np.count_nonzero(rule.chosen & ~self._excluded)) for rule in self._rules()}

    def fault_keys(self, ids: Sequence[int]) -> dict[int, list[RowFaultKey]]:
        """Return which faults these pictures have."""
        places = self._places(ids)
        rules = self._rules()
        return {int(self.ids[place]): [rule.key for rule in rules if rule.chosen[place]] for place in places.tolist()}

    def looked_at(self) -> int:
        """Return of how many pictures it is known what their pixels say."""
        return int(np.count_nonzero(~np.isnan(self._sharpness) | self._broken))

    def _chosen(self, query: PictureQuery) -> Chosen:
        """Return which pictures a query finds; what was asked for lately is known."""
        plain = replace(query, sort="name", descending=False)
        with self._finding:
            chosen = self._found.get(plain)
        if chosen is None:
            chosen = self._search(plain)
        with self._finding:
            self._found[plain] = chosen
            self._found.move_to_end(plain)
            while len(self._found) > _QUERIES:
                self._found.popitem(last=False)
        return chosen

    def _search(self, query: PictureQuery) -> Chosen:
        chosen = np.ones(len(self), bool)
        if query.folder is not None:
            known = query.folder in self.folders
            chosen &= self._folder == self.folders.index(query.folder) if known else False
        if query.use is not None:
            chosen &= self._use == USES.index(query.use)
        if query.excluded is not None:
            chosen &= self._excluded == query.excluded
        if query.without_caption:
            chosen &= ~self._captioned & ~self._unusable
        for tag in query.with_tags:
            chosen &= self._has_tag(tag)
        for tag in query.without_tags:
            chosen &= ~self._has_tag(tag)
        if query.fault is not None:
            rules = [rule.chosen for rule in self._rules() if query.fault in (rule.key, "any")]
            chosen &= np.logical_or.reduce(rules)
        if query.near_duplicates:
            chosen &= self._duplicates(4)[1]
        # The longest word is the rarest.
        for word in sorted(set(query.text.casefold().split()), key=len, reverse=True):
            self._narrow(chosen, word)
        return chosen

    def _places(self, ids: Sequence[int]) -> Numbers:
        """Return the places of pictures in the order, of those that are there."""
        wanted = _whole(ids)
        if not len(self):
            return wanted[:0]
        near = np.minimum(np.searchsorted(self.ids, wanted, sorter=self._by_id), len(self) - 1)
        places: Numbers = self._by_id[near]
        there: Numbers = places[self.ids[places] == wanted]
        return there

    def _narrow(self, chosen: Chosen, word: str) -> None:
        """Leave of the chosen pictures those that have a word in their name or caption."""
        assert self._texts is not None
        texts = self._texts
        places = np.flatnonzero(chosen)
        chosen[places] = [word in texts[place] for place in places.tolist()]

    def _has_tag(self, tag: str) -> Chosen:
        """Return which pictures carry a tag, in any case, with blanks or underscores."""
        wanted = _folded(tag)
        if self._spellings is None:
            self._spellings = {}
            for number, name in self.tag_names.items():
                self._spellings.setdefault(_folded(name), []).append(number)
        found = np.zeros(len(self), bool)
        for number in self._spellings.get(wanted, []):
            found[self._tagged[self._tags == number]] = True
        return found

    def _rules(self) -> tuple[_FaultRule, ...]:
        with np.errstate(invalid="ignore"):
            return (
                _FaultRule("unusable", self._unusable),
                _FaultRule("undecodable", self._broken & ~self._unusable),
                _FaultRule("small", self._enlarged > SMALL),
                _FaultRule("blurred", self._sharpness < BLURRED),
                _FaultRule("upscaled", self._detail < UPSCALED),
            )

    def _order(self, key: SortKey, *, descending: bool) -> Numbers:
        if (key, descending) not in self._orders:
            values = self._values(key)
            # What is not known, NaN, is sorted last either way, and equal ones stay in the order of the data.
            self._orders[key, descending] = np.argsort(-values if descending else values, kind="stable")
        return self._orders[key, descending]

    def _values(self, key: SortKey) -> Amounts:
        columns: dict[SortKey, NDArray[Any]] = {
            "name": np.arange(len(self)),
            "folder": self._folder,
            "size": np.where(self._pixels > 0, self._pixels.astype(np.float64), np.nan),
            "tokens": self._tokens,
            "sharpness": self._sharpness,
            "detail": self._detail,
            "repeats": self._repeats,
            "enlarged": self._enlarged,
        }
        return columns[key].astype(np.float64)

    def _duplicates(self, distance: int) -> tuple[list[NearDuplicates], Chosen]:
        if distance not in self._near:
            # A file that is read twice is no duplicate of itself, and one that is left out is none any more.
            places = self._by_file[np.diff(self._files[self._by_file], prepend=-1) != 0]
            places = np.sort(places[self._has_hash[places] & ~self._excluded[places]])
            pairs, apart = near_pairs(self._hash[places], distance)
            pairs = places[pairs]
            self._near[distance] = _grouped(self, pairs, apart)
        return self._near[distance]

    def folder_of(self, place: int) -> str:
        """Return the folder of the picture at a place of the order."""
        return self.folders[int(self._folder[place])]


def _grouped(columns: PictureColumns, pairs: Numbers, apart: NDArray[np.uint8]) -> tuple[list[NearDuplicates], Chosen]:
    """Return the groups that pairs of places make, by the place of their first picture, and which places belong to one."""
    inside = np.zeros(len(columns), bool)
    if not len(pairs):
        return [], inside
    inside[pairs.ravel()] = True
    labels = groups_of(len(columns), pairs)
    furthest = np.zeros(len(columns), np.int64)
    np.maximum.at(furthest, labels[pairs[:, 0]], apart.astype(np.int64))
    members = np.flatnonzero(inside)
    members = members[np.argsort(labels[members], kind="stable")]
    starts = np.flatnonzero(np.diff(labels[members], prepend=-1))
    groups = []
    for group in np.split(members, starts[1:]):
        folders = tuple(dict.fromkeys(columns.folder_of(place) for place in group.tolist()))
        groups.append(NearDuplicates(tuple(columns.ids[group].tolist()), int(furthest[labels[group[0]]]), folders))
    return groups, inside


def _folded(tag: str) -> str:
    return tag.casefold().replace("_", " ")


def _whole(values: Sequence[Any]) -> Numbers:
    return np.array(values, np.int64)


def _amounts(values: Sequence[Any]) -> Amounts:
    return np.array([np.nan if value is None else value for value in values], np.float64)
