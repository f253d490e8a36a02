"""Pictures as the script of another trainer counts them, by their names alone."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from trainer.dataset.imitation import counts, folder_rule
from trainer.dataset.picture_file import is_other_picture_name, is_picture_name
from trainer.dataset.records import PictureCount
from trainer.dataset.sources import (
    FolderOptions,
    Source,
    entries_of,
    repeats_by_folder,
    sources_in,
    with_nested,
)
from trainer.profiles.record import PictureRules, TrainerProfile
from trainer.settings.model import Settings


def count_in_root(root: Path, settings: Settings, profile: TrainerProfile) -> PictureCount:
    """Return what the script of a trainer counts in a folder of `N_name` folders.

    Args:
        root: the folder of training pictures.
        settings: with repeats that stand in place of those in names.
        profile: the trainer.

    Raises:
        DatasetError: the folder cannot be read, or has a name at which the script stops.
    """
    found = sources_in(
        root,
        FolderOptions((), loaded=profile.steps.pictures),
        flat_repeats=settings.dataset_repeats,
        repeats=repeats_by_folder(settings.num_repeats),
        rule=folder_rule(profile.steps.repeats, settings),
    )
    return _counted(found.read, [root], profile.steps.pictures)


def count_in_sources(sources: Sequence[Source], profile: TrainerProfile) -> PictureCount:
    """Return what the script of a trainer would count in the folders of a data set file, which it does not know itself.

    Raises:
        DatasetError: a folder cannot be read.
    """
    rules = profile.steps.pictures
    trained = [source for source in sources if source.repeats and not source.options.is_reg]
    own = [replace(source, options=replace(source.options, loaded=rules)) for source in trained]
    return _counted(with_nested(own), [source.path for source in own], rules)


def _counted(sources: Iterable[Source], roots: Sequence[Path], rules: PictureRules) -> PictureCount:
    counted: set[Path] = set()
    pictures = total = 0
    for source in sources:
        names = [entry.name for entry in entries_of(source.path) if counts(rules, entry.name) and not entry.is_dir()]
        pictures += len(names)
        total += len(names) * source.repeats
        counted.update(source.path / name for name in names)
    left_out = [
        path.relative_to(root).as_posix() for root in roots for path in _pictures_below(root) if path not in counted
    ]
    return PictureCount(pictures, total, tuple(left_out))


def _pictures_below(root: Path) -> Iterator[Path]:
    for folder, inside, names in os.walk(root):
        inside[:] = sorted(each for each in inside if not each.startswith("."))
        yield from (
            Path(folder, name) for name in sorted(names) if is_picture_name(name) or is_other_picture_name(name)
        )
