"""Folders to read, their repeats and options."""

import difflib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from trainer.dataset.imitation import CaptionOfName, FolderRule, counts
from trainer.dataset.picture_file import is_picture_name, unread_pictures
from trainer.dataset.records import CaptionRules
from trainer.errors import DatasetError, SettingsError
from trainer.finding import Finding
from trainer.profiles.record import FolderName, PictureRules
from trainer.text import plural, printable, windows_path

# The bound of `dataset_repeats`; above it the number in a name is a date or part of the name, not repeats.
_MAX_REPEATS = 10_000
# Enough to see the mistake; a home folder named by mistake has dozens.
_MAX_LEFT_OUT = 4
_UNTOUCHED = CaptionRules()
_REPEATED = re.compile(r"(\d+)_(.*)", re.DOTALL | re.ASCII)


@dataclass(frozen=True)
class FolderOptions:
    """How the pictures of a folder are trained.

    Attributes:
        extensions: of caption files, tried in this order.
        caption_rules: of their captions.
        is_reg: whether they are regularisation pictures.
        group: index in `DataSet.groups`.
        masks: the folder with their masks, "alpha" where their transparency is the mask, None for none.
        loaded: what another trainer takes for pictures, where the bake behaves like it; None where all count that can be read.
        caption_of_name: how another trainer captions a picture without a caption file; None where the source's fallback_caption
            is used.
        held_out: share of the pictures that are held out.
    """

    extensions: tuple[str, ...]
    caption_rules: CaptionRules = _UNTOUCHED
    is_reg: bool = False
    group: int = 0
    masks: Path | Literal["alpha"] | None = None
    loaded: PictureRules | None = None
    caption_of_name: CaptionOfName | None = None
    held_out: float = 0.0

    def takes(self, name: str) -> bool:
        """Return whether a file of that name is one of the pictures."""
        return is_picture_name(name) and (self.loaded is None or counts(self.loaded, name))


@dataclass(frozen=True)
class Source:
    """A folder to be read.

    Attributes:
        path: where it is.
        name: what it is called everywhere else.
        repeats: of each picture.
        fallback_caption: used for pictures without a caption file.
        options: of its pictures.
        is_root: whether folders inside it are read too.
        excluded: names of files in it that are left out.
    """

    path: Path
    name: str
    repeats: int
    fallback_caption: str
    options: FolderOptions
    is_root: bool = False
    excluded: frozenset[str] = frozenset()

    def caption_without_file(self, name: str) -> str:
        """Return the caption of a picture of that name that has no caption file."""
        return self.fallback_caption if self.options.caption_of_name is None else self.options.caption_of_name(name)


@dataclass(frozen=True)
class FolderSources:
    """The folders to read under one root, those that are left out, and the names repeats may be given for."""

    read: tuple[Source, ...]
    left_out: tuple[Finding, ...]
    names: frozenset[str]


def folder_words(folder: str) -> str | None:
    """Return the words after the repeats of an `N_name` folder, None for any other name."""
    match = _REPEATED.fullmatch(folder)
    return match[2] if match else None


def sources_in(
    root: Path,
    options: FolderOptions,
    *,
    flat_repeats: int,
    repeats: Mapping[str, int],
    rule: FolderRule | None = None,
) -> FolderSources:
    """Return the folders under `root`: itself first, then its `N_name` folders by name, each with those in it that count too.

    Args:
        root: the folder; one called `N_name` itself gives its own repeats.
        options: of all its pictures.
        flat_repeats: repeats of pictures directly in `root` where its name gives none.
        repeats: by folder name, instead of the number in the name; 0 leaves the folder out.
        rule: another trainer's way from a folder's name to its repeats, None in it for a folder that is left out; None for ours.

    Raises:
        DatasetError: the folder is missing, not allowed to be read, or has a name that the trainer refuses.
    """
    name = Path(os.path.abspath(root)).name
    read, left_out, names, skipped = [], [], {name}, []
    entries = entries_of(root)
    often = repeats.get(name)
    if often is None:
        often = _repeats_of(FolderName(name, is_root=True), root, rule, flat_repeats)
    if often and often > 0:
        read.append(Source(root, name, often, folder_words(name) or "", options, is_root=True))
    elif rule is not None and (
        loose := [entry.name for entry in entries if is_picture_name(entry.name) and not entry.is_dir()]
    ):
        where = printable(name, 60)
        left_out.append(
            Finding(
                "picture-skipped",
                where,
                f"{plural(len(loose), 'picture')} directly in {where} skipped: only folders in it count",
            )
        )
    for entry in entries:
        if not entry.is_dir():
            continue
        names.add(entry.name)
        often = repeats.get(entry.name)
        if often is None:
            often = _repeats_of(FolderName(entry.name), root / entry.name, rule)
        if often and often > 0:
            words = folder_words(entry.name) if rule is None else entry.name.partition("_")[2]
            read.append(Source(root / entry.name, entry.name, often, words or "", options))
        else:
            skipped.append(root / entry.name)
            why = "no repeats in its name (`N_name`)" if often is None else f"{often} repeats"
            left_out.append(skipped_folder(printable(entry.name, 60), why, pictures_inside(entry)))
    if len(left_out) > _MAX_LEFT_OUT:
        rest = tuple(each.place for each in left_out[_MAX_LEFT_OUT:])
        left_out[_MAX_LEFT_OUT:] = [
            Finding("folder-skipped", printable(str(root)), f"{plural(len(rest), 'more folder')} skipped", cases=rest)
        ]
    return FolderSources(tuple(with_nested(read, without=skipped)), tuple(left_out), frozenset(names))


