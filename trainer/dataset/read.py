"""The pictures that the settings ask for, and how they are trained."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from trainer.dataset.asked_folders import AskedFolders, asked_folders
from trainer.dataset.batches import instances
from trainer.dataset.buckets import group_of
from trainer.dataset.captions import deterministic_caption
from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.dataset.held_out import held_out_data, hold_out
from trainer.dataset.imitation import engine_of
from trainer.dataset.left_out import check_left_out, left_out_notes, nothing_left
from trainer.dataset.records import CaptionRules, DataSet
from trainer.dataset.scan import ScanResult, no_pictures, read_sources, refuse_faults, scan
from trainer.dataset.script_count import count_of_script
from trainer.dataset.sources import Source
from trainer.finding import Finding
from trainer.profiles.record import EngineRules
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.profile_defaults import imitated
from trainer.text import plural, printable

# Settings of the section Data that do not affect how pictures are read.
_LATER = {"prior_loss_weight", "max_token_length"}


def read_data(settings: Settings, *, refuse: bool = True, show: Callable[[int], object] | None = None) -> DataSet:
    """Return the pictures to train on: those of dataset_config, else those of train_data_dir and reg_data_dir.

    Args:
        settings: with every path filled in.
        refuse: whether files that cannot be used are an error; else they stand in the data's faults.
        show: takes how many pictures have been read; what it raises ends the reading.

    Raises:
        DatasetError: a folder is missing, holds no pictures, or one of them, its caption or its mask cannot be used.
        SettingsError: the data set file is wrong, or num_repeats names a folder or exclude_pictures a picture that is not there.
    """
    asked = asked_folders(settings)
    found = read_sources(asked.sources, show)
    notes = [*found.notes, *_check_places(asked, found, settings), *asked.notes]
    whole = DataSet(
        asked.root,
        tuple(found.folders),
        tuple(found.pictures),
        tuple(notes),
        asked.groups,
        asked.config,
        tuple(found.faults),
        excluded=tuple(found.excluded),
    )
    kept = _held_out(whole, settings, asked.sources)
    # Behind the choice of what is held out, among which a name may be looked for.
    check_left_out(kept, settings.exclude_pictures)
    data = _counted(_with_notes(kept), settings, asked.left_out())
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


def _check_places(asked: AskedFolders, found: ScanResult, settings: Settings) -> list[Finding]:
    """Return notes on folders that may be empty and are.

    Raises:
        DatasetError: another one has no pictures.
        SettingsError: everything in it is left out.
    """
    notes, engine = [], engine_of(settings)
    filled = {folder.name for folder in found.folders}
    for place in asked.places:
        if place.names & filled:
            continue
        if place.may_be_empty and engine is not None:
            notes.append(_without_regularisation(place.path, engine))
        elif excluded := sum(picture.folder in place.names for picture in found.excluded):
            raise nothing_left(place.path, excluded)
        else:
            raise no_pictures(place.path, engine)
    return notes


def _without_regularisation(root: Path, engine: EngineRules) -> Finding:
    return Finding(
        "reg-unused",
        "reg_data_dir",
        f"no picture in {printable(str(root))} is used: {engine.name} finds none there, and trains without regularisation",
    )


def _held_out(data: DataSet, settings: Settings, sources: Iterable[Source]) -> DataSet:
    """Return the data without the pictures that are held out, where no other ones are named for it."""
    if settings.validation_data_dir:
        return data
    shares = {source.name: source.options.held_out for source in sources}
    return hold_out(data, shares, settings.validation_outfit, settings.validation_seed)


def _counted(data: DataSet, settings: Settings, left_out: Collection[Path]) -> DataSet:
    """Return the data with what the script counts of the trainer that they behave like, as if what is left out were not there."""
    profile = imitated(settings.behave_like)
    return data if profile is None else replace(data, by_script=count_of_script(settings, profile, left_out))


def _with_notes(data: DataSet) -> DataSet:
    """Return the data with notes on what is left out, and on regularisation pictures that are never shown."""
    notes = (*data.notes, *left_out_notes(data), *_unused_regularisation(data))
    return replace(data, notes=notes)


def _unused_regularisation(data: DataSet) -> Iterator[Finding]:
    regular = {index for index, picture in enumerate(data.pictures) if picture.is_reg}
    unused = len(regular - set(instances(data))) if regular else 0
    if not unused:
        return
    more = f"{unused} of {plural(len(regular), 'regularisation picture')} never shown: no more are needed than there are training pictures"
    yield Finding("reg-unused", "reg_data_dir", more)
