"""The folders that settings ask for, before anything in them is read."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from trainer.dataset.buckets import group_of
from trainer.dataset.dataset_toml import masks_for, read_dataset_toml
from trainer.dataset.imitation import caption_endings, caption_of_name, engine_of, engine_rule, pictures_loaded
from trainer.dataset.left_out import with_left_out
from trainer.dataset.records import CaptionRules, Group
from trainer.dataset.sources import (
    FolderOptions,
    Source,
    check_names,
    entries_of,
    repeats_by_folder,
    skipped_folder,
    sources_in,
    with_nested,
    with_unique_names,
)
from trainer.errors import DatasetError
from trainer.finding import Finding
from trainer.refusals import real_path
from trainer.settings.model import Settings
from trainer.text import printable


@dataclass(frozen=True)
class AskedPlace:
    """A folder that the settings name, and the folders that are read for it.

    Attributes:
        path: where it is.
        names: of the sources.
        may_be_empty: whether the bake does without pictures in it.
    """

    path: Path
    names: frozenset[str]
    may_be_empty: bool = False


@dataclass(frozen=True)
class AskedFolders:
    """The folders that settings ask for.

    Attributes:
        root: the folder that names of pictures count from.
        sources: what is read, one after the other; their names differ.
        places: what the settings name, in their order.
        groups: how pictures are put together.
        notes: on what is left out.
        config: sha256 of the data set file, "" without one.
    """

    root: Path
    sources: tuple[Source, ...]
    places: tuple[AskedPlace, ...]
    groups: tuple[Group, ...]
    notes: tuple[Finding, ...]
    config: str = ""

    def files(self) -> list[Path]:
        """Return the pictures that are read, those that exclude_pictures leaves out among them; their contents are not looked at.

        Raises:
            DatasetError: a folder cannot be read.
        """
        return [
            source.path / entry.name
            for source in self.sources
            for entry in entries_of(source.path)
            if source.options.takes(entry.name) and not entry.is_dir()
        ]

    def left_out(self) -> frozenset[Path]:
        """Return the files that exclude_pictures names, be they there or not."""
        return frozenset(source.path / name for source in self.sources for name in source.excluded)


def asked_folders(settings: Settings) -> AskedFolders:
    """Return the folders to train on: those of dataset_config, else those of train_data_dir and reg_data_dir.

    Args:
        settings: with every path filled in.

    Raises:
        DatasetError: a folder is missing or cannot be read.
        SettingsError: the data set file is wrong, or num_repeats names a folder that is not there.
    """
    asked = _in_file(settings) if settings.dataset_config else _in_folders(settings)
    return replace(asked, sources=with_left_out(asked.sources, asked.root, settings.exclude_pictures))


def _in_folders(settings: Settings) -> AskedFolders:
    repeats = repeats_by_folder(settings.num_repeats)
    options = FolderOptions(
        extensions=caption_endings(settings),
        caption_rules=CaptionRules.of(settings),
        masks=masks_for(settings, wanted=True),
        loaded=pictures_loaded(settings),
        caption_of_name=caption_of_name(settings),
        held_out=settings.validation_split,
    )
    rule, engine = engine_rule(settings), engine_of(settings)
    root = Path(settings.train_data_dir)
    roots = {root: sources_in(root, options, flat_repeats=settings.dataset_repeats, repeats=repeats, rule=rule)}
    regular = Path(settings.reg_data_dir) if settings.reg_data_dir else None
    if regular is not None:
        # Masks are made for the pictures of the subject; regularisation pictures need none.
        options = replace(options, is_reg=True, masks=masks_for(settings, wanted=False))
        if real_path(regular) == real_path(root):
            raise DatasetError(
                printable(str(regular)),
                found="reg_data_dir and train_data_dir are the same folder",
                expected="different pictures for regularisation",
                way_out="name another folder, or leave reg_data_dir blank",
            )
        roots[regular] = sources_in(regular, options, flat_repeats=1, repeats=repeats, rule=rule)
    check_names(repeats, frozenset().union(*(sources.names for sources in roots.values())))
    sources = with_unique_names(source for under in roots.values() for source in under.read)
    places, rest = [], sources
    for path, under in roots.items():
        own, rest = rest[: len(under.read)], rest[len(under.read) :]
        optional = path == regular and engine is not None and not engine.needs_regularisation
        places.append(AskedPlace(path, frozenset(source.name for source in own), optional))
    notes = tuple(line for under in roots.values() for line in under.left_out)
    return AskedFolders(root, tuple(sources), tuple(places), (group_of(settings),), notes)


def _in_file(settings: Settings) -> AskedFolders:
    path = Path(settings.dataset_config)
    file = read_dataset_toml(path, settings)
    repeats = repeats_by_folder(settings.num_repeats)
    check_names(repeats, {source.path.name for source in file.sources})
    sources = [replace(source, repeats=repeats.get(source.path.name, source.repeats)) for source in file.sources]
    left_out = [skipped_folder(printable(source.name, 60), "0 repeats") for source in sources if source.repeats == 0]
    named = [source for source in sources if source.repeats]
    sources = with_unique_names(with_nested(named))
    places = (
        AskedPlace(own.path, frozenset(source.name for source in sources if source.path.is_relative_to(own.path)))
        for own in named
    )
    _check_groups(path, sources, len(file.groups))
    digest = hashlib.sha256(file.text.encode("utf-8")).hexdigest()
    return AskedFolders(path.parent, tuple(sources), tuple(places), file.groups, (*file.notes, *left_out), digest)


def _check_groups(path: Path, sources: Iterable[Source], groups: int) -> None:
    """Refuse a data set without pictures to train on: regularisation pictures alone are not trained on."""
    trained = {source.options.group for source in sources if not source.options.is_reg}
    for group in range(groups):
        if group not in trained:
            raise DatasetError(
                f"{printable(str(path))} [[datasets]] {group + 1}",
                found="no folder to train on",
                expected="a subset with repeats and without is_reg",
                way_out="add one, or remove this data set",
            )
