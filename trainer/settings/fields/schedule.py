"""Settings of a bake's length, its learning rate schedules and its seeds."""

from typing import Literal

from pydantic import field_validator

from trainer.settings.amounts import check_amount, check_rules
from trainer.settings.one_setting import EXACT, ArgumentList, SettingFields, Text, setting

Schedule = Literal[
    "constant",
    "constant_with_warmup",
    "linear",
    "cosine",
    "cosine_with_restarts",
    "cosine_with_min_lr",
    "polynomial",
    "inverse_sqrt",
    "warmup_stable_decay",
    "piecewise_constant",
    "rex",
]


# sd-scripts' others; the error for a file with one of them says why it is not supported.
_NOT_HERE = {
    "reduce_lr_on_plateau": "another schedule: this one follows the loss, which from step to step is mostly random",
    "adafactor": "another schedule: with this one Adafactor finds its own rates; optimizer_type = Adafactor uses those set here",
}


_LARGEST_SEED = 2**32 - 1


class ScheduleFields(SettingFields):
    """Section Schedule."""

    train_minutes: float | None = setting(
        None,
        "Schedule",
        "minutes",
        "Trains for this long, whatever max_train_epochs and max_train_steps say. The steps follow from the speed of the last similar bake "
        "on this machine, else from the first steps, which are timed and undone. Loading, caching, validation, sample pictures and saving are "
        "taken off the minutes, as far as their time is known; pauses and grids are not. The number is fixed at the first step and kept as "
        "max_train_steps.",
        unit="minutes",
        memory="no",
        speed=False,
        metadata=("ss_max_train_steps", "ss_num_epochs"),
        exactness=EXACT,
        synonyms="length, duration, how long, time, clock, desired_training_time",
        fixed_in_fork=True,
        gt=0,
        le=100_000,
    )
    max_train_epochs: int | None = setting(
        10,
        "Schedule",
        "epochs",
        "Passes over the data, where train_minutes is blank. Blank: max_train_steps decides.",
        unit="epochs",
        memory="no",
        speed=False,
        metadata=("ss_num_epochs", "ss_max_train_steps"),
        exactness=EXACT,
        synonyms="length, duration, how long",
        ge=1,
        le=100_000,
    )
    max_train_steps: int = setting(
        1600,
        "Schedule",
        "max steps",
        "Optimizer steps, where train_minutes and max_train_epochs are blank.",
        unit="steps",
        memory="no",
        speed=False,
        metadata=("ss_max_train_steps", "ss_num_epochs"),
        exactness=EXACT,
        synonyms="length, duration, iterations, how long",
        ge=1,
        le=100_000_000,
    )
    lr_scheduler: Schedule = setting(
        "cosine_with_restarts",
        "Schedule",
        "LR schedule",
        "How the learning rates change after the warm-up. The default falls to zero once per cycle; rex (Chen et al. 2021) falls late, linear evenly.",
        memory="no",
        speed=False,
        metadata="ss_lr_scheduler",
        exactness=EXACT,
        synonyms="learning rate, scheduler, decay, cosine",
    )
    lr_warmup_steps: Text = setting(
        "10%",
        "Schedule",
        "LR warm-up",
        "The learning rates rise from 0 over this: steps (`100`) or a share of the bake (`10%`, `0.1`). 10 % steadies Adam's first steps. `29%` of 100 is 29; sd-scripts loses one of them to rounding.",
        unit="steps or %",
        memory="no",
        speed=False,
        metadata=("ss_lr_warmup_steps",),
        exactness=EXACT,
        synonyms="learning rate, warmup",
    )
    lr_scheduler_num_cycles: int = setting(
        1,
        "Schedule",
        "schedule cycles",
        "Cycles of cosine_with_restarts; half waves of cosine_with_min_lr and of warmup_stable_decay's end.",
        unit="cycles",
        memory="no",
        speed=False,
        metadata="ss_lr_scheduler_num_cycles",
        exactness=EXACT,
        synonyms="learning rate, restarts, cosine",
        ge=1,
        le=100_000,
    )
    lr_scheduler_power: float = setting(
        1.0,
        "Schedule",
        "schedule power",
        "Exponent of polynomial; 1 is a straight line.",
        memory="no",
        speed=False,
        metadata="ss_lr_scheduler_power",
        exactness=EXACT,
        synonyms="learning rate, polynomial",
        gt=0,
        le=100,
    )
    lr_scheduler_min_lr_ratio: float | None = setting(
        None,
        "Schedule",
        "min LR ratio",
        "Share of the peak learning rate at which cosine_with_min_lr, warmup_stable_decay and rex end. Blank: 0.",
        memory="no",
        speed=False,
        metadata="ss_lr_scheduler_min_lr_ratio",
        exactness=EXACT,
        synonyms="learning rate, lowest, end",
        ge=0,
        le=1,
    )
    lr_scheduler_timescale: int | None = setting(
        None,
        "Schedule",
        "schedule timescale",
        "After this many steps inverse_sqrt is down to 0.71 of the peak. Blank: the warm-up's, 10,000 without one.",
        unit="steps",
        memory="no",
        speed=False,
        metadata="ss_lr_scheduler_timescale",
        exactness=EXACT,
        synonyms="learning rate, inverse sqrt",
        ge=1,
        le=100_000_000,
    )
    lr_decay_steps: Text = setting(
        "0",
        "Schedule",
        "LR decay",
        "How long warmup_stable_decay falls at the end: steps (`100`) or a share of the bake (`20%`).",
        unit="steps or %",
        memory="no",
        speed=False,
        metadata="ss_lr_decay_steps",
        exactness=EXACT,
        synonyms="learning rate, cooldown",
    )
    lr_scheduler_args: ArgumentList = setting(
        [],
        "Schedule",
        "schedule args",
        "For piecewise_constant, which has no warm-up: `step_rules=1:100,0.5:200,0.1` is the full rate for 100 steps, half of it until step 200, then a tenth.",
        memory="no",
        speed=False,
        metadata="ss_lr_scheduler_args",
        exactness=EXACT,
        synonyms="learning rate, step rules",
    )
    text_encoder_lr_scheduler: Schedule | None = setting(
        None,
        "Schedule",
        "encoder LR schedule",
        "A separate schedule of the text encoders, over the full length of the bake. Blank: lr_scheduler.",
        memory="no",
        speed=False,
        metadata="ss_text_encoder_lr_scheduler",
        exactness=EXACT,
        synonyms="learning rate, te, text encoder",
    )
    text_encoder_lr_warmup_steps: Text = setting(
        "",
        "Schedule",
        "encoder LR warm-up",
        "A separate warm-up of the text encoders. Blank: lr_warmup_steps.",
        unit="steps or %",
        memory="no",
        speed=False,
        metadata="ss_text_encoder_lr_warmup_steps",
        exactness=EXACT,
        synonyms="learning rate, te, text encoder, warmup",
    )
    gradient_accumulation_steps: int = setting(
        1,
        "Schedule",
        "gradient accumulation",
        "Batches whose gradients are averaged for one step.",
        unit="batches",
        memory="derived",
        speed=True,
        metadata="ss_gradient_accumulation_steps",
        exactness=EXACT,
        synonyms="effective batch size, vram",
        fixed_in_fork=True,
        ge=1,
        le=4096,
    )
    seed: int = setting(
        42,
        "Schedule",
        "seed",
        "Decides LoRA start values, order, noise and timesteps. A resumed bake draws the same numbers as one that was never interrupted.",
        memory="no",
        speed=False,
        metadata="ss_seed",
        exactness=EXACT,
        synonyms="random, reproducible",
        ge=0,
        le=_LARGEST_SEED,
    )
    init_seed: int | None = setting(
        None,
        "Schedule",
        "seed of the start",
        "Decides the LoRA's start values alone, so that two bakes can differ in nothing else. Blank: seed.",
        memory="no",
        speed=False,
        metadata="ss_init_seed",
        exactness=EXACT,
        synonyms="random, initial weights, twin, noise floor",
        fixed_in_fork=True,
        ge=0,
        le=_LARGEST_SEED,
    )
    order_seed: int | None = setting(
        None,
        "Schedule",
        "seed of the order",
        "Decides alone in which order the pictures come, and how their captions are shuffled and dropped. Blank: seed.",
        memory="no",
        speed=False,
        metadata="ss_order_seed",
        exactness=EXACT,
        synonyms="random, shuffle, data order, twin, noise floor",
        ge=0,
        le=_LARGEST_SEED,
    )
    noise_seed: int | None = setting(
        None,
        "Schedule",
        "seed of the noise",
        "Decides noise, times and dropouts of the LoRA's layers alone. Blank: seed.",
        memory="no",
        speed=False,
        metadata="ss_noise_seed",
        exactness=EXACT,
        synonyms="random, timesteps, network dropout, twin, noise floor",
        ge=0,
        le=_LARGEST_SEED,
    )

    @field_validator("lr_scheduler", "text_encoder_lr_scheduler", mode="before")
    @classmethod
    def _schedule_is_one_of_ours(cls, value: object) -> object:
        why = _NOT_HERE.get(value.partition(":")[0].strip().lower()) if isinstance(value, str) else None
        if why is not None:
            raise ValueError(why)
        return value

    @field_validator("lr_scheduler_args")
    @classmethod
    def _arguments_are_rules(cls, value: list[str]) -> list[str]:
        return [check_rules(argument) for argument in value]

    @field_validator("lr_warmup_steps", "lr_decay_steps")
    @classmethod
    def _is_an_amount(cls, value: str) -> str:
        return check_amount(value)

    @field_validator("text_encoder_lr_warmup_steps")
    @classmethod
    def _is_an_amount_or_blank(cls, value: str) -> str:
        return check_amount(value) if value.strip() else ""
