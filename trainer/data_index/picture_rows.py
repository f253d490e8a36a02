"""The rows of an index that a data set gives: one for each picture that is read, held out, left out or cannot be used."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainer.captions.tags import tags_of
from trainer.data_index.record import PictureUse
from trainer.dataset.batches import GroupBucket, bucket_uses, times_shown
from trainer.dataset.buckets import Placement, placement_of, placements_of
from trainer.dataset.cut_captions import Tokens, caption_tokens
from trainer.dataset.records import CaptionRules, DataSet, Fault, Picture
from trainer.dataset.sources import Source

_MORE_THAN_COMMAS = re.compile(r"[()\[\]{}\\\r\n]")

USES: tuple[PictureUse, ...] = ("training", "regularisation", "validation", "held out")
"""What a picture is for, by the number that stands in its row."""

_TRAINING, _REGULARISATION, _VALIDATION, _HELD_OUT = range(4)
_CLASSES = 4

COLUMNS = (
    *(
        "file",
        "part",
        "place",
        "name",
        "folder",
        "use",
        "bucket_group",
        "repeats",
        "shown",
        "excluded",
        "width",
        "height",
    ),
    *("caption", "caption_file", "caption_place", "mask", "tags", "tokens", "read_by"),
    *("bucket_width", "bucket_height", "resized_width", "resized_height", "crop_left", "crop_top", "unusable"),
)
"""Columns of a row, but for its number and its data set."""

_CAPTION, _CAPTION_FILE, _TAGS, _TOKENS, _READ_BY = map(
    COLUMNS.index, ("caption", "caption_file", "tags", "tokens", "read_by")
)

Row = tuple[Any, ...]
"""The values of COLUMNS."""


@dataclass(frozen=True)
class ListedRow:
    """A picture on its way into a row: what the data say of it.

    Attributes:
        picture: as it is, or would be, trained; of one that cannot be used what is known without it.
        name: from the data's folder.
        use: number in USES.
        shown: how often it comes in an epoch.
        excluded: whether it is left out.
        placement: where it goes; None where it is not trained, or not readable.
        unusable: why it cannot be used, None where it can.
    """

    picture: Picture
    name: str
    use: int
    shown: int = 0
    excluded: bool = False
    placement: Placement | None = None
    unusable: str | None = None

    @property
    def part(self) -> int:
        """Tells it from other rows of the same file, and stays when it is held out or left out."""
        kind = _TRAINING if self.use == _HELD_OUT else self.use
        return self.picture.group * _CLASSES + kind


def listed_rows(
    data: DataSet, validation: DataSet | None, sources: Sequence[Source], renamed: Mapping[str, str]
) -> list[ListedRow]:
    """Return every picture of the data, by folder and name.

    Args:
        data: what is trained on.
        validation: what validation_data_dir holds, None where it names nothing.
        sources: the folders, in their order.
        renamed: name of a validation folder where it is read -> its name here.
    """
    order = {source.name: number for number, source in enumerate(sources)}
    rows = [*_trained(data), *_beside(data)]
    if validation is not None:
        rows += (_apart(row, renamed) for row in _validating(validation))
    return sorted(
        rows, key=lambda row: (row.use == _VALIDATION, order.get(row.picture.folder, 0), row.picture.path.name)
    )


def _trained(data: DataSet) -> Iterator[ListedRow]:
    for picture, placement, shown in zip(data.pictures, placements_of(data), times_shown(data), strict=True):
        use = _REGULARISATION if picture.is_reg else _TRAINING
        yield ListedRow(picture, data.name_of(picture), use, shown, placement=placement)


def _beside(data: DataSet) -> Iterator[ListedRow]:
    """Yield what is held out, left out or unusable, as it would be trained."""
    for picture in data.held_out:
        yield ListedRow(picture, data.name_of(picture), _HELD_OUT, placement=_placement(data, picture))
    for picture in data.excluded:
        use = _REGULARISATION if picture.is_reg else _TRAINING
        yield ListedRow(picture, data.name_of(picture), use, excluded=True, placement=_placement(data, picture))
    for fault in data.faults:
        yield _faulty(data, fault, _REGULARISATION if fault.is_reg else _TRAINING)


def _validating(validation: DataSet) -> Iterator[ListedRow]:
    for picture in validation.pictures:
        yield ListedRow(picture, validation.name_of(picture), _VALIDATION, placement=_placement(validation, picture))
    for fault in validation.faults:
        yield _faulty(validation, fault, _VALIDATION)


def _apart(row: ListedRow, renamed: Mapping[str, str]) -> ListedRow:
    """Return a validation picture under a name that no training picture has."""
    folder = renamed.get(row.picture.folder, row.picture.folder)
    return replace(row, picture=replace(row.picture, folder=folder), name=f"{folder}/{row.picture.path.name}")


def _placement(data: DataSet, picture: Picture) -> Placement | None:
    if not data.groups or not picture.width:
        return None
    return placement_of(picture.width, picture.height, data.groups[picture.group].rules)


def _faulty(data: DataSet, fault: Fault, use: int) -> ListedRow:
    picture = Picture(fault.picture, fault.folder, fault.repeats, 0, 0, "", None, fault.is_reg)
    return ListedRow(picture, data.name_of(picture), use, unusable=fault.finding.text)


class RowMaker:
    """Makes rows, with the tags and tokens of those before them where captions and what reads them are the same.

    Args:
        files: path -> number of the file.
        endings: name of a folder -> the ending that a new caption gets there.
        tag_numbers: tag -> its number; new tags are added.
        tokens: as the base reads captions, None where that is not known.
    """

    def __init__(
        self,
        files: Mapping[str, int],
        endings: Mapping[str, str],
        tag_numbers: dict[str, int],
        tokens: Tokens | None,
    ) -> None:
        self._files, self._endings, self._tags, self._tokens = files, endings, tag_numbers, tokens
        self._read_by: dict[CaptionRules, int] = {}
        self._next_tag = max(tag_numbers.values(), default=0) + 1

    def row(self, listed: ListedRow, place: int, before: Mapping[tuple[int, int], Row]) -> Row | None:
        """Return a row, None where its file is gone since the folders were looked at.

        Args:
            listed: the picture.
            place: in the order of the data.
            before: (file, part) -> row of the refresh before.
        """
        picture = listed.picture
        file = self._files.get(str(picture.path))
        if file is None:
            return None
        read_by, caption = self._reader(picture.caption_rules), _storable(picture.caption)
        old = before.get((file, listed.part))
        caption_file = _raw_path(picture.caption_file)
        if old is not None and (old[_CAPTION], old[_CAPTION_FILE], old[_READ_BY]) == (caption, caption_file, read_by):
            tags, tokens = old[_TAGS], old[_TOKENS]
        else:
            tags = b"" if caption_file is None else self._tag_numbers(picture)
            tokens = (
                None if self._tokens is None else caption_tokens(picture.caption, picture.caption_rules, self._tokens)
            )
        placement = listed.placement
        sizes: tuple[int | None, ...] = (None,) * 6
        if placement is not None:
            sizes = (*placement.bucket, *placement.resized, *placement.crop)
        return (
            *(file, listed.part, place, raw(listed.name), raw(picture.folder), listed.use, picture.group),
            *(picture.repeats, listed.shown, int(listed.excluded), picture.width, picture.height),
            *(caption, caption_file, raw(str(self._place(picture)))),
            *(_raw_path(picture.mask), tags, tokens, read_by, *sizes, listed.unusable),
        )

    def _place(self, picture: Picture) -> Path:
        return picture.caption_file or picture.path.with_suffix(self._endings.get(picture.folder, ".txt"))

    def _reader(self, rules: CaptionRules) -> int:
        """Return a number that stands for the rules of a caption and the base's tokenizer."""
        if rules not in self._read_by:
            text = f"{tokenizer_name(self._tokens)} {rules}".encode("utf-8", "surrogateescape")
            self._read_by[rules] = int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")
        return self._read_by[rules]

    def _tag_numbers(self, picture: Picture) -> bytes:
        tags = dict.fromkeys(caption_tags(picture.caption, picture.caption_rules))
        return np.array([self._number(_storable(tag)) for tag in tags], "<u4").tobytes()

    def _number(self, tag: str) -> int:
        if tag not in self._tags:
            self._tags[tag] = self._next_tag
            self._next_tag += 1
        return self._tags[tag]


