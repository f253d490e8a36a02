"""What may be asked of files and measurements?"""

from typing import Literal

from pydantic import BaseModel, field_validator

from trainer.settings.amounts import check_states, check_text
from trainer.settings.one_setting import Text, check_name, setting


class SavingFields(BaseModel):
    """Section Saving."""

    output_name: str = setting(
        "", "Saving", "file name", "Name of the LoRA files. Blank: the subject's name, else `lora`."
    )
    save_every_n_epochs: int | None = setting(
        1,
        "Saving",
        "every n epochs",
        "A LoRA after every n epochs. Blank: only the last.",
        unit="epochs",
        live=True,
        ge=1,
        le=100_000,
    )
    save_every_n_steps: int | None = setting(
        None,
        "Saving",
        "every n steps",
        "A LoRA after every n steps. Blank: none.",
        unit="steps",
        live=True,
        ge=1,
        le=100_000_000,
    )
    save_precision: Literal["float", "fp16", "bf16"] = setting(
        "fp16", "Saving", "file precision", "Type of the numbers in the file."
    )
    validate_every_n_steps: int | None = setting(
        None,
        "Saving",
        "validate every",
        "Validation loss every n steps besides at each epoch's end. Blank: only there.",
        unit="steps",
        live=True,
        ge=1,
        le=100_000_000,
    )
    validation_seed: int = setting(
        0, "Saving", "validation seed", "Decides the fixed noise of the validation loss.", ge=0, le=2**32 - 1
    )
    keep_states: Text = setting(
        "last",
        "Saving",
        "keep states",
        "Which training states stay on the disk: the `last` one, one for each of the `epochs`, or the newest few (`3`). A bake is resumed, forked or rolled back from them.",
    )
    state_budget: float | None = setting(
        None,
        "Saving",
        "room for states",
        "What all states of a bake may take; the oldest go first. Blank: no limit. A state is three times the LoRA in fp32, 0.9 GB at dim 128.",
        unit="GB",
        gt=0,
        le=1_000_000,
    )
    save_state_every_n_steps: int | None = setting(
        None,
        "Saving",
        "state every",
        "A training state every n steps besides at each epoch's end. Blank: as often as costs at most 1 % of the time, and not within 10 minutes of the one before.",
        unit="steps",
        live=True,
        ge=1,
        le=100_000_000,
    )
    training_comment: str = setting("", "Saving", "comment", "A line for the file's metadata.")

    @field_validator("training_comment")
    @classmethod
    def _comment_can_be_written(cls, value: str) -> str:
        return check_text(value)

    @field_validator("keep_states")
    @classmethod
    def _states_are_a_choice_or_a_number(cls, value: str) -> str:
        return check_states(value)

    @field_validator("output_name")
    @classmethod
    def _name_is_a_file_name(cls, value: str) -> str:
        return check_name(value)
