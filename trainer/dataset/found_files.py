"""All files of the data folders, those that are not read here among them, for other trainers to count."""

import os
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.dataset.picture_file import UnreadablePicture, is_other_picture_name, is_picture_name, picture_size
from trainer.dataset.sources import Source, entries_of, repeats_by_folder
from trainer.errors import DatasetError
from trainer.profiles.record import Size
from trainer.profiles.tally import FoundData, FoundFile
from trainer.settings.model import Settings
from trainer.text import plural, printable

# A data set has thousands; a home folder named by mistake has more.
_MAX_FILES = 200_000
# Folders in folders.
_MAX_DEPTH = 16


def found_data(settings: Settings, left_out: Collection[Path] = ()) -> FoundData:
    """Return every file under the data folder and the regularisation folder, hidden ones left out, with the sizes of pictures.

    The folders of a data set file stand as `N_name` folders, N their repeats, which every trainer is told.

    Args:
        settings: with every path filled in.
        left_out: files that exclude_pictures leaves out: they are not there for any trainer.

    Raises:
        DatasetError: a folder is missing, cannot be read, or holds too much to be a data set.
        SettingsError: the data set file is wrong.
    """
    if settings.dataset_config:
        return _of_file(settings, left_out)
    root = Path(settings.train_data_dir)
    files = list(_files_in(root, left_out, regularisation=False))
    regular = Path(settings.reg_data_dir) if settings.reg_data_dir else None
    if regular is not None:
        files += _files_in(regular, left_out, regularisation=True)
    folders = frozenset((of is regular, name) for of in (root, regular) if of is not None for name in _folders_in(of))
    return FoundData(_name_of(root), tuple(files), _name_of(regular) if regular else "", folders)


def _of_file(settings: Settings, left_out: Collection[Path]) -> FoundData:
    path = Path(settings.dataset_config)
    files: list[FoundFile] = []
    taken: set[tuple[bool, str]] = set()
    renamed = repeats_by_folder(settings.num_repeats)
    given: dict[tuple[bool, str], int] = {}
    for each in read_dataset_toml(path, settings).sources:
        source = replace(each, repeats=renamed.get(each.path.name, each.repeats))
        if not source.repeats:
            continue
        name = _unused(_folder_name(source), source.options.is_reg, taken)
        given[source.options.is_reg, name] = source.repeats
        files += (
            replace(file, path=f"{name}/{file.path}")
            for file in _files_in(source.path, left_out, regularisation=source.options.is_reg)
        )
    regular = any(file.regularisation for file in files)
    root = _name_of(path.parent)
    return FoundData(root, tuple(files), root if regular else "", given=given)


def _folder_name(source: Source) -> str:
    words = source.fallback_caption or source.path.name
    return f"{source.repeats}_{words.replace('/', '_')}"


def _unused(name: str, regularisation: bool, taken: set[tuple[bool, str]]) -> str:
    number, plain = 1, name
    while (regularisation, name) in taken:
        number += 1
        name = f"{plain} {number}"
    taken.add((regularisation, name))
    return name


def _files_in(root: Path, left_out: Collection[Path], *, regularisation: bool) -> Iterator[FoundFile]:
    """Yield the files under `root`, sorted by name, those of a folder before those of the folders in it."""
    entries_of(root)
    paths = list(islice(_walk(root, "", ()), _MAX_FILES + 1))
    if len(paths) > _MAX_FILES:
        raise DatasetError(
            printable(str(root)),
            found=f"more than {plural(_MAX_FILES, 'file')} in it and in its folders",
            expected="a folder of training pictures",
            way_out="name another folder",
        )
    for path in paths:
        if root / path in left_out:
            continue
        yield FoundFile(path, _size(root / path), regularisation, is_picture_name(path) or is_other_picture_name(path))


def _folders_in(root: Path) -> Iterator[str]:
    return (entry.name for entry in entries_of(root) if entry.is_dir())


def _walk(folder: Path, below: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """Yield the paths of files in `folder` and in the folders in it; `above` are those that it lies in, by device and inode."""
    try:
        entries, status = entries_of(folder), os.stat(folder)
    except (DatasetError, OSError):
        # A folder in it that cannot be looked into holds nothing that any trainer could load.
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        # A link that leads back up.
        return
    folders = [entry for entry in entries if entry.is_dir()]
    # As they are read: regularisation pictures are shown in this order until there are enough.
    yield from (below + entry.name for entry in entries if not entry.is_dir())
    for entry in folders:
        if len(above) < _MAX_DEPTH:
            yield from _walk(Path(entry.path), f"{below}{entry.name}/", (*above, here))


def _size(path: Path) -> Size | None:
    if not is_picture_name(path.name):
        return None
    try:
        return picture_size(path)
    except UnreadablePicture:
        return None


def _name_of(folder: Path) -> str:
    return Path(os.path.abspath(folder)).name
