"""Save points of a bake and sd-scripts' names for their files."""

from dataclasses import dataclass

from trainer.errors import SettingsError
from trainer.journal.records import Bake
from trainer.settings.model import Settings
from trainer.settings.toml_file import parse_settings
from trainer.text import plural

# Nobody looks through more; a stray 1 in save_every_n_steps would otherwise fill the disk.
_MAX_FILES = 10_000


@dataclass(frozen=True)
class SavePoint:
    """One LoRA file: after how many steps, at the end of which epoch (None in its middle), and its name."""

    step: int
    epoch: int | None
    file: str


def save_points(settings: Settings, *, steps_per_epoch: int, epochs: int, total_steps: int) -> tuple[SavePoint, ...]:
    """Return every save of a bake in order.

    An epoch's file is `NAME-000001.safetensors`, a step's `NAME-step00000001.safetensors`, the last `NAME.safetensors`.
    The last epoch and the last step have only the last file.

    Raises:
        SettingsError: more files than anyone would look through.
    """
    name = settings.output_name or "lora"
    every_epochs, every_steps = settings.save_every_n_epochs, settings.save_every_n_steps
    epoch_files = range(every_epochs, epochs, every_epochs) if every_epochs else range(0)
    step_files = range(every_steps, total_steps, every_steps) if every_steps else range(0)
    _check_count("save_every_n_epochs", len(epoch_files))
    _check_count("save_every_n_steps", len(step_files))
    saves = [SavePoint(step, None, step_file(name, step)) for step in step_files]
    saves += [SavePoint(epoch * steps_per_epoch, epoch, epoch_file(name, epoch)) for epoch in epoch_files]
    whole = total_steps == epochs * steps_per_epoch
    last = SavePoint(total_steps, epochs if whole else None, last_file(name))
    # A step's file comes before the file of the epoch that ends with it.
    return (*sorted(saves, key=lambda save: (save.step, save.epoch or 0)), last)


def epoch_file(name: str, epoch: int) -> str:
    """Return the name of the file saved at the end of `epoch` (1, 2, 3 …)."""
    return f"{name}-{epoch:06d}.safetensors"


def step_file(name: str, step: int) -> str:
    """Return the name of the file saved after `step` steps."""
    return f"{name}-step{step:08d}.safetensors"


def last_file(name: str) -> str:
    """Return the name of the file saved at the end of the bake."""
    return f"{name}.safetensors"


def _check_count(setting: str, files: int) -> None:
    if files > _MAX_FILES:
        raise SettingsError(
            setting, found=plural(files, "file"), expected=f"at most {_MAX_FILES:,}", way_out="save less often"
        )


def planned_files(bake: Bake, after: int = 0) -> int | None:
    """Return how many LoRA files the plan of `bake` has, None where its settings can no longer be read.

    Args:
        bake: the journal's row.
        after: steps that it did not do itself: those in the state that a fork starts from.
    """
    if not bake.total_steps:
        # Their number was never measured.
        return None
    try:
        settings = parse_settings(bake.settings_toml, f"bake {bake.number}")
        # The last epoch may be a part of one.
        epochs = -(-bake.total_steps // max(1, bake.steps_per_epoch))
        saves = save_points(settings, steps_per_epoch=bake.steps_per_epoch, epochs=epochs, total_steps=bake.total_steps)
    except SettingsError:
        return None
    return sum(save.step > after for save in saves)
