"""What lies in the folders of a data set, by names and marks: everything that tells a change without reading a file."""

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trainer import long_work
from trainer.dataset.asked_folders import AskedFolders, asked_folders
from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.dataset.sources import FolderOptions, Source, sources_in
from trainer.errors import DatasetError
from trainer.file_mark import TICK
from trainer.settings.model import Settings
from trainer.text import printable

FileState = tuple[int, int, int, int]
"""Bytes, times of the last change of the content and of anything (nanoseconds since 1970), and number in the file system."""

_GONE: FileState = (-1, 0, 0, 0)


@dataclass(frozen=True)
class FolderState:
    """What lies in the folders of a data set.

    Attributes:
        asked: the folders that are trained on.
        validation: those of validation_data_dir, under names that no other folder has; none where it is blank.
        renamed: name of a validation folder where it is read -> its name here.
        files: each picture -> its state.
        snapshot: a hash of the names and states of everything in the folders, captions and masks included; "" where a file was written
            to so lately that being written to once more might not show.
    """

    asked: AskedFolders
    validation: tuple[Source, ...]
    renamed: dict[str, str]
    files: dict[str, FileState]
    snapshot: str

    @property
    def sources(self) -> tuple[Source, ...]:
        """All folders."""
        return (*self.asked.sources, *self.validation)


def folder_state(settings: Settings) -> FolderState:
    """Return what lies in the folders that settings read.

    Args:
        settings: with every path filled in.

    Raises:
        DatasetError, SettingsError: as asked_folders.
    """
    asked = asked_folders(settings)
    found = _of_validation(settings)
    renamed = _names_of_validation(settings, found, {source.name for source in asked.sources})
    validation = tuple(replace(source, name=renamed[source.name]) for source in found)
    files: dict[str, FileState] = {}
    digest, newest = hashlib.blake2b(digest_size=16), 0
    for source in (*asked.sources, *validation):
        digest.update(f"folder {source.path}\n".encode("utf-8", "surrogateescape"))
        before = str(source.path / "x")[:-1]
        for name, state in _states(source.path):
            if source.options.takes(name):
                files[before + name] = state
            digest.update(f"{name} {state}\n".encode("utf-8", "surrogateescape"))
            newest = max(newest, state[1])
    for folder in _mask_folders((*asked.sources, *validation)):
        digest.update(f"masks {folder}\n".encode("utf-8", "surrogateescape"))
        for name, state in _states(folder):
            digest.update(f"{name} {state}\n".encode("utf-8", "surrogateescape"))
            newest = max(newest, state[1])
    settled = time.time() - newest / 1e9 > TICK
    return FolderState(asked, validation, renamed, files, digest.hexdigest() if settled else "")


def _of_validation(settings: Settings) -> tuple[Source, ...]:
    if not settings.validation_data_dir:
        return ()
    if settings.dataset_config:
        settings = read_dataset_toml(Path(settings.dataset_config), settings).settings
    options = FolderOptions(tuple(settings.caption_extension))
    return sources_in(Path(settings.validation_data_dir), options, flat_repeats=1, repeats={}).read


def _names_of_validation(settings: Settings, sources: Iterable[Source], taken: set[str]) -> dict[str, str]:
    """Return names for validation folders that no folder of training pictures has."""
    root = Path(settings.validation_data_dir).name
    names = {}
    for source in sources:
        name = source.name if source.is_root else f"{root}/{source.name}"
        while name in taken:
            name += " (validation)"
        names[source.name] = name
        taken.add(name)
    return names


def _mask_folders(sources: Iterable[Source]) -> Iterator[Path]:
    seen: set[Path] = set()
    for source in sources:
        folder = source.options.masks
        if isinstance(folder, Path):
            for each in (folder, folder / source.path.name):
                if each not in seen:
                    seen.add(each)
                    yield each


def _states(folder: Path) -> Iterator[tuple[str, FileState]]:
    """Yield the files of a folder with their states, by name; none of one that is not there."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".") and not entry.is_dir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise DatasetError(printable(str(folder)), found=f"cannot be read ({error.strerror})") from error
    for entry in long_work.each("looking at files", sorted(found, key=lambda entry: entry.name)):
        try:
            about = entry.stat()
        except OSError:
            yield entry.name, _GONE
            continue
        yield entry.name, (about.st_size, about.st_mtime_ns, about.st_ctime_ns, about.st_ino)
