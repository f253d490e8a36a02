"""Settings of files, states and validation."""

from typing import Literal

from pydantic import field_validator

from trainer.settings.amounts import check_states, check_text
from trainer.settings.one_setting import EXACT, NO_KEY, Decides, SettingFields, Text, check_name, setting


class SavingFields(SettingFields):
    """Section Saving."""

    output_name: str = setting(
        "",
        "Saving",
        "LoRA file name",
        "Name of the LoRA files. Blank: the subject's name, else `lora`. In its metadata (`ss_output_name`) a file has its own name, epoch included.",
        memory="no",
        speed=False,
        metadata=("ss_output_name", "modelspec.title"),
        exactness=EXACT,
        synonyms="output, save as",
        fixed_in_fork=True,
    )
    save_every_n_epochs: int | None = setting(
        1,
        "Saving",
        "save every n epochs",
        "Save a LoRA after every n epochs. Blank: only at the end.",
        unit="epochs",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="checkpoint, interval",
        ge=1,
        le=100_000,
    )
    save_every_n_steps: int | None = setting(
        None,
        "Saving",
        "save every n steps",
        "Save a LoRA after every n steps. Blank: not by steps.",
        unit="steps",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="checkpoint, interval",
        ge=1,
        le=100_000_000,
    )
    save_precision: Literal["float", "fp16", "bf16"] = setting(
        "fp16",
        "Saving",
        "LoRA file precision",
        "Number type in the LoRA file.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="fp16, bf16, fp32, dtype, file size",
        decides=Decides.YES,
    )
    validate_every_n_steps: int | None = setting(
        None,
        "Saving",
        "validate every n steps",
        "Validation loss every n steps, in addition to each epoch's end. Blank: only there.",
        unit="steps",
        live=True,
        memory="no",
        speed=False,
        metadata="ss_validate_every_n_steps",
        exactness=EXACT,
        synonyms="validation, interval",
        ge=1,
        le=100_000_000,
    )
    keep_states: Text = setting(
        "last",
        "Saving",
        "keep states",
        "Which training states stay on the disk: the `last`, one per epoch (`epochs`), or the newest few (`3`). A bake is resumed, forked or rolled back from them.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="resume, save state, checkpoint",
    )
    state_budget: float | None = setting(
        None,
        "Saving",
        "disk limit for states",
        "How much all states of a bake may take; the oldest are deleted first. Blank: no limit. With AdamW a state is three times the LoRA in fp32, 0.9 GB at dim 128.",
        unit="GB",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="resume, disk space, room",
        gt=0,
        le=1_000_000,
    )
    save_state_every_n_steps: int | None = setting(
        None,
        "Saving",
        "state every n steps",
        "A training state every n steps, in addition to each epoch's end. Blank: often enough to cost at most 1 % of the time, but at least 10 minutes apart.",
        unit="steps",
        live=True,
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="resume, save state, interval, checkpoint",
        ge=1,
        le=100_000_000,
    )
    training_comment: str = setting(
        "",
        "Saving",
        "metadata comment",
        "A line for the LoRA file's metadata.",
        memory="no",
        speed=False,
        metadata="ss_training_comment",
        exactness=EXACT,
        synonyms="note, description, trigger word",
    )

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