def caption_tags(caption: str, rules: CaptionRules) -> Sequence[str]:
    """Return the tags of a caption, as `captions.tags_of` does; of most, in which nothing but commas parts them, in a tenth of the time."""
    if rules.wildcards or rules.keep_separator or rules.secondary_separator or _MORE_THAN_COMMAS.search(caption):
        return tags_of(caption, rules)
    return [tag for part in caption.split(",") if (tag := part.strip())]


def bars_of(data: DataSet) -> list[tuple[GroupBucket, int]]:
    """Return the buckets of an epoch as the plan counts them, each with its pictures: files that are shown."""
    placements = placements_of(data)
    distinct: dict[tuple[int, tuple[int, int]], int] = {}
    for picture, placement, times in zip(data.pictures, placements, times_shown(data), strict=True):
        key = (picture.group, placement.bucket)
        distinct[key] = distinct.get(key, 0) + (times > 0)
    return [(use, distinct[use.group, use.size]) for use in bucket_uses(data, placements)]


def raw(text: str) -> bytes:
    """Return a path or a name as the file system has it: not every one is UTF-8, which SQLite's texts are."""
    return text.encode("utf-8", "surrogateescape")


def unraw(content: bytes) -> str:
    """Return what `raw` was given."""
    return content.decode("utf-8", "surrogateescape")


def _raw_path(path: Path | Literal["alpha"] | None) -> bytes | None:
    return None if path is None else raw(str(path))


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def tokenizer_name(tokens: Callable[[str], Sequence[int]] | None) -> str:
    """Return what tells one tokenizer from another: its function, and the folder that it was made for."""
    if tokens is None:
        return ""
    if isinstance(tokens, partial):
        return f"{tokenizer_name(tokens.func)} {tokens.args} {tokens.keywords}"
    return f"{getattr(tokens, '__module__', '')}.{getattr(tokens, '__qualname__', repr(tokens))}"
