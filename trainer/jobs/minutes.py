"""Minutes as a number of steps before a bake, for what knows no minutes: other trainers, and comparisons with them."""

from dataclasses import dataclass
from pathlib import Path

from trainer.errors import LoraTuiError
from trainer.jobs.bakes import measured_speed
from trainer.journal.curves import MeasuredSpeed
from trainer.journal.journal import Journal
from trainer.plan.minutes import TimePlan, fixed_settings, planned_steps, steps_from_minutes, usable
from trainer.profiles.training_time import ScriptSteps, as_typed, script_sentence, script_steps
from trainer.refusals import real_path
from trainer.settings.model import Settings
from trainer.text import minutes_text
from trainer.workspace import find_workspace


@dataclass(frozen=True)
class MinutesAsSteps:
    """Settings without minutes.

    Attributes:
        settings: with the steps that the minutes come to; where no speed is known, with the epochs or steps that stand beside them.
        known: whether the steps are known.
        note: what was done, a sentence without its stop; "" where there were no minutes.
        script: what the anon-1337 script would make of the same minutes, likewise; "" without a known speed.
        by_script: its steps; None without a known speed.
    """

    settings: Settings
    known: bool = True
    note: str = ""
    script: str = ""
    by_script: ScriptSteps | None = None


def minutes_as_steps(settings: Settings, settings_path: Path) -> MinutesAsSteps:
    """Return settings whose minutes have become steps by the speed that the workspace of their file knows.

    Args:
        settings: resolved.
        settings_path: their file; the workspace is the one it lies in.
    """
    minutes = settings.train_minutes
    if minutes is None:
        return MinutesAsSteps(settings)
    speed = usable(speed_known_at(settings, settings_path))
    if speed is None:
        without = settings.model_copy(update={"train_minutes": None})
        name = "max_train_steps" if settings.max_train_epochs is None else "max_train_epochs"
        return MinutesAsSteps(
            without,
            known=False,
            note=f"train_minutes = {minutes:g}: no bake with these settings was measured here, so {name} = {getattr(settings, name)} "
            f"stands in for what {minutes_text(minutes)} come to",
        )
    steps = planned_steps(settings, 1, speed)
    return MinutesAsSteps(
        fixed_settings(settings, steps),
        note=f"train_minutes: {steps_from_minutes(TimePlan(minutes, speed), steps)}",
        script=script_sentence(minutes, speed.seconds),
        by_script=script_steps(as_typed(speed.seconds), minutes),
    )


def speed_known_at(settings: Settings, settings_path: Path) -> MeasuredSpeed | None:
    """Return the speed of a bake with these settings that the workspace around their file knows, None without one."""
    workspace = find_workspace(real_path(settings_path).parent)
    if workspace is None:
        return None
    try:
        with Journal(workspace.journal_path) as journal:
            return measured_speed(journal, settings)
    except LoraTuiError:
        # Without the journal only the measured speed is lacking.
        return None
