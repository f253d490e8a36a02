"""The settings of one bake: sd-scripts' option names, our defaults, each with unit, bounds and help."""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import ConfigDict, field_validator, model_validator

from trainer.optimizers import Value
from trainer.settings.amounts import bucket_range, parse_size, steps_of, stop_step
from trainer.settings.fields.batches import BatchFields
from trainer.settings.fields.captions import CaptionFields
from trainer.settings.fields.data import DataFields
from trainer.settings.fields.guards import GuardFields
from trainer.settings.fields.measures import MeasuresFields
from trainer.settings.fields.memory import MemoryFields
from trainer.settings.fields.model import ModelFields
from trainer.settings.fields.network import NetworkFields
from trainer.settings.fields.noise import NoiseFields
from trainer.settings.fields.rates import RateFields
from trainer.settings.fields.sampling import SamplingFields
from trainer.settings.fields.saving import SavingFields
from trainer.settings.fields.schedule import ScheduleFields
from trainer.settings.one_setting import check_name, disagreement
from trainer.settings.optimizers import arguments_of
from trainer.settings.parts import Part, is_encoder, settings_of_part, switch_of
from trainer.settings.profile_defaults import defaults_of
from trainer.settings.random_numbers import RANDOM_SOURCES, RandomSource


# pydantic lays the fields of the last base first; in the form Data comes first.
class Settings(
    GuardFields,
    SamplingFields,
    MeasuresFields,
    SavingFields,
    MemoryFields,
    NoiseFields,
    ScheduleFields,
    RateFields,
    NetworkFields,
    ModelFields,
    BatchFields,
    CaptionFields,
    DataFields,
):
    """Everything that decides how a bake runs. Field order is the order of the form.

    What is not given has the default of the trainer that `behave_like` names.

    Raises:
        pydantic.ValidationError: from the constructor; `toml_file` turns it into a SettingsError.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=False
    )

    @model_validator(mode="before")
    @classmethod
    def _unset_as_in_the_profile(cls, values: Any) -> Any:
        return {**defaults_of(values), **values} if isinstance(values, dict) else values

    @field_validator("subject")
    @classmethod
    def _subject_is_a_file_name(cls, value: str) -> str:
        return check_name(value)

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.network_train_unet_only and self.network_train_text_encoder_only:
            raise disagreement(
                "network_train_unet_only",
                found="network_train_unet_only and network_train_text_encoder_only are both on",
                expected="at most one of them",
                way_out="switch one off",
            )
        if self.fp8_base and self.int8_base:
            raise disagreement(
                "int8_base",
                found="fp8_base and int8_base are both on",
                expected="at most one of them",
                way_out="switch one off",
            )
        if self.min_timestep >= self.max_timestep:
            raise disagreement(
                "min_timestep",
                found=f"min_timestep {self.min_timestep} and max_timestep {self.max_timestep}",
                expected="the first below the last",
                way_out="lower min_timestep or raise max_timestep",
            )
        if self.enable_bucket:
            self._check_buckets()
        return self

    def _check_buckets(self) -> None:
        low, high = bucket_range(self.min_bucket_reso, self.max_bucket_reso, self.bucket_reso_steps)
        if min(self.size) < self.bucket_reso_steps:
            raise disagreement(
                "resolution",
                found=f"{self.resolution} is smaller than bucket_reso_steps {self.bucket_reso_steps}",
                expected="at least one bucket step a side",
                way_out="lower bucket_reso_steps or raise resolution",
            )
        if not self.bucket_no_upscale and not low <= min(self.size) <= max(self.size) <= high:
            raise disagreement(
                "resolution",
                found=f"{self.resolution} lies outside the buckets",
                expected=f"min_bucket_reso {low} to max_bucket_reso {high}",
                way_out="move min_bucket_reso or max_bucket_reso first",
            )

    @property
    def size(self) -> tuple[int, int]:
        """Training size as (width, height) in pixels."""
        return parse_size(self.resolution)

    @property
    def pictures_per_step(self) -> int:
        """Pictures that an optimizer step learns from, where every batch is full."""
        return self.train_batch_size * self.num_processes * self.gradient_accumulation_steps

    @property
    def alpha(self) -> float:
        """The alpha in force: 0 stands for network_dim, as in sd-scripts."""
        return self.network_alpha or float(self.network_dim)

    @property
    def alpha_of_conv(self) -> float:
        """The alpha in force on 3×3 convolutions; blank keeps the scale of the other layers, 0 stands for conv_dim."""
        dim = float(self.conv_dim or 0)
        return dim * self.alpha / self.network_dim if self.conv_alpha is None else self.conv_alpha or dim

    def warmup_steps(self, total: int, part: Part) -> int:
        """Return the length of a part's warm-up in steps, of `total`."""
        return steps_of(self.warmup_asked(part), total)

    def warmup_asked(self, part: Part) -> str:
        """Return a part's warm-up as it was typed: `100`, `10%`."""
        return str(self._first_set(settings_of_part(part).warmup))

    def schedule_of(self, part: Part) -> str:
        """Return the name of the schedule that a part's rate follows."""
        return str(self._first_set(settings_of_part(part).schedule))

    @property
    def optimizer_options(self) -> dict[str, Value]:
        """`optimizer_args` by name, as the optimizer's class takes them."""
        return arguments_of(self.optimizer_args)

    @property
    def validates(self) -> bool:
        """Whether the settings name pictures that are kept out of training, or hold some out."""
        return bool(self.validation_data_dir or self.validation_outfit or self.validation_split)

    @property
    def trains_unet(self) -> bool:
        """Whether the file holds U-Net layers."""
        return not self.network_train_text_encoder_only

    @property
    def trains_text_encoder(self) -> bool:
        """Whether the file holds text encoder layers."""
        return not self.network_train_unet_only

    def has_layers(self, part: Part) -> bool:
        """Return whether the file holds layers of `part`, on a base that has it."""
        switch = switch_of(part)
        if switch and not getattr(self, switch):
            return False
        return self.trains_text_encoder if is_encoder(part) else self.trains_unet

    def rate(self, part: Part) -> float:
        """Return the peak rate of a part's LoRA, that of lora_down where LoRA+ gives lora_up another; 0 where it does not train."""
        return self._first_set(settings_of_part(part).rate) or 0.0 if self.has_layers(part) else 0.0

    def loraplus_ratio(self, part: Part) -> float:
        """Return lora_up's learning rate as a multiple of its part's."""
        return self._first_set(settings_of_part(part).loraplus_ratio) or 1.0

    def stop_of(self, part: Part) -> str:
        """Return when a part stops training, as it was typed; "" for never."""
        return self._first_set(settings_of_part(part).stop) or ""

    def stop_step(self, part: Part, *, total: int, steps_per_epoch: int) -> int | None:
        """Return after how many steps a part stops training, None where it trains to the end."""
        step = stop_step(self.stop_of(part), total=total, steps_per_epoch=steps_per_epoch)
        return None if step is None or step >= total else step

    def seed_of(self, source: RandomSource) -> int:
        """Return the seed in force of one source of random numbers."""
        own: int | None = getattr(self, RANDOM_SOURCES[source].setting)
        return self.seed if own is None else own

    def _first_set(self, names: Sequence[str]) -> Any:
        """Return the value of the first of these settings that is not blank, None where all are."""
        return next((value for name in names if (value := getattr(self, name)) not in (None, "")), None)
