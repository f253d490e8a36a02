"""Pictures that exclude_pictures leaves out of training by their names."""

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from trainer.dataset.picture_file import is_picture_name
from trainer.dataset.records import DataSet, name_from
from trainer.dataset.sources import Source
from trainer.errors import SettingsError
from trainer.finding import Finding
from trainer.text import plural, printable

SETTING = "exclude_pictures"
"""The setting that names them."""

# Names that a mistyped one is compared with: comparing takes a tenth of a millisecond each.
_MAX_COMPARED = 2000


def with_left_out(sources: Iterable[Source], root: Path, names: Sequence[str]) -> tuple[Source, ...]:
    """Return the folders with the pictures that are left out of each.

    Args:
        sources: the folders; their names differ.
        root: that names count from.
        names: as the setting has them.
    """
    by_folder: dict[str, set[str]] = {}
    for name in names:
        folder, _, file = name.rpartition("/")
        by_folder.setdefault(folder, set()).add(file)
    if not by_folder:
        return tuple(sources)
    return tuple(
        replace(source, excluded=frozenset(by_folder.get(_named_from(root, source), ()))) for source in sources
    )


def check_left_out(data: DataSet, names: Sequence[str]) -> None:
    """Refuse the name of a picture that is not there; one that lies in a folder which is not read may stay.

    Args:
        data: what was read.
        names: as the setting has them.

    Raises:
        SettingsError: names it, and the nearest that is there.
    """
    if not names:
        return
    known = {data.name_of(picture) for picture in data.excluded}
    missing = [name for name in names if name not in known and not _lies_unread(data.root / name)]
    if not missing:
        return
    more = f"; {plural(len(missing), 'name')} in all" if len(missing) > 1 else ""
    nearest = _nearest(missing[0], data)
    raise SettingsError(
        SETTING,
        found=f"no picture {printable(missing[0], 80)}{more}",
        expected="names of pictures from the data folder, such as `10_school/a.png`",
        way_out=f"did you mean {printable(nearest, 80)}?" if nearest else "remove the name",
    )


def nothing_left(path: Path, count: int) -> SettingsError:
    """Return the error for a folder of which everything is left out."""
    return SettingsError(
        SETTING,
        found=f"it leaves out all there {'is' if count == 1 else 'are'} in {printable(str(path))}: {plural(count, 'picture')}",
        expected="at least one picture to train on",
        way_out="remove some of the names",
    )


def left_out_notes(data: DataSet) -> list[Finding]:
    """Return what is left out of each folder, a note each."""
    by_folder: dict[str, list[str]] = {}
    for picture in data.excluded:
        by_folder.setdefault(picture.folder, []).append(printable(data.name_of(picture)))
    return [
        Finding(
            "picture-excluded",
            printable(folder, 60),
            f"{plural(len(names), 'picture')} in {printable(folder, 60)} left out by {SETTING}",
            cases=tuple(names),
        )
        for folder, names in by_folder.items()
    ]


def _named_from(root: Path, source: Source) -> str:
    """Return the folder part of the names of a source's pictures."""
    return name_from(root, source.path / "x", source.name).rpartition("/")[0]


def _lies_unread(path: Path) -> bool:
    """Return whether a picture lies there, in a folder that other settings leave out."""
    return is_picture_name(path.name) and os.path.lexists(path)


def _nearest(name: str, data: DataSet) -> str | None:
    """Return the name that a mistyped one is closest to: of the same file in another folder, else by its letters."""
    file = name.rpartition("/")[2].casefold()
    # By text, which takes a hundredth of what paths take.
    names = [data.name_of(picture) for picture in (*data.pictures, *data.held_out, *data.excluded)]
    same = [each for each in names if each.rpartition("/")[2].casefold() == file]
    if same:
        return same[0]
    beside = [each for each in names if each.rpartition("/")[0] == name.rpartition("/")[0]] or names
    near = difflib.get_close_matches(name, beside[:_MAX_COMPARED], n=1, cutoff=0.6)
    return near[0] if near else None
