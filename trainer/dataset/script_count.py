"""Pictures as the script of the trainer counts them that a bake behaves like."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from trainer.dataset.found_files import found_data
from trainer.dataset.sources import repeats_by_folder
from trainer.errors import DatasetError
from trainer.profiles.record import FolderName, Options, TrainerProfile
from trainer.profiles.registry import PROFILES
from trainer.profiles.tally import Tally, known_endings, tally
from trainer.settings.model import Settings
from trainer.text import printable


def count_of_script(settings: Settings, profile: TrainerProfile, left_out: Collection[Path] = ()) -> Tally:
    """Return what the script of a trainer counts in the data folders; `num_repeats` stands in place of a folder's own number.

    Args:
        settings: with every path filled in.
        profile: the trainer.
        left_out: files that are not counted, as if they were not there.

    Raises:
        DatasetError: the script stops at a folder, or a folder cannot be read.
    """
    given = repeats_by_folder(settings.num_repeats)

    def repeats(folder: FolderName, options: Options) -> int | None:
        return given[folder.name] if folder.name in given else profile.steps.repeats(folder, options)

    rule = replace(profile.steps.repeats, of=repeats)
    known = known_endings(rules for each in PROFILES.values() for rules in (each.steps, each.engine))
    try:
        return tally(
            found_data(settings, left_out),
            profile.steps.pictures,
            rule,
            settings.model_dump(),
            known,
            regularisation=profile.steps.regularisation == "counted",
        )
    except ValueError as reason:
        raise DatasetError(
            printable(str(Path(settings.train_data_dir or settings.dataset_config))),
            found=f"{profile.title}, which behave_like names, stops here: {printable(str(reason))}",
            way_out="rename the folder, or give it repeats in num_repeats",
        ) from None
