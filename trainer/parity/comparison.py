"""What a comparison of trainers is made from, read from a settings file and its data folders."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from trainer.dataset.asked_folders import asked_folders
from trainer.dataset.dataset_toml import read_dataset_toml
from trainer.dataset.found_files import found_data
from trainer.errors import ModelError
from trainer.families.registry import FAMILIES
from trainer.jobs.minutes import MinutesAsSteps, minutes_as_steps
from trainer.models.identify import identify_base
from trainer.parity.columns import AskedSettings, asked_settings
from trainer.profiles.record import DerivedOption
from trainer.profiles.scripts_2023 import ANON_1337
from trainer.profiles.tally import FoundData
from trainer.settings.describe import is_setting
from trainer.settings.model import Settings
from trainer.settings.parts import Family
from trainer.settings.subject import resolve


@dataclass(frozen=True)
class Comparison:
    """What a comparison of trainers is made from.

    Attributes:
        asked: the settings, every path filled in, and which of them were asked for.
        data: all files of the data folders.
        family: of the base.
        notes: what was not as it should be, a sentence each.
        only_changed: whether the settings at their default do not count as asked for, since the file writes all of them out.
    """

    asked: AskedSettings
    data: FoundData
    family: Family
    notes: tuple[str, ...] = ()
    only_changed: bool = False


def read_comparison(
    settings: Settings, settings_path: Path, written: Collection[str] | None = None, *, as_written: bool = False
) -> Comparison:
    """Return what a comparison of `settings` is made from. Reads files, writes none; for a thread.

    Args:
        settings: as the file or the form has them.
        settings_path: of their file; relative paths count from there.
        written: the settings that their file writes, see columns.asked_settings.
        as_written: whether all of these were asked for, however many they are.

    Raises:
        SettingsError: a path is missing, or the subject or the data set file is wrong.
        DatasetError: a data folder is missing or cannot be read.
    """
    stated = frozenset(written) if as_written and written is not None else asked_settings(settings, written).stated
    only_changed = written is not None and stated != frozenset(written)
    resolved = resolve(settings, settings_path)
    notes = []
    counted = minutes_as_steps(resolved, settings_path)
    if counted.note:
        resolved, stated = counted.settings, stated | {"max_train_epochs", "max_train_steps"}
        notes += [f"{text}." for text in (counted.note, counted.script) if text]
    try:
        family = identify_base(resolved.pretrained_model_name_or_path).family
    except ModelError as error:
        family = next(iter(FAMILIES))
        notes.append(f"The base cannot be read ({error.found}); the rates are those of {FAMILIES[family].title}.")
    data = found_data(resolved, asked_folders(resolved).left_out() if resolved.exclude_pictures else ())
    if resolved.exclude_pictures:
        notes.append(
            "Pictures that exclude_pictures leaves out are left out of every column; another trainer reads them unless they are moved."
        )
    if resolved.dataset_config:
        file = read_dataset_toml(Path(resolved.dataset_config), resolved)
        resolved = file.settings
        notes.append(
            "Folders, repeats, batch size and resolution are those of the data set file, of its first data set."
        )
        stated |= file.stated
    if resolved.validates and not resolved.validation_data_dir:
        notes.append(
            "Pictures that are held out here (validation_split, validation_outfit) count as trained on in every column."
        )
    paths = frozenset(
        name for name in type(resolved).model_fields if getattr(resolved, name) != getattr(settings, name)
    )
    asked = AskedSettings(resolved, stated | paths, _by_minutes(counted))
    return Comparison(asked, data, family, tuple(notes), only_changed)


def _by_minutes(counted: MinutesAsSteps) -> dict[str, tuple[DerivedOption, ...]]:
    """Return the steps of the one script that takes minutes itself."""
    script = counted.by_script
    if script is None or script.steps is None:
        return {}
    return {ANON_1337.key: (DerivedOption("max_train_steps", script.steps, script.why),)}


def written_settings(text: str) -> frozenset[str]:
    """Return the names of the settings that a settings file writes, in tables of any name.

    Args:
        text: TOML that was read as settings before.
    """
    found: set[str] = set()
    tables = [tomlkit.parse(text).unwrap()]
    while tables:
        for key, value in tables.pop().items():
            if is_setting(key):
                found.add(key)
            elif isinstance(value, dict):
                tables.append(value)
    return frozenset(found)