def with_nested(sources: Sequence[Source], *, without: Iterable[Path] = ()) -> Iterator[Source]:
    """Yield the folders, each followed by all folders in it where the pictures of these count too, but for those in `without`."""
    named = {*(source.path for source in sources), *without}
    for source in sources:
        yield source
        if source.options.loaded is None or not source.options.loaded.recursive:
            continue
        for folder, inside, _ in os.walk(source.path):
            inside[:] = sorted(each for each in inside if not each.startswith(".") and Path(folder, each) not in named)
            if Path(folder) != source.path:
                below = Path(folder).relative_to(source.path).as_posix()
                yield replace(source, path=Path(folder), name=f"{source.name}/{below}", is_root=False)


def _repeats_of(folder: FolderName, path: Path, rule: FolderRule | None, flat: int | None = None) -> int | None:
    """Return the repeats that a folder's name gives; where ours finds none there, `flat`."""
    if rule is None:
        match = _REPEATED.fullmatch(folder.name)
        if match is None:
            return flat
        return 0 if int(match[1]) == 0 and not folder.is_root else _repeats(match[1], path)
    try:
        often = rule(folder)
    except ValueError as reason:
        raise DatasetError(
            printable(str(path)),
            found=f"the trainer that behave_like names stops here: {printable(str(reason))}",
            way_out="rename the folder, or give it repeats in num_repeats",
        ) from None
    return often if often is None or often <= 0 else _repeats(str(often), path)


def repeats_by_folder(texts: Sequence[str]) -> dict[str, int]:
    """Return the repeats that the setting num_repeats gives to single folders."""
    return {name: int(number) for name, _, number in (text.rpartition("=") for text in texts)}


def check_names(repeats: Mapping[str, int], names: Collection[str]) -> None:
    """Refuse repeats for a folder that does not exist.

    Raises:
        SettingsError: names the nearest folder that is.
    """
    for name in repeats:
        if name not in names:
            nearest = next(iter(difflib.get_close_matches(name, names, n=1, cutoff=0.5)), None)
            raise SettingsError(
                "num_repeats",
                found=f"no folder {printable(name, 60)}",
                expected="the name of a folder with pictures",
                way_out=f"did you mean {printable(nearest, 60)}?" if nearest else "remove it",
            )


def with_unique_names(sources: Iterable[Source]) -> list[Source]:
    """Return the sources with names that differ, so that curves and exposures of two folders are kept apart."""
    taken: dict[str, Path] = {}
    result = []
    for source in sources:
        name = source.name
        if name in taken:
            same = taken[name] == source.path
            more = f"data set {source.options.group + 1}" if same else source.path.parent.name
            name = f"{source.name} ({'reg' if source.options.is_reg else more})"
        number, plain = 1, name
        while name in taken:
            number += 1
            name = f"{plain} {number}"
        taken[name] = source.path
        result.append(replace(source, name=name))
    return result


def entries_of(folder: Path, *, of: str = "a folder with pictures") -> list[os.DirEntry[str]]:
    """Return the entries of `folder` sorted by name, without hidden ones.

    Args:
        folder: where to look.
        of: what it should be, for the error.

    Raises:
        DatasetError: it is missing, not a folder or not readable.
    """
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except FileNotFoundError:
        if there := windows_path(str(folder)):
            raise DatasetError(
                printable(there),
                found="a path of Windows",
                expected=of,
                way_out="give its path on this computer, in the settings or the subject",
            ) from None
        problem, way_out = "no such folder", "check the path"
    except NotADirectoryError:
        problem, way_out = "a file", "name the folder it lies in"
    except OSError as error:
        problem, way_out = f"cannot be read ({error.strerror})", "fix its permissions"
    except ValueError:
        # A zero byte, as TOML's `\u0000` makes one.
        problem, way_out = "not a path", "check the path"
    raise DatasetError(printable(str(folder)), found=problem, expected=of, way_out=way_out)


def pictures_inside(entry: os.DirEntry[str]) -> str:
    """Return the number of pictures in an ignored folder, and of those that are not read, as text for the end of a note."""
    names = names_inside(entry)
    count = sum(map(is_picture_name, names))
    unread = counted_endings(unread_pictures(names))
    found = " and ".join(filter(None, (plural(count, "picture") if count else "", unread)))
    return f"; {found} in it" if found else ""


def names_inside(folder: os.DirEntry[str]) -> list[str]:
    """Return the names of what lies in a folder, none where it cannot be looked into."""
    try:
        return os.listdir(folder.path)
    except OSError:
        return []


def counted_endings(endings: Counter[str]) -> str:
    """Return files counted by ending as text: `3 .heic, 1 .psd`."""
    return ", ".join(f"{count:,} {ending}" for ending, count in endings.most_common())


def skipped_folder(place: str, why: str, inside: str = "") -> Finding:
    """Return the finding for a folder that is left out.

    Args:
        place: its name.
        why: the reason.
        inside: from pictures_inside.
    """
    return Finding("folder-skipped", place, f"folder {place} is skipped: {why}{inside}")


def _repeats(number: str, folder: Path) -> int:
    if len(number) > 9 or not 1 <= int(number) <= _MAX_REPEATS:
        raise DatasetError(
            printable(str(folder)),
            found=f"{number[:20]} repeats",
            expected=f"1 to {_MAX_REPEATS} before the `_`",
            way_out="rename the folder, or give it repeats in num_repeats",
        )
    return int(number)
