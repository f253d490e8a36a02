"""Repeats of a folder of pictures: by the setting num_repeats, or by the number in the folder's name, which is renamed with an undo."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from trainer.atomic_file import write_atomically
from trainer.dataset.asked_folders import asked_folders
from trainer.dataset.sources import folder_words, repeats_by_folder
from trainer.errors import LoraTuiError, SettingsError, WorkspaceError
from trainer.journal.bake_settings import settings_of
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.regular_file import read_regular
from trainer.settings.model import Settings
from trainer.settings.subject import load_subject, resolve
from trainer.settings.toml_file import load_settings
from trainer.text import numbered, plural, printable
from trainer.typed_values import WrongValue, value_from_json
from trainer.workspace import Workspace, check_writable

RENAMES = "folder-renames.json"
"""The renames of a workspace, in its folder."""

_MAX_REPEATS = 10_000
_MAX_BYTES = 2**20
_KEPT = 200


@dataclass(frozen=True)
class FolderRename:
    """A folder that got other repeats by its name.

    Attributes:
        before, after: its path, absolute.
        seconds: when, since 1970.
        standing: `renaming` until it is done; a killed process leaves it so, and where the folder is tells what became of it.
    """

    before: str
    after: str
    seconds: float
    standing: Literal["renaming", "renamed", "undone"] = "renaming"


@dataclass(frozen=True)
class RenameEffect:
    """What a rename has changed.

    Attributes:
        rename: the folder, before and after.
        waiting: numbers of the bakes that wait or are parked, and will read the folder under its new name.
    """

    rename: FolderRename
    waiting: tuple[int, ...] = ()


def with_repeats(settings: Settings, folder: str, repeats: int) -> list[str]:
    """Return num_repeats with other repeats for one folder; what the folder's own name says needs no entry.

    Args:
        settings: as they are.
        folder: its name.
        repeats: of each picture; 0 leaves the folder out.

    Raises:
        SettingsError: the setting cannot hold the name, or the number is none of 0 to 10,000.
    """
    if "=" in folder:
        raise SettingsError(
            "num_repeats",
            found=f"a folder whose name has a `=` ({printable(folder, 60)})",
            expected="a name that num_repeats can hold",
            way_out="rename the folder",
        )
    if not 0 <= repeats <= _MAX_REPEATS:
        raise SettingsError("num_repeats", found=plural(repeats, "repeat"), expected=f"0 to {_MAX_REPEATS:,}")
    others = [text for text in settings.num_repeats if text.rpartition("=")[0] != folder]
    own = folder.partition("_")[0] if folder_words(folder) is not None else ""
    # A folder of 0 repeats by its name may be meant as it is, or come from a data set file: then only an entry says so.
    by_name = own.isdecimal() and repeats > 0 and int(own[:9]) == repeats and not settings.dataset_config
    return others if by_name else [*others, f"{folder}={repeats}"]


class FolderRenames:
    """The renames of a workspace.

    Args:
        workspace: the record lies in its folder.
        journal: its journal, which knows the bakes that read the folders.
    """

    def __init__(self, workspace: Workspace, journal: Journal) -> None:
        self._workspace, self._journal = workspace, journal
        self._path = workspace.root / RENAMES

    def set_repeats(self, folder: Path, repeats: int) -> RenameEffect:
        """Rename `N_name` so that N is `repeats`; a folder without a number gets one.

        Raises:
            SettingsError: the number is none of 1 to 10,000, a settings file or a subject names the folder as it is, or a running bake
                reads it.
            WorkspaceError: it cannot be renamed, or the workspace not written.
        """
        if not 1 <= repeats <= _MAX_REPEATS:
            raise SettingsError("repeats", found=f"{repeats:,}", expected=f"1 to {_MAX_REPEATS:,}")
        before = Path(os.path.abspath(folder))
        words = folder_words(before.name)
        after = before.with_name(f"{repeats}_{before.name if words is None else words}")
        if after == before:
            raise SettingsError(
                "repeats", found=f"{printable(before.name, 60)} has {repeats} already", expected="others"
            )
        return self._moved(FolderRename(str(before), str(after), time.time()), undoes=None)

    def renames(self) -> list[FolderRename]:
        """Return the renames, the oldest first; one whose process was killed counts as what became of it.

        Raises:
            WorkspaceError: their file cannot be read.
        """
        try:
            found = value_from_json(list[FolderRename], read_regular(self._path, _MAX_BYTES))
        except FileNotFoundError:
            return []
        except (OSError, WrongValue) as error:
            raise WorkspaceError(
                printable(str(self._path)),
                found=f"cannot be read ({printable(str(error), 120)})",
                way_out="delete it: the folders stay as they are, and renames before now cannot be undone",
            ) from error
        settled = []
        for each in found:
            if each.standing != "renaming":
                settled.append(each)
            elif os.path.isdir(each.after) and not os.path.lexists(each.before):
                settled.append(replace(each, standing="renamed"))
        return settled

    def undo(self) -> RenameEffect:
        """Give the folder that was renamed last its name of before.

        Raises:
            SettingsError: nothing is left to undo, or as `set_repeats`.
            WorkspaceError: as `set_repeats`.
        """
        done = [each for each in self.renames() if each.standing == "renamed"]
        if not done:
            raise SettingsError("repeats", found="no renamed folder", expected="one to undo")
        last = done[-1]
        return self._moved(FolderRename(last.after, last.before, time.time()), undoes=last)

    def _moved(self, rename: FolderRename, *, undoes: FolderRename | None) -> RenameEffect:
        check_writable(self._workspace)
        before, after = Path(rename.before), Path(rename.after)
        self._check(before, after)
        running, waiting = self._readers(before)
        if running:
            raise SettingsError(
                printable(before.name, 60),
                found=f"{numbered('bake', running)} running on it",
                expected="a folder that no bake is reading",
                way_out="wait for the end, or set the repeats by num_repeats: a running bake keeps its own",
            )
        known = self.renames()
        self._write([*known, rename])
        try:
            os.rename(before, after)
        except OSError as error:
            self._write(known)
            raise WorkspaceError(
                printable(str(before)),
                found=f"cannot be renamed ({error.strerror})",
                way_out="fix the permissions of the folder it lies in",
            ) from error
        if undoes is None:
            done = replace(rename, standing="renamed")
            self._write([*known, done])
        else:
            done = replace(undoes, standing="undone")
            self._write([done if each == undoes else each for each in known])
        return RenameEffect(replace(rename, standing="renamed"), tuple(waiting))

    def _check(self, before: Path, after: Path) -> None:
        """Refuse what cannot be renamed, or would leave a name behind that means nothing any more."""
        where = printable(str(before))
        try:
            str(before).encode("utf-8")
        except UnicodeEncodeError:
            raise SettingsError(
                where, found="a path that is not UTF-8", expected="one that can be written down"
            ) from None
        if not before.is_dir() or before.is_symlink():
            raise SettingsError(
                where, found="no folder of its own", expected="a folder of pictures", way_out="check the path"
            )
        if os.path.lexists(after):
            raise SettingsError(
                printable(str(after)), found="something of that name", expected="a free name", way_out="rename it first"
            )
        named = next(self._mentions(before), None)
        if named is not None:
            raise SettingsError(
                named,
                found=f"it names the folder {printable(before.name, 60)}",
                expected="no settings file or subject that does",
                way_out="change it there first, or set the repeats by num_repeats",
            )

    def _mentions(self, folder: Path) -> Iterator[str]:
        """Yield the settings and subjects of the workspace that name a folder as it is called now."""
        for path in self._workspace.settings_files():
            try:
                settings = load_settings(path)
                resolved = resolve(settings, path)
            except LoraTuiError:
                continue
            names = {
                "num_repeats": folder.name in repeats_by_folder(settings.num_repeats),
                "exclude_pictures": any(name.rpartition("/")[0] == folder.name for name in settings.exclude_pictures),
                "validation_outfit": settings.validation_outfit == folder.name,
                "dataset_config": bool(resolved.dataset_config) and _reads(resolved, folder),
                **{
                    name: Path(str(getattr(resolved, name))) == folder
                    for name in ("train_data_dir", "reg_data_dir", "validation_data_dir")
                    if getattr(resolved, name)
                },
            }
            yield from (f"{printable(path.name)}: {name}" for name, mentions in names.items() if mentions)
        for path in sorted(self._workspace.subjects.glob("*.toml")):
            try:
                outfits = load_subject(path).outfits
            except LoraTuiError:
                continue
            if folder.name in outfits:
                yield f"subjects/{printable(path.name)}: outfits"

    def _readers(self, folder: Path) -> tuple[list[int], list[int]]:
        """Return the numbers of the bakes that read a folder: those that run, and those that wait or are parked."""
        running: list[int] = []
        waiting: list[int] = []
        for bake in self._journal.bakes.latest():
            if not (bake.state.live or bake.state in (BakeState.QUEUED, BakeState.PARKED)) or bake.grid is not None:
                continue
            if self._reads(bake, folder):
                (running if bake.state.live else waiting).append(bake.number)
        return sorted(running), sorted(waiting)

    def _reads(self, bake: Bake, folder: Path) -> bool:
        try:
            return _reads(settings_of(self._journal, bake), folder)
        except LoraTuiError:
            return False

    def _write(self, renames: Sequence[FolderRename]) -> None:
        content = json.dumps([asdict(each) for each in renames[-_KEPT:]], indent=1)
        try:
            write_atomically(self._path, content.encode("ascii"))
        except OSError as error:
            raise WorkspaceError(printable(str(self._path)), found=f"cannot be written ({error.strerror})") from error


def _reads(settings: Settings, folder: Path) -> bool:
    """Return whether settings train or measure on the pictures of a folder."""
    try:
        sources = asked_folders(settings).sources
    except LoraTuiError:
        return False
    held_out = Path(settings.validation_data_dir) if settings.validation_data_dir else None
    return any(source.path == folder for source in sources) or (
        held_out is not None and folder.is_relative_to(held_out)
    )


def effect_line(effect: RenameEffect) -> str:
    """Return what a rename did, in words."""
    before, after = Path(effect.rename.before).name, Path(effect.rename.after).name
    line = f"{printable(before, 60)} is called {printable(after, 60)} now"
    if effect.waiting:
        line += f"; {numbered('bake', effect.waiting)}, not running, will read it so"
    return line
