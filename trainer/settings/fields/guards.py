"""Settings for what goes wrong, and for the user's own commands."""

from typing import Literal

from pydantic import field_validator

from trainer.settings.amounts import check_command, check_text
from trainer.settings.one_setting import EXACT, NO_KEY, SettingFields, setting


class GuardFields(SettingFields):
    """Section Guards."""

    max_bad_steps: int = setting(
        10,
        "Guards",
        "max bad steps",
        "A step with NaN or infinite gradients is skipped. After this many in a row something is broken, and on_bad_steps decides.",
        unit="in a row",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="nan, inf, diverge, explode",
        ge=1,
        le=100_000,
    )
    on_bad_steps: Literal["roll back", "stop"] = setting(
        "roll back",
        "Guards",
        "on bad steps",
        "`roll back` continues from the last good state with lower learning rates, `stop` ends the bake.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="nan, inf, rollback, diverge",
    )
    roll_back_rate: float = setting(
        0.5,
        "Guards",
        "roll-back LR factor",
        "Each roll back multiplies the learning rates by this. 1 leaves them unchanged.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="nan, rollback, learning rate",
        gt=0,
        le=1,
    )
    on_done: str = setting(
        "",
        "Guards",
        "command when done",
        "Command to run when a bake is done, such as `notify-send baked`; it gets JSON on its stdin. No shell. Blank: none.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="notify, hook, finished, shutdown",
        stays_here=True,
    )
    on_trouble: str = setting(
        "",
        "Guards",
        "command on trouble",
        "Command to run when a bake fails, rolls back or waits for free disk space; it gets JSON on its stdin. No shell. Blank: none.",
        memory="no",
        speed=False,
        metadata=NO_KEY,
        exactness=EXACT,
        synonyms="notify, hook, error, alert",
        stays_here=True,
    )

    @field_validator("on_done", "on_trouble")
    @classmethod
    def _command_has_words(cls, value: str) -> str:
        return check_command(check_text(value))
