"""A bake before it starts: its settings, data, base and plan, checked against each other without torch."""

from dataclasses import dataclass

from trainer.dataset.read import read_data, read_validation
from trainer.dataset.records import DataSet
from trainer.errors import SettingsError
from trainer.jobs.optimizer_trial import known_state
from trainer.journal.curves import MeasuredSpeed
from trainer.models.identify import (
    Base,
    base_of,
    check_attention,
    check_clip_skip,
    check_precision,
    check_vae,
    lora_file_bytes,
    weight_shapes,
    with_components,
)
from trainer.models.start_weights import check_start_weights
from trainer.plan.behaviour import imitate
from trainer.plan.disk import state_bytes
from trainer.plan.optimizer_bytes import MeasuredState
from trainer.plan.optimizer_installed import check_optimizer_installed
from trainer.plan.plan import Plan, make_plan
from trainer.settings.model import Settings
from trainer.settings.parts import body_label


@dataclass(frozen=True)
class PlannedBake:
    """Everything known of a bake before torch is needed: settings with every path filled in, data scanned, base recognised.

    Attributes:
        optimizer_state: what an optimizer named by its path keeps, where its trial has seen it.
        asked: the settings before a trainer's numbers took their place; None where none has.
        behaviour: what the trainer does that the bake behaves like, one line each; none where it behaves like ours.
    """

    settings: Settings
    data: DataSet
    validation: DataSet | None
    base: Base
    plan: Plan
    optimizer_state: MeasuredState | None = None
    behaviour: tuple[str, ...] = ()
    asked: Settings | None = None

    @property
    def as_asked(self) -> Settings:
        """The settings as they were set, without a trainer's numbers."""
        return self.asked or self.settings


def prepare(settings: Settings, speed: MeasuredSpeed | None = None) -> PlannedBake:
    """Return the bake that these settings, whose paths are filled in, describe. Reads files, writes none.

    Args:
        settings: as they will run.
        speed: measured, of a bake like this, if one is known.

    Raises:
        SettingsError, DatasetError, ModelError: the files found do not fit the settings.
    """
    base = base_of(settings)
    data = read_data(settings)
    return prepare_from(settings, data, read_validation(settings, data), base, speed)


def prepare_from(
    settings: Settings, data: DataSet, validation: DataSet | None, base: Base, speed: MeasuredSpeed | None = None
) -> PlannedBake:
    """Return the bake on data already scanned and a base already recognised; quick enough for every key typed.

    Its settings are those in force: where the bake behaves like another trainer, with the steps that this one computes.

    Raises:
        SettingsError: the settings do not fit the data or the base.
        ModelError: the base's tokenizer cannot be read, or the VAE or the LoRA to start from cannot be used.
    """
    # What was found around the base is named from here on: it is hashed with the base, and a resumed bake takes no other.
    settings = with_components(settings, base)
    imitation = imitate(settings, data)
    asked, settings = settings, imitation.settings
    check_clip_skip(base, settings.clip_skip)
    check_vae(settings.vae, base)
    check_precision(settings.mixed_precision, base)
    check_attention(settings.xformers, base.family)
    check_start_weights(base, settings)
    check_optimizer_installed(settings)
    _check_memory_settings(settings, base)
    if base.tokens is not None:
        # A tokenizer that cannot be read is found here, also where no caption is long enough to be counted.
        base.tokens("")
    shapes, kept = weight_shapes(base, settings), known_state(settings, base)
    plan = make_plan(
        settings,
        data,
        family=base.family,
        lora_bytes=lora_file_bytes(base, settings, settings.save_precision),
        state_bytes=state_bytes(settings, lora_file_bytes(base, settings, "float"), shapes, kept),
        speed=speed,
        tokens=base.tokens,
    )
    return PlannedBake(
        settings, data, validation, base, plan, kept, imitation.lines, None if settings is asked else asked
    )


def _check_memory_settings(settings: Settings, base: Base) -> None:
    """Refuse settings of section Memory that exclude each other, or do not fit the base."""
    if base.swapped_blocks is not None and settings.blocks_to_swap > base.swapped_blocks:
        raise SettingsError(
            "blocks_to_swap",
            found=str(settings.blocks_to_swap),
            expected=f"at most {base.swapped_blocks}, as many blocks as the base's {body_label(base.family)} has",
            way_out=f"set blocks_to_swap = {base.swapped_blocks} for all of them",
        )
    if settings.blocks_to_swap and settings.torch_compile:
        raise SettingsError(
            "blocks_to_swap",
            found=f"{settings.blocks_to_swap}, and torch_compile is on",
            expected="one of them: compiled layers need their weights in one place",
            way_out="set blocks_to_swap = 0, or torch_compile = false",
        )
    if settings.int8_matmul and settings.torch_compile:
        raise SettingsError(
            "int8_matmul",
            found="on, and torch_compile too",
            expected="one of them",
            way_out="set int8_matmul = false, or torch_compile = false",
        )
