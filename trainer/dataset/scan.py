"""Which pictures are there, how often does each come in an epoch, and with what words?"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainer.dataset.caption_file import caption_key, caption_name, read_caption
from trainer.dataset.picture_file import ENDINGS, UnreadablePicture, is_picture_name, picture_size
from trainer.errors import DatasetError
from trainer.foreign_text import shown

# The bound of `dataset_repeats`; above it the number in front is a date or a name, not repeats.
_MOST_REPEATS = 10_000
# Enough to see what is wrong; a home folder given by mistake has dozens.
_MOST_LEFT_OUT = 4
_REPEATED = re.compile(r"(\d+)_(.*)", re.DOTALL | re.ASCII)
# Pictures that other programs show and that are not read here; they are named so that nobody misses them silently.
_OTHER_PICTURES = (".gif", ".avif", ".jxl", ".heic", ".tif", ".tiff")


@dataclass(frozen=True)
class Picture:
    """One picture of the data.

    Attributes:
        path: its file.
        folder: name of the folder it lies in.
        repeats: how often it comes in an epoch.
        width, height: pixels, as seen.
        caption: its words, untouched; the folder's words where it has no caption file.
        caption_file: where the words come from, None where the folder's stand in.
    """

    path: Path
    folder: str
    repeats: int
    width: int
    height: int
    caption: str
    caption_file: Path | None


@dataclass(frozen=True)
class Folder:
    """One folder of the data: its name, repeats, pictures and how many of them have a caption file."""

    name: str
    repeats: int
    pictures: int
    captioned: int


@dataclass(frozen=True)
class DataSet:
    """All pictures under one folder, sorted by folder and name, with notes on what was left out or stands in."""

    root: Path
    folders: tuple[Folder, ...]
    pictures: tuple[Picture, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Place:
    """A folder to be read: where, its repeats, the words that stand in for a missing caption, whether it is the root."""

    path: Path
    repeats: int
    words: str
    flat: bool


@dataclass
class _Found:
    """What reading brought up so far."""

    folders: list[Folder] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)


def scan(root: Path, *, caption_extension: Sequence[str], dataset_repeats: int = 1) -> DataSet:
    """Return the pictures of `root`: those in its `N_name` folders, N times each, and those directly in it.

    Args:
        root: the folder; one called `N_name` itself gives its own repeats.
        caption_extension: endings of caption files, tried in this order.
        dataset_repeats: repeats of pictures directly in `root`.

    Raises:
        DatasetError: the folder is missing or not allowed to be read, holds no pictures, or one of them is unreadable.
    """
    entries = _entries(root)
    found = _Found()
    places, left_out = _places(root, entries, dataset_repeats)
    for place in places:
        _read_place(place, caption_extension, found)
    found.notes += left_out[:_MOST_LEFT_OUT]
    if len(left_out) > _MOST_LEFT_OUT:
        found.notes.append(f"{_counted(len(left_out) - _MOST_LEFT_OUT, 'more folder')} left out")
    if found.unreadable:
        raise _unreadable(found.unreadable)
    if not found.pictures:
        raise _no_pictures(root, entries)
    return DataSet(root, tuple(found.folders), tuple(found.pictures), tuple(found.notes))


def words_of(folder: str) -> str | None:
    """Return the words after the repeats of an `N_name` folder, None for any other name."""
    match = _REPEATED.fullmatch(folder)
    return match[2] if match else None


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except FileNotFoundError:
        problem, way_out = "no such folder", "check the path"
    except NotADirectoryError:
        problem, way_out = "a file", "name the folder it lies in"
    except OSError as error:
        problem, way_out = f"cannot be read ({error.strerror})", "mend its permissions"
    raise DatasetError(shown(str(folder)), found=problem, expected="a folder with pictures", way_out=way_out)


def _places(root: Path, entries: Sequence[os.DirEntry[str]], dataset_repeats: int) -> tuple[list[_Place], list[str]]:
    """Return the folders to read, the root first, and a line for each one left out."""
    own = _REPEATED.fullmatch(Path(os.path.abspath(root)).name)
    repeats, words = (_repeats(own[1], root), own[2]) if own else (dataset_repeats, "")
    places = [_Place(root, repeats, words, flat=True)]
    left_out = []
    for entry in entries:
        if not entry.is_dir():
            continue
        match = _REPEATED.fullmatch(entry.name)
        if match is not None and int(match[1]) != 0:
            places.append(_Place(root / entry.name, _repeats(match[1], root / entry.name), match[2], flat=False))
            continue
        why = "0 repeats" if match else "no repeats in front (`N_name`)"
        left_out.append(f"folder {shown(entry.name, 60)} is left out: {why}{_holding(entry)}")
    return places, left_out


def _repeats(number: str, folder: Path) -> int:
    if len(number) > 9 or not 1 <= int(number) <= _MOST_REPEATS:
        raise DatasetError(
            shown(str(folder)),
            found=f"{number[:20]} repeats",
            expected=f"1 to {_MOST_REPEATS} in front of the `_`",
            way_out="rename the folder",
        )
    return int(number)


def _holding(entry: os.DirEntry[str]) -> str:
    """Return how many pictures an ignored folder holds, in words for the end of a note."""
    try:
        count = sum(is_picture_name(name) for name in os.listdir(entry.path))
    except OSError:
        return ""
    return f"; {_counted(count, 'picture')} in it" if count else ""


def _read_place(place: _Place, caption_extension: Sequence[str], found: _Found) -> None:
    entries = _entries(place.path)
    pictures = [entry.name for entry in entries if is_picture_name(entry.name) and not entry.is_dir()]
    captions = {
        caption_key(entry.name, caption_extension): entry.name
        for entry in entries
        if not is_picture_name(entry.name) and not entry.is_dir()
    }
    _note_left_out(place, entries, found.notes)
    if not pictures:
        return
    folder = Path(os.path.abspath(place.path)).name
    captioned, empty = 0, []
    for name in pictures:
        path = place.path / name
        try:
            width, height = picture_size(path)
        except UnreadablePicture as error:
            found.unreadable.append((path, str(error)))
            continue
        words = caption_name(Path(name).stem, caption_extension, captions)
        caption_file = place.path / words if words else None
        caption = read_caption(caption_file) if caption_file else place.words
        captioned += caption_file is not None
        if caption_file and not caption:
            empty.append(caption_file.name)
        found.pictures.append(Picture(path, folder, place.repeats, width, height, caption, caption_file))
    found.folders.append(Folder(folder, place.repeats, len(pictures), captioned))
    _note_captions(found.folders[-1], place.words, empty, found.notes)


def _note_captions(folder: Folder, words: str, empty: Sequence[str], notes: list[str]) -> None:
    where = shown(folder.name, 60)
    without = folder.pictures - folder.captioned
    if without:
        instead = f"the folder's name stands in: {shown(words, 60)}" if words else "they learn without words"
        have = "has" if without == 1 else "have"
        notes.append(f"{without} of {_counted(folder.pictures, 'picture')} in {where} {have} no caption; {instead}")
    if empty:
        first = shown(empty[0], 60)
        notes.append(f"{_counted(len(empty), 'caption')} in {where} with an empty first line, {first} first")


def _note_left_out(place: _Place, entries: Sequence[os.DirEntry[str]], notes: list[str]) -> None:
    where = shown(Path(os.path.abspath(place.path)).name, 60)
    other = sum(entry.name.lower().endswith(_OTHER_PICTURES) for entry in entries)
    if other:
        notes.append(f"{_counted(other, 'file')} in {where} left out: only {', '.join(ENDINGS)} are read")
    if place.flat:
        return
    for entry in entries:
        if entry.is_dir() and _holding(entry):
            notes.append(f"folder {where}/{shown(entry.name, 60)} is left out: too deep{_holding(entry)}")


def _unreadable(pictures: Sequence[tuple[Path, str]]) -> DatasetError:
    path, reason = pictures[0]
    more = [shown(other.name, 60) for other, _ in pictures[1:4]]
    others = f"; {len(pictures)} in all, also {', '.join(more)}" if more else ""
    if len(pictures) > 4:
        others += " …"
    return DatasetError(
        shown(str(path)),
        found=f"unreadable picture ({reason}){others}",
        expected="whole pictures",
        way_out="replace or remove it" if len(pictures) == 1 else "replace or remove them",
    )


def _no_pictures(root: Path, entries: Sequence[os.DirEntry[str]]) -> DatasetError:
    kinds = Counter(Path(entry.name).suffix.lower() or "other" for entry in entries if not entry.is_dir())
    parts = [f"{count} {shown(kind, 20)}" for kind, count in kinds.most_common(4)]
    folders = [
        shown(entry.name, 40) + _holding(entry).replace("; ", " with ").removesuffix(" in it")
        for entry in entries
        if entry.is_dir()
    ]
    if folders:
        parts.append(f"{_counted(len(folders), 'folder')} ({', '.join(folders[:4])}{' …' if len(folders) > 4 else ''})")
    return DatasetError(
        shown(str(root)),
        found=f"no pictures, but {', '.join(parts)}" if parts else "an empty folder",
        expected=f"{', '.join(ENDINGS)} in it or in `N_name` folders (N repeats of each)",
        way_out="name another folder or rename those inside" if folders else "name another folder",
    )


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
