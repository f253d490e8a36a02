"""What may be asked where something goes wrong?"""

from typing import Literal

from pydantic import BaseModel, field_validator

from trainer.settings.amounts import check_command, check_text
from trainer.settings.one_setting import setting


class GuardFields(BaseModel):
    """Section Guards."""

    max_bad_steps: int = setting(
        10,
        "Guards",
        "bad steps",
        "A step whose gradients are not finite numbers is left out. After this many in a row something is broken, and the setting below decides.",
        unit="in a row",
        ge=1,
        le=100_000,
    )
    on_bad_steps: Literal["roll back", "stop"] = setting(
        "roll back",
        "Guards",
        "then",
        "`roll back` goes on from the last good state with lower rates, `stop` ends the bake.",
    )
    roll_back_rate: float = setting(
        0.5,
        "Guards",
        "rates after it",
        "Each roll back multiplies the rates by this. 1 leaves them.",
        unit="times",
        gt=0,
        le=1,
    )
    on_done: str = setting(
        "",
        "Guards",
        "when done",
        "Command to run when a bake is done, such as `notify-send baked`; it gets JSON on its stdin. No shell. Blank: none.",
    )
    on_trouble: str = setting(
        "",
        "Guards",
        "on trouble",
        "Command to run when a bake fails, rolls back or waits for room on the disk; it gets JSON on its stdin. No shell. Blank: none.",
    )

    @field_validator("on_done", "on_trouble")
    @classmethod
    def _command_has_words(cls, value: str) -> str:
        return check_command(check_text(value))
