"""The captions of pictures: which file each is in, who shares it, and how it is read."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trainer.captions.record import CaptionFile, CaptionOwner, FoundPicture
from trainer.dataset.asked_folders import asked_folders
from trainer.dataset.caption_file import caption_key, caption_name
from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.dataset.imitation import caption_endings
from trainer.dataset.picture_file import is_picture_name
from trainer.dataset.records import CaptionRules
from trainer.dataset.sources import FolderOptions, Source, entries_of, sources_in
from trainer.errors import DatasetError
from trainer.settings.model import Settings
from trainer.text import printable


@dataclass(frozen=True)
class CaptionWays:
    """How the captions of folders are read.

    Attributes:
        sources: the folders, each with the endings of its caption files and the rules of its captions.
        others: of any other folder.
    """

    sources: tuple[Source, ...]
    others: FolderOptions

    @classmethod
    def of(cls, settings: Settings) -> "CaptionWays":
        """Return those of the folders that settings read: to train on, for regularisation, and for validation.

        Args:
            settings: with every path filled in.

        Raises:
            DatasetError, SettingsError: as read_data, of folders; no file in them is opened.
        """
        sources = asked_folders(settings).sources
        if settings.dataset_config:
            settings = read_dataset_toml(Path(settings.dataset_config), settings).settings
        others = FolderOptions(caption_endings(settings), CaptionRules.of(settings))
        if settings.validation_data_dir:
            root = Path(settings.validation_data_dir)
            sources += sources_in(root, others, flat_repeats=1, repeats={}).read
        return cls(sources, others)

    @classmethod
    def of_folder(cls, root: Path) -> "CaptionWays":
        """Return those of a folder of pictures and of the `N_name` folders in it, as the defaults have them.

        Raises:
            DatasetError: it is missing, or cannot be read.
        """
        others = FolderOptions(caption_endings(Settings()))
        return cls(sources_in(root, others, flat_repeats=1, repeats={}).read, others)

    def options(self, folder: Path) -> FolderOptions:
        """Return how captions in a folder are read."""
        return self._by_folder.get(folder, self.others)

    @cached_property
    def _by_folder(self) -> dict[Path, FolderOptions]:
        # A folder that is named twice is read by the first.
        return {source.path: source.options for source in reversed(self.sources)}


def found_pictures(ways: CaptionWays, *, folder: str = "") -> list[FoundPicture]:
    """Return every picture in the folders, none of them opened.

    Args:
        ways: the folders.
        folder: the name of the only one that is wanted, "" for all.

    Raises:
        DatasetError: a folder cannot be read, or none has that name.
    """
    names = {source.name for source in ways.sources}
    if folder and folder not in names:
        raise DatasetError(
            "--folder",
            found=f"no folder `{printable(folder, 60)}` with pictures",
            expected=f"one of {', '.join(printable(name, 40) for name in sorted(names)[:8])}",
        )
    found: dict[Path, FoundPicture] = {}
    for source in ways.sources:
        if folder in ("", source.name):
            for picture in _in_source(source):
                found.setdefault(picture.path, picture)
    return list(found.values())


def caption_files(pictures: Iterable[CaptionOwner], ways: CaptionWays) -> list[CaptionFile]:
    """Return the caption files of pictures, each once, in their order.

    Args:
        pictures: those that were chosen.
        ways: of their folders.

    Raises:
        DatasetError: a folder cannot be read, or the settings read no captions.
    """
    shares: dict[Path, Counter[str]] = {}
    chosen: dict[str, list[CaptionOwner]] = {}
    sharing: dict[str, dict[Path, int]] = {}
    for picture in {picture.path: picture for picture in pictures}.values():
        place = picture.caption_file or picture.caption_place
        if place is None:
            raise _no_captions()
        # Two names may be links to one file.
        key = os.path.realpath(place) if os.path.islink(place) else os.fspath(place)
        folder = place.parent
        if folder not in shares:
            shares[folder] = _shares(folder, ways.options(folder).extensions)
        chosen.setdefault(key, []).append(picture)
        sharing.setdefault(key, {})[place] = shares[folder][place.name]
    return [_file_of(these, sharing[key], ways) for key, these in chosen.items()]


def _file_of(pictures: list[CaptionOwner], places: dict[Path, int], ways: CaptionWays) -> CaptionFile:
    first = pictures[0]
    path = next(iter(places))
    return CaptionFile(
        path=path,
        exists=first.caption_file is not None,
        words=first.caption if first.caption_file is None else "",
        rules=ways.options(first.path.parent).caption_rules,
        # One that is not there yet is of the pictures that were chosen.
        pictures=max(sum(places.values()), len(pictures)),
        chosen=len(pictures),
        picture=first.path,
    )


def _shares(folder: Path, endings: tuple[str, ...]) -> Counter[str]:
    """Return how many pictures of a folder each of its caption files belongs to."""
    names = [entry.name for entry in entries_of(folder) if not entry.is_dir()]
    captions = {caption_key(name, endings): name for name in names if not is_picture_name(name)}
    found = (caption_name(Path(name).stem, endings, captions) for name in names if is_picture_name(name))
    return Counter(name for name in found if name is not None)


def _in_source(source: Source) -> list[FoundPicture]:
    """Return the pictures of one folder, as `scan` finds them and their captions."""
    options = source.options
    entries = [entry for entry in entries_of(source.path) if not entry.is_dir()]
    captions = {
        caption_key(entry.name, options.extensions): entry.name for entry in entries if not is_picture_name(entry.name)
    }
    pictures = []
    for entry in entries:
        if not options.takes(entry.name):
            continue
        path = source.path / entry.name
        words = caption_name(path.stem, options.extensions, captions)
        file = source.path / words if words else None
        place = file or (source.path / (path.stem + options.extensions[0]) if options.extensions else None)
        without = "" if file else source.caption_without_file(entry.name)
        pictures.append(FoundPicture(path, source.name, without, file, place))
    return pictures


def _no_captions() -> DatasetError:
    return DatasetError(
        "behave_like",
        found="the trainer that it names reads no caption files",
        way_out="leave it blank to edit captions",
    )
