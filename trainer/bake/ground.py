"""What does a bake stand on? Its data, its base and its plan, and the records of them in the bake's folder."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from trainer.bake.report import Report
from trainer.dataset.data import DataSet
from trainer.dataset.manifest import manifest_bytes, write_manifest
from trainer.dataset.read import read_data, read_validation
from trainer.models.identify import Base, check_clip_skip, check_vae, identify_base, lora_file_bytes
from trainer.plan.disk import state_bytes
from trainer.plan.optimizer_there import check_optimizer_there
from trainer.plan.plan import Plan, make_plan
from trainer.settings.model import Settings
from trainer.settings.toml_file import save_settings

_BYTES = {"float": 4, "fp16": 2, "bf16": 2}


@dataclass(frozen=True)
class Ground:
    """Everything a bake knows before torch has anything to do: settings with every path filled in, data scanned, base recognised."""

    settings: Settings
    data: DataSet
    validation: DataSet | None
    base: Base
    plan: Plan


def survey(settings: Settings, seconds_per_step: float | None = None) -> Ground:
    """Return the ground of a bake with these settings, whose paths are filled in. Reads files, writes none.

    Args:
        settings: as they will run.
        seconds_per_step: measured speed of a bake like this, if one is known.

    Raises:
        SettingsError, DatasetError, ModelError: what is there now does not fit the settings.
    """
    base = identify_base(settings.pretrained_model_name_or_path)
    return ground_on(settings, read_data(settings), read_validation(settings), base, seconds_per_step)


def ground_on(
    settings: Settings, data: DataSet, validation: DataSet | None, base: Base, seconds_per_step: float | None = None
) -> Ground:
    """Return the ground on data already scanned and a base already recognised; quick enough for every key typed.

    Raises:
        SettingsError: the settings do not fit the data or the base.
    """
    check_clip_skip(base, settings.clip_skip)
    check_vae(settings.vae, base)
    check_optimizer_there(settings)
    plan = make_plan(
        settings,
        data,
        family=base.family,
        lora_bytes=lora_file_bytes(base, settings, _BYTES[settings.save_precision]),
        state_bytes=state_bytes(settings, lora_file_bytes(base, settings, _BYTES["float"])),
        seconds_per_step=seconds_per_step,
    )
    return Ground(settings, data, validation, base, plan)


def keep_records(settings: Settings, ground: Ground, folder: Path, report: Report) -> str:
    """Write settings.toml and data.json.gz into the bake's folder, and what will run into the journal; return the manifest's sha256.

    Raises:
        WorkspaceError: the folder cannot be written.
    """
    journal, number = report.journal, report.number
    save_settings(settings, folder / "settings.toml")
    content = manifest_bytes(ground.data)
    write_manifest(content, folder / "data.json.gz")
    journal.set_manifest(number, content)
    # The data may have changed since the bake was queued.
    journal.set_plan(number, ground.plan.total_steps, ground.plan.steps_per_epoch)
    for note in (*ground.data.notes, *ground.plan.warnings):
        report.say(note, level="warning")
    return hashlib.sha256(content).hexdigest()
