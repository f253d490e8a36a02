"""The pictures that the settings ask for, and how they are trained."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trainer.dataset.batches import instances
from trainer.dataset.buckets import group_of
from trainer.dataset.captions import deterministic_caption
from trainer.dataset.dataset_toml import masks_for, read_dataset_toml
from trainer.dataset.held_out import held_out_data, hold_out
from trainer.dataset.imitation import caption_endings, caption_of_name, engine_of, engine_rule, pictures_loaded
from trainer.dataset.records import CaptionRules, DataSet, Group
from trainer.dataset.scan import ScanResult, no_pictures, read_sources, refuse_faults, scan
from trainer.dataset.script_count import count_of_script
from trainer.dataset.sources import (
    FolderOptions,
    FolderSources,
    Source,
    check_names,
    repeats_by_folder,
    skipped_folder,
    sources_in,
    with_nested,
    with_unique_names,
)
from trainer.errors import DatasetError
from trainer.finding import Finding
from trainer.profiles.record import EngineRules
from trainer.refusals import real_path
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.profile_defaults import imitated
from trainer.text import plural, printable

# Settings of the section Data that do not affect how pictures are read.
_LATER = {"prior_loss_weight", "max_token_length"}


def read_data(settings: Settings, *, refuse: bool = True) -> DataSet:
    """Return the pictures to train on: those of dataset_config, else those of train_data_dir and reg_data_dir.

    Args:
        settings: with every path filled in.
        refuse: whether files that cannot be used are an error; else they stand in the data's faults.

    Raises:
        DatasetError: a folder is missing, holds no pictures, or one of them, its caption or its mask cannot be used.
        SettingsError: the data set file is wrong, or num_repeats names a folder that is not there.
    """
    data = _by_file(settings) if settings.dataset_config else _by_folders(settings)
    if refuse:
        refuse_faults(data.faults)
    return data


def read_validation(settings: Settings, data: DataSet, *, refuse: bool = True) -> DataSet | None:
    """Return the pictures kept out of training, None where there are none: those of validation_data_dir, else what the data hold out.

    They are in the buckets of the (first) group of the training data, without masks, and their captions have nothing left to
    chance: first line, first wildcard, no tag dropped or moved.

    Args:
        settings: with every path filled in.
        data: from read_data.
        refuse: as for read_data.

    Raises:
        DatasetError: the folder is missing, holds no pictures, or one of them or its caption cannot be used.
        SettingsError: the data set file is wrong.
    """
    if not settings.validation_data_dir and not data.held_out:
        return None
    if settings.dataset_config:
        settings = read_dataset_toml(Path(settings.dataset_config), settings).settings
    if not settings.validation_data_dir:
        return held_out_data(data, group_of(settings))
    found = scan(Path(settings.validation_data_dir), caption_extension=settings.caption_extension, refuse=refuse)
    words = CaptionRules.of(settings)
    pictures = tuple(
        replace(picture, caption=deterministic_caption(picture.caption, words)) for picture in found.pictures
    )
    return replace(found, pictures=pictures, groups=(group_of(settings),))


def same_data(one: Settings, other: Settings) -> bool:
    """Return whether both settings ask for the same pictures, trained in the same way, so that they need not be read again."""
    names = (field.name for field in fields() if field.section == "Data" and field.name not in _LATER)
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _by_folders(settings: Settings) -> DataSet:
    repeats = repeats_by_folder(settings.num_repeats)
    options = FolderOptions(
        extensions=caption_endings(settings),
        caption_rules=CaptionRules.of(settings),
        masks=masks_for(settings, wanted=True),
        loaded=pictures_loaded(settings),
        caption_of_name=caption_of_name(settings),
        held_out=settings.validation_split,
    )
    rule = engine_rule(settings)
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
    found = _read_roots(roots, engine_of(settings), regular)
    notes = [*found.notes, *(line for sources in roots.values() for line in sources.left_out)]
    read = [source for under in roots.values() for source in under.read]
    data = _held_out(_as_data(root, found, notes, (group_of(settings),)), settings, read)
    return _counted(_with_unused_noted(data), settings)


def _read_roots(
    roots: Mapping[Path, FolderSources], engine: EngineRules | None, regular: Path | None = None
) -> ScanResult:
    """Return the pictures under all roots; each must have some, `regular` only where the engine asks for it."""
    sources = with_unique_names(source for under in roots.values() for source in under.read)
    found = ScanResult()
    for root, under in roots.items():
        own, sources = sources[: len(under.read)], sources[len(under.read) :]
        more = read_sources(own)
        if not more.pictures and not more.faults:
            if root != regular or engine is None or engine.needs_regularisation:
                raise no_pictures(root, engine)
            found.notes.append(_without_regularisation(root, engine))
        found.folders += more.folders
        found.pictures += more.pictures
        found.notes += more.notes
        found.faults += more.faults
    return found


def _without_regularisation(root: Path, engine: EngineRules) -> Finding:
    return Finding(
        "reg-unused",
        "reg_data_dir",
        f"no picture in {printable(str(root))} is used: {engine.name} finds none there, and trains without regularisation",
    )


def _by_file(settings: Settings) -> DataSet:
    path = Path(settings.dataset_config)
    file = read_dataset_toml(path, settings)
    repeats = repeats_by_folder(settings.num_repeats)
    check_names(repeats, {source.path.name for source in file.sources})
    sources = [replace(source, repeats=repeats.get(source.path.name, source.repeats)) for source in file.sources]
    left_out = [skipped_folder(printable(source.name, 60), "0 repeats") for source in sources if source.repeats == 0]
    named, engine = [source for source in sources if source.repeats], engine_of(settings)
    sources = with_unique_names(with_nested(named))
    found = read_sources(sources)
    filled = {folder.name for folder in found.folders}
    for own in named:
        if not any(source.name in filled for source in sources if source.path.is_relative_to(own.path)):
            raise no_pictures(own.path, engine)
    _check_groups(path, sources, len(file.groups))
    digest = hashlib.sha256(file.text.encode("utf-8")).hexdigest()
    data = _as_data(path.parent, found, [*found.notes, *file.notes, *left_out], file.groups, digest)
    return _counted(_with_unused_noted(_held_out(data, settings, sources)), settings)


def _held_out(data: DataSet, settings: Settings, sources: Iterable[Source]) -> DataSet:
    """Return the data without the pictures that are held out, where no other ones are named for it."""
    if settings.validation_data_dir:
        return data
    shares = {source.name: source.options.held_out for source in sources}
    return hold_out(data, shares, settings.validation_outfit, settings.validation_seed)


def _counted(data: DataSet, settings: Settings) -> DataSet:
    """Return the data with what the script counts of the trainer that they behave like."""
    profile = imitated(settings.behave_like)
    return data if profile is None else replace(data, by_script=count_of_script(settings, profile))


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


def _as_data(
    root: Path, found: ScanResult, notes: Sequence[Finding], groups: tuple[Group, ...], config: str = ""
) -> DataSet:
    return DataSet(root, tuple(found.folders), tuple(found.pictures), tuple(notes), groups, config, tuple(found.faults))


def _with_unused_noted(data: DataSet) -> DataSet:
    """Return the data with a note on regularisation pictures that are never shown."""
    regular = {index for index, picture in enumerate(data.pictures) if picture.is_reg}
    unused = len(regular - set(instances(data))) if regular else 0
    if not unused:
        return data
    more = f"{unused} of {plural(len(regular), 'regularisation picture')} never shown: no more are needed than there are training pictures"
    return replace(data, notes=(*data.notes, Finding("reg-unused", "reg_data_dir", more)))
