"""What does a bake stand on? Its data, its base and its plan, and the records of them in the bake's folder."""

from dataclasses import dataclass
from pathlib import Path

from trainer.bake.report import Report
from trainer.dataset.manifest import manifest_bytes
from trainer.dataset.scan import DataSet, scan
from trainer.errors import WorkspaceError
from trainer.foreign_text import shown
from trainer.models.identify import Base, check_clip_skip, identify_base
from trainer.plan.plan import Plan, make_plan
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings
from trainer.settings.whole_file import write_whole


@dataclass(frozen=True)
class Ground:
    """Everything a bake knows before torch has anything to do."""

    data: DataSet
    validation: DataSet | None
    base: Base
    plan: Plan


def survey(settings: Settings) -> Ground:
    """Return the ground of a bake with these settings, whose paths are filled in.

    Raises:
        SettingsError, DatasetError, ModelError: what is there now does not fit the settings.
    """
    base = identify_base(settings.pretrained_model_name_or_path)
    check_clip_skip(base, settings.clip_skip)
    data = scan(
        Path(settings.train_data_dir),
        caption_extension=settings.caption_extension,
        dataset_repeats=settings.dataset_repeats,
    )
    validation = None
    if settings.validation_data_dir:
        validation = scan(Path(settings.validation_data_dir), caption_extension=settings.caption_extension)
    return Ground(data, validation, base, make_plan(settings, data))


def keep_records(settings: Settings, ground: Ground, folder: Path, report: Report) -> None:
    """Write settings.toml and data.json.gz into the bake's folder, and what will run into the journal.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    journal, number = report.journal, report.number
    save_settings(settings, folder / "settings.toml")
    content = manifest_bytes(ground.data)
    try:
        write_whole(folder / "data.json.gz", content)
    except OSError as error:
        raise WorkspaceError(shown(str(folder)), found=f"cannot be written ({error.strerror})") from error
    journal.set_manifest(number, content)
    # The data may have changed since the bake was queued.
    journal.set_plan(number, ground.plan.total_steps, ground.plan.steps_per_epoch)
    for note in (*ground.data.notes, *ground.plan.warnings):
        report.say(note, level="warning")
