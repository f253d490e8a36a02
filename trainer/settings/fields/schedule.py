"""What may be asked of the course of a bake? Its length, how the rates run, the seed."""

from typing import Literal

from pydantic import BaseModel, field_validator

from trainer.settings.amounts import check_amount, check_rules
from trainer.settings.one_setting import ArgumentList, Text, setting

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


# sd-scripts' others; a file that has one is told why it is not here.
_NOT_HERE = {
    "reduce_lr_on_plateau": "a schedule known before the start: this one follows the loss, which from step to step is mostly chance",
    "adafactor": "a schedule: by this Adafactor finds its own rates; optimizer_type = Adafactor alone keeps to those set here",
}


class ScheduleFields(BaseModel):
    """Section Schedule."""

    max_train_epochs: int | None = setting(
        10,
        "Schedule",
        "epochs",
        "Passes over the data. Blank: max_train_steps decides.",
        unit="epochs",
        ge=1,
        le=100_000,
    )
    max_train_steps: int = setting(
        1600, "Schedule", "steps", "Optimizer steps, where epochs is blank.", unit="steps", ge=1, le=100_000_000
    )
    lr_scheduler: Schedule = setting(
        "cosine_with_restarts",
        "Schedule",
        "schedule",
        "How the rates run after the warm-up. The default falls to zero once per cycle; rex (Chen et al. 2021) falls late, linear evenly.",
    )
    lr_warmup_steps: Text = setting(
        "10%",
        "Schedule",
        "warm-up",
        "The rate rises from 0 over this: steps (`100`) or a share of the bake (`10%`, `0.1`). 10 % calms the first steps of Adam.",
        unit="steps or %",
    )
    lr_scheduler_num_cycles: int = setting(
        1,
        "Schedule",
        "cycles",
        "Falls of cosine_with_restarts; half waves of cosine_with_min_lr and of warmup_stable_decay's end.",
        unit="cycles",
        ge=1,
        le=1000,
    )
    lr_scheduler_power: float = setting(
        1.0, "Schedule", "power", "Bend of polynomial; 1 is a straight line.", gt=0, le=100
    )
    lr_scheduler_min_lr_ratio: float | None = setting(
        None,
        "Schedule",
        "lowest share",
        "Share of the peak that cosine_with_min_lr, warmup_stable_decay and rex end at. Blank: 0.",
        ge=0,
        le=1,
    )
    lr_scheduler_timescale: int | None = setting(
        None,
        "Schedule",
        "timescale",
        "After this many steps more inverse_sqrt is down to 0.71 of the peak. Blank: the warm-up's, 10,000 without one.",
        unit="steps",
        ge=1,
        le=100_000_000,
    )
    lr_decay_steps: Text = setting(
        "0",
        "Schedule",
        "decay",
        "Over this warmup_stable_decay falls at the end: steps (`100`) or a share of the bake (`20%`).",
        unit="steps or %",
    )
    lr_scheduler_args: ArgumentList = setting(
        [],
        "Schedule",
        "schedule args",
        "For piecewise_constant, which has no warm-up: `step_rules=1:100,0.5:200,0.1` is the full rate for 100 steps, half of it up to 200, then a tenth.",
    )
    text_encoder_lr_scheduler: Schedule | None = setting(
        None,
        "Schedule",
        "of the encoders",
        "A schedule of the text encoders' own, over the whole bake. Blank: lr_scheduler.",
    )
    text_encoder_lr_warmup_steps: Text = setting(
        "",
        "Schedule",
        "their warm-up",
        "A warm-up of the text encoders' own. Blank: lr_warmup_steps.",
        unit="steps or %",
    )
    gradient_accumulation_steps: int = setting(
        1,
        "Schedule",
        "accumulation",
        "Batches whose gradients are averaged before one step.",
        unit="batches",
        ge=1,
        le=4096,
    )
    seed: int = setting(
        42,
        "Schedule",
        "seed",
        "Decides LoRA start values, order, noise and times. A resumed bake draws on as if it had never stopped.",
        ge=0,
        le=2**32 - 1,
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
