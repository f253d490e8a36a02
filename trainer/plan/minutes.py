"""Steps that fit into some minutes: what a bake's time goes to, and the words for it in a plan."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trainer.journal.curves import MeasuredSpeed
from trainer.plan.disk import BakeLength, states_written
from trainer.profiles.training_time import as_typed, script_sentence, script_speed, script_steps
from trainer.settings.amounts import is_share
from trainer.settings.model import Settings
from trainer.settings.parts import Part
from trainer.text import duration, minutes_text, plural, step_seconds

PROVISIONAL_STEPS = 1000
"""Steps that a plan is worked out with until their number is known: shares of the bake are right at any number."""

# A bake of fewer says too little of the next one's speed.
_LEAST_STEPS = 10
# No bake has more, however many fit: the bound of max_train_steps.
_MOST_STEPS = 100_000_000


@dataclass(frozen=True)
class Pace:
    """Seconds that a bake spends.

    Attributes:
        step: on each step.
        validation: on measuring the validation pictures once.
        samples: on making the sample pictures once.
        lora: on writing one LoRA file.
        state: on writing one training state.
        measures: on what is measured of one saved LoRA.
    """

    step: float
    validation: float = 0.0
    samples: float = 0.0
    lora: float = 0.0
    state: float = 0.0
    measures: float = 0.0


@dataclass(frozen=True)
class TimePlan:
    """How the steps of a plan follow from train_minutes.

    Attributes:
        minutes: as set.
        speed: that the steps were worked out with; None where it will be measured at the start.
        stops: when parts stop, as it was typed.
    """

    minutes: float
    speed: MeasuredSpeed | None
    stops: Mapping[Part, str] = field(default_factory=dict)


def seconds_of(steps: int, settings: Settings, steps_per_epoch: int, pace: Pace) -> float:
    """Return how long a bake takes from its first step to its end.

    Args:
        steps: optimizer steps.
        settings: decide how often it validates, samples and saves.
        steps_per_epoch: optimizer steps of an epoch.
        pace: what each of these takes.
    """
    epoch = steps_per_epoch
    # The base is measured before the first step.
    validations = 1 + _occasions(steps, (epoch, settings.validate_every_n_steps))
    samples = int(settings.sample_at_first)
    sample_periods = _epochs(settings.sample_every_n_epochs, epoch), settings.sample_every_n_steps
    if any(sample_periods):
        samples += _occasions(steps, sample_periods)
    loras = _occasions(steps, (_epochs(settings.save_every_n_epochs, epoch), settings.save_every_n_steps))
    length = BakeLength(epoch, -(-steps // epoch), steps, loras, pace.step)
    return (
        steps * pace.step
        + (validations * pace.validation if settings.validates else 0.0)
        + samples * pace.samples
        + loras * (pace.lora + pace.measures)
        + (states_written(settings, length) or 0) * pace.state
    )


def steps_that_fit(seconds: float, settings: Settings, steps_per_epoch: int, pace: Pace) -> int:
    """Return how many steps a bake can take in `seconds`, with all that it does between them; at least 1."""
    least, most = 1, max(1, min(_MOST_STEPS, math.floor(max(0.0, seconds) / pace.step + 1e-9)))
    while least < most:
        middle = (least + most + 1) // 2
        if seconds_of(middle, settings, steps_per_epoch, pace) <= seconds + 1e-9:
            least = middle
        else:
            most = middle - 1
    return least


def usable(speed: MeasuredSpeed | None) -> MeasuredSpeed | None:
    """Return a measured speed if minutes can be counted with it, None where too few steps were measured."""
    return speed if speed is not None and speed.steps >= _LEAST_STEPS else None


def planned_steps(settings: Settings, steps_per_epoch: int, speed: MeasuredSpeed | None) -> int:
    """Return the steps that train_minutes is expected to come to; PROVISIONAL_STEPS without a usable speed."""
    found = usable(speed)
    if settings.train_minutes is None or found is None:
        return PROVISIONAL_STEPS
    left = 60 * settings.train_minutes - (found.setup_seconds or 0.0)
    return steps_that_fit(left, settings, steps_per_epoch, Pace(found.seconds + (found.between_seconds or 0.0)))


def fixed_settings(settings: Settings, steps: int) -> Settings:
    """Return settings whose minutes have become a number of steps."""
    return settings.model_copy(update={"train_minutes": None, "max_train_epochs": None, "max_train_steps": steps})


def steps_from_minutes(timing: TimePlan, steps: int) -> str:
    """Return what the minutes come to: `40 min → ≈ 1,234 steps (measured 1.90 s/step on 11-28)`."""
    asked = minutes_text(timing.minutes)
    if timing.speed is None:
        return f"{asked} → steps from a measurement at the start"
    return f"{asked} → ≈ {plural(steps, 'step')} ({_measured(timing.speed)})"


def minutes_lines(timing: TimePlan, settings: Settings, steps: int) -> Iterator[str]:
    """Yield what the plan says of train_minutes, a line each.

    Args:
        timing: of the plan.
        settings: as they will run.
        steps: of the plan.
    """
    yield steps_from_minutes(timing, steps)
    asked, speed = minutes_text(timing.minutes), timing.speed
    if speed is None:
        yield (
            "no bake with these settings was measured on this machine: the first steps are timed, without the very first ones, "
            "and undone"
        )
        yield from _shares(timing, settings)
    elif speed.setup_seconds is not None:
        yield f"{duration(max(1, speed.setup_seconds))} of them for loading and caching, as in bake {speed.bake}"
    if speed is not None and speed.between_seconds and (between := speed.between_seconds * steps) >= 1:
        yield f"{duration(between)} of them for {_listed(_done_between(settings))}, as in bake {speed.bake}"
    yield (
        f"{asked} from the start of the bake to its end: {_listed(_taken_off(settings))} are taken off once their time is known, at the "
        "first step; then the number is fixed"
    )
    yield "train_minutes goes before max_train_epochs and max_train_steps; pauses and grids that you order come on top"
    if speed is None:
        fast, slow = script_speed("1.23it/s"), script_speed("2s/it")
        yield (
            f"the anon-1337 script counts with a speed that one types into it, and reads most of them wrong: 1.23it/s as {fast.taken:.2f} "
            f"it/s, 2s/it as {slow.taken:g} it/s"
        )
    else:
        yield script_sentence(timing.minutes, speed.seconds)


def script_json(timing: TimePlan) -> dict[str, object]:
    """Return what the anon-1337 script makes of the same minutes, as plain JSON values."""
    if timing.speed is None:
        return {"typed": None, "steps": None, "why": "no speed is known to type into it"}
    typed = as_typed(timing.speed.seconds)
    made = script_steps(typed, timing.minutes)
    return {"typed": typed, "steps": made.steps, "why": made.why}


def _measured(speed: MeasuredSpeed) -> str:
    day = "" if speed.ended is None else time.strftime(" on %m-%d", time.localtime(speed.ended))
    return f"measured {step_seconds(speed.seconds)}/step{day}"


def _shares(timing: TimePlan, settings: Settings) -> Iterator[str]:
    """Yield what is counted in shares of the steps to come, or from the start whatever they are."""
    asked = {"warm-up": settings.lr_warmup_steps, "decay": settings.lr_decay_steps}
    parts = [f"{name} {text}" for name, text in asked.items() if text not in ("", "0") and is_share(text)]
    parts += [f"stop at {text}" for text in dict.fromkeys(timing.stops.values()) if is_share(text)]
    if parts:
        yield f"shares of the steps to come: {', '.join(parts)}"


def _taken_off(settings: Settings) -> Iterator[str]:
    yield "loading"
    yield "caching"
    yield from _done_between(settings)


def _done_between(settings: Settings) -> Iterator[str]:
    if settings.validates:
        yield "validation"
    if settings.sample_at_first or settings.sample_every_n_epochs or settings.sample_every_n_steps:
        yield "sample pictures"
    yield "saving"


def _listed(words: Iterator[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _epochs(every: int | None, steps_per_epoch: int) -> int | None:
    return every * steps_per_epoch if every else None


def _occasions(steps: int, periods: Sequence[int | None]) -> int:
    """Return how many of the steps are multiples of one of at most two periods, or the last."""
    given = [period for period in periods if period]
    both = steps // math.lcm(*given) if len(given) == 2 else 0
    at_end = any(steps % period == 0 for period in given)
    return sum(steps // period for period in given) - both + (not at_end)
