"""How a wish becomes a job: everything that can be found wrong is found here, before anything is written or loaded."""

from dataclasses import dataclass
from pathlib import Path

from trainer.dataset.scan import DataSet, scan
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.machine.devices import card_device, fp16_needs_a_card, xformers_needs_a_card
from trainer.models.identify import Base, check_clip_skip, identify_base, lora_file_bytes
from trainer.plan.plan import Plan, make_plan
from trainer.settings.model import Settings
from trainer.settings.subject import resolve
from trainer.settings.toml_file import parse_settings, settings_toml
from trainer.workspace import Workspace, make_workspace

_BYTES = {"float": 4, "fp16": 2, "bf16": 2}


@dataclass(frozen=True)
class Ready:
    """A wish that may become a bake: settings with every path filled in, the data scanned, the base recognised."""

    settings: Settings
    data: DataSet
    validation: DataSet | None
    base: Base
    plan: Plan


def check(settings: Settings, settings_path: Path, seconds_per_step: float | None = None) -> Ready:
    """Return the job that `settings` describe, or say what is wrong with them. Writes nothing.

    Args:
        settings: as typed; blank paths come from the subject.
        settings_path: the file they belong to; relative paths start at its folder.
        seconds_per_step: measured speed of a bake like this, if one is known.

    Raises:
        SettingsError, DatasetError, ModelError, DeviceError: the first thing found wrong.
    """
    resolved = resolve(settings, settings_path)
    base = identify_base(resolved.pretrained_model_name_or_path)
    data = scan(
        Path(resolved.train_data_dir),
        caption_extension=resolved.caption_extension,
        dataset_repeats=resolved.dataset_repeats,
    )
    validation = None
    if resolved.validation_data_dir:
        validation = scan(Path(resolved.validation_data_dir), caption_extension=resolved.caption_extension)
    return plan_for(resolved, data, validation, base, seconds_per_step)


def plan_for(
    resolved: Settings, data: DataSet, validation: DataSet | None, base: Base, seconds_per_step: float | None = None
) -> Ready:
    """Return the job for data already scanned; quick enough for every key typed.

    Raises:
        SettingsError, DatasetError, DeviceError: the settings do not fit the data, the base or the machine.
    """
    check_clip_skip(base, resolved.clip_skip)
    _check_card(resolved)
    size = lora_file_bytes(
        base,
        resolved.network_dim,
        unet=resolved.trains_unet,
        text_encoder=resolved.trains_text_encoder,
        bytes_per_number=_BYTES[resolved.save_precision],
    )
    plan = make_plan(resolved, data, lora_bytes=size, seconds_per_step=seconds_per_step)
    return Ready(resolved, data, validation, base, plan)


def queue_bake(
    journal: Journal, workspace: Workspace, ready: Ready, *, why: str, engine: str, parent: int | None = None
) -> Bake:
    """Write the job into the journal, for the engine with key `engine` to take.

    Raises:
        WorkspaceError: the journal or the bakes' folder cannot be written.
    """
    make_workspace(workspace.root)
    if parent is None:
        parent = next((bake.number for bake in journal.bakes() if bake.name == ready.settings.output_name), None)
    return journal.add_bake(
        name=ready.settings.output_name,
        why=why,
        settings_toml=settings_toml(ready.settings),
        engine=engine,
        total_steps=ready.plan.total_steps,
        steps_per_epoch=ready.plan.steps_per_epoch,
        parent=parent,
        least_number=_first_free_number(workspace),
    )


def measured_speed(journal: Journal, settings: Settings) -> float | None:
    """Return the median seconds per step of the newest bake on the same base, size, batch and precision, if there is one."""
    same = (
        "pretrained_model_name_or_path",
        "resolution",
        "train_batch_size",
        "mixed_precision",
        "gradient_checkpointing",
    )
    wanted = {name: getattr(settings, name) for name in same}

    def fits(text: str) -> bool:
        ran = parse_settings(text, "journal")
        return all(getattr(ran, name) == value for name, value in wanted.items())

    return journal.speed(fits)


def _check_card(settings: Settings) -> None:
    """Refuse what can be seen to fail without a card before torch, which decides for good, is there to ask."""
    if card_device():
        return
    if settings.mixed_precision == "fp16":
        raise fp16_needs_a_card()
    if settings.xformers:
        raise xformers_needs_a_card()


def _first_free_number(workspace: Workspace) -> int:
    """Return a number above every bake folder there is: a journal may be gone, its bakes are never overwritten."""
    numbers = [int(folder.name[:4]) for folder in workspace.bakes.iterdir() if folder.name[:4].isdecimal()]
    return max(numbers, default=0) + 1
