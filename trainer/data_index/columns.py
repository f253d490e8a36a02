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

# Whole numbers as sixteen hexadecimal digits each, one behind the other, which are read without a look at each: what looks at each
# shares the interpreter with every other thread. Other values make the column as long as no other.
_WHOLE = "group_concat(CASE typeof({0}) WHEN 'integer' THEN printf('%016x', {0}) ELSE 'not a number' END, '')"
_AMOUNT = "group_concat(CASE WHEN {0} IS NULL THEN 'nan' ELSE quote({0}) END)"
_BYTES = "group_concat(hex({0}))"
_MISSING = -1
_OF_EACH = {
    "id": _WHOLE.format("picture.id"),
    "file": _WHOLE.format("picture.file"),
    "place": _WHOLE.format("place"),
    "folder": _BYTES.format("folder"),
    "use": _WHOLE.format("use"),
    "repeats": _WHOLE.format("repeats"),
    "shown": _WHOLE.format("shown"),
    "excluded": _WHOLE.format("excluded"),
    "width": _WHOLE.format("picture.width"),
    "height": _WHOLE.format("picture.height"),
    "captioned": _WHOLE.format("(caption_file IS NOT NULL)"),
    "tags": _BYTES.format("tags"),
    "tokens": _WHOLE.format(f"ifnull(tokens, {_MISSING})"),
    "unusable": _WHOLE.format("(unusable IS NOT NULL)"),
    "resized_width": _WHOLE.format(f"ifnull(resized_width, {_MISSING})"),
    "resized_height": _WHOLE.format(f"ifnull(resized_height, {_MISSING})"),
    "has_hash": _WHOLE.format("(hash IS NOT NULL)"),
    "hash": _WHOLE.format("ifnull(hash, 0)"),
    "sharpness": _AMOUNT.format("sharpness"),
    "detail": _AMOUNT.format("detail"),
    "broken": _WHOLE.format("(broken IS NOT NULL)"),
    "bucket_group": _WHOLE.format("bucket_group"),
    "bucket_width": _WHOLE.format("ifnull(bucket_width, 0)"),
    "bucket_height": _WHOLE.format("ifnull(bucket_height, 0)"),
}

READ = f"SELECT count(*), {', '.join(_OF_EACH.values())} FROM picture JOIN file ON file.id = picture.file WHERE data_set = ?"
"""What the columns are made of, in one row: between two rows every other thread of the program would have its turn."""

READ_TAGS = f"SELECT count(*), {_WHOLE.format('id')}, {_BYTES.format('text')} FROM tag"
"""The tags, in one row as well."""

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
        row: from READ; None for no picture.
        tags: from READ_TAGS; None for none.

    Raises:
        ValueError: a value is not of its kind.
    """

    def __init__(self, row: Sequence[Any] | None = None, tags: Sequence[Any] | None = None) -> None:
        count, texts = _texts(row, len(_OF_EACH))
        by_name = dict(zip(_OF_EACH, texts, strict=True))
        place = np.argsort(_whole_numbers(by_name["place"], count), kind="stable")
        in_order = place.tolist()

        def whole(name: str) -> Numbers:
            return _whole_numbers(by_name[name], count)[place]

        def amounts(name: str) -> Amounts:
            return np.array([float(amount) for amount in _parts(by_name[name], count)], np.float64)[place]

        def words(name: str) -> list[str]:
            parted = _parts(by_name[name], count)
            return [parted[at] for at in in_order]

        self.ids, self._files = whole("id"), whole("file")
        self._by_file = np.argsort(self._files, kind="stable")
        folders = words("folder")
        names = list(dict.fromkeys(folders))
        numbers = {name: number for number, name in enumerate(names)}
        self.folders: tuple[str, ...] = tuple(bytes.fromhex(name).decode("utf-8", "surrogateescape") for name in names)
        self._folder = _whole([numbers[name] for name in folders])
        self._use, self._repeats, self._shown = whole("use"), whole("repeats"), whole("shown")
        self._excluded = whole("excluded") > 0
        width, height = whole("width"), whole("height")
        self._pixels = width * height
        self._captioned = whole("captioned") > 0
        self._tokens = _or_nan(whole("tokens"))
        self._unusable = whole("unusable") > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            self._enlarged = np.maximum(
                _or_nan(whole("resized_width")) / width, _or_nan(whole("resized_height")) / height
            )
        self._has_hash = whole("has_hash") > 0
        self._hash = whole("hash").view(np.uint64)
        self._sharpness, self._detail = amounts("sharpness"), amounts("detail")
        self._broken = whole("broken") > 0
        self._bucket = np.stack([whole(f"bucket_{name}") for name in ("group", "width", "height")])
        self._by_id = np.argsort(self.ids, kind="stable")
        known, (numbered, named) = _texts(tags, 2)
        tag_texts = [bytes.fromhex(text).decode("utf-8") for text in _parts(named, known)]
        self.tag_names = dict(zip(_whole_numbers(numbered, known).tolist(), tag_texts, strict=True))
        tagged = words("tags")
        # Four bytes of a tag are eight letters.
        lengths = np.array([len(content) // 8 for content in tagged], np.int64)
        content = bytes.fromhex("".join(tagged))
        self._tags = np.frombuffer(content, "<u4").astype(np.int32) if content else np.zeros(0, np.int32)
        self._tagged = np.repeat(np.arange(len(place)), lengths)
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


def _texts(row: Sequence[Any] | None, columns: int) -> tuple[int, list[str]]:
    """Return how many values each column of a row has, which begins with their number, and the columns as text."""
    if row is None or not row[0]:
        return 0, [""] * columns
    return int(row[0]), [str(text) for text in row[1:]]


def _parts(text: str, count: int) -> list[str]:
    """Return the values of a column as text."""
    parts = text.split(",") if count else []
    if len(parts) != count:
        raise ValueError(f"a column of {count} has {len(parts)}")
    return parts


def _whole_numbers(text: str, count: int) -> Numbers:
    """Return the values of a column of whole numbers."""
    if len(text) != 16 * count:
        raise ValueError(f"a column of {count} has digits for {len(text) / 16:g}")
    return np.frombuffer(bytes.fromhex(text), ">i8").astype(np.int64)


def _or_nan(values: Numbers) -> Amounts:
    return np.where(values == _MISSING, np.nan, values)


def _whole(values: Sequence[Any]) -> Numbers:
    return np.array(values, np.int64)
