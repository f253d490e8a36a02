"""Training by the clock as the anon-1337 script did it: the steps that it made of a typed speed and some minutes, and its mistakes."""

import math
import re
import struct
from dataclasses import dataclass

from trainer.text import plural, printable

# What it takes for a speed; anything may follow. PowerShell's -match ignores case.
_ACCEPTED = re.compile(r"(?:\d++\.\d++|\d++|\.\d++)(?:it|s)[\\/](?:it|s)", re.ASCII | re.IGNORECASE)
# What a person means by it.
_MEANT = re.compile(r"(\d++\.?\d*+|\.\d++)\s*+(it|s)\s*+[\\/]\s*+(it|s)", re.ASCII | re.IGNORECASE)
# What it removes to find the unit: a whole number below 100 does not match, and stays before its unit.
_NUMBER = re.compile(r"\d+.\d+", re.ASCII)
# PowerShell's [int].
_MOST_STEPS = 2**31 - 1


@dataclass(frozen=True)
class ScriptSpeed:
    """A speed as the script reads it from `$gpu_training_speed`.

    Attributes:
        taken: iterations per second that it counts with; None where it cannot read the text and stops.
        meant: what the text says, in iterations per second; None where it is no speed.
        why: what it does wrong, a sentence without its stop; "" where it counts with what the text says.
    """

    taken: float | None
    meant: float | None
    why: str = ""


@dataclass(frozen=True)
class ScriptSteps:
    """The steps of the script for some minutes.

    Attributes:
        steps: that it trains; None where it stops before.
        speed: that it counted with.
        why: what is wrong with them, a sentence without its stop.
    """

    steps: int | None
    speed: ScriptSpeed
    why: str


def script_speed(text: str) -> ScriptSpeed:
    """Return how the anon-1337 script (train_network.ps1, 2023) reads the speed `text`: `1.23it/s`, `2s/it`."""
    meant = _meant(text)
    if not _ACCEPTED.match(text):
        return ScriptSpeed(None, meant, f"it cannot read {_shown(text)} and stops")
    digits = re.sub(r"[^.0-9]", "", text)
    try:
        number = float(digits)
    except ValueError:
        return ScriptSpeed(None, meant, f"it reads {_shown(text)} as the number {printable(digits, 20)} and fails")
    inverts = any(_NUMBER.sub("", part).lower() == "s" for part in re.split(r"[\\/]", text))
    if inverts and not number:
        return ScriptSpeed(None, meant, "it divides by zero")
    # [float], PowerShell's, has 32 bits.
    taken = _single(1 / number if inverts else number)
    if meant is None or math.isclose(taken, meant, rel_tol=1e-6):
        return ScriptSpeed(taken, meant)
    rule = "it inverts every speed in it/s" if inverts else "it does not invert s/it where the number is not like 2.0"
    return ScriptSpeed(taken, meant, f"{rule}, and takes {_shown(text)} for {taken:.2f} it/s")


def script_steps(text: str, minutes: float, *, regularisation: bool = False, halves: bool = True) -> ScriptSteps:
    """Return the steps that the script trains for `minutes` at the speed `text`: round(it/s × 60 × minutes).

    Args:
        text: `$gpu_training_speed`.
        minutes: `$desired_training_time`.
        regularisation: whether there are regularisation pictures: it doubles the steps then, and asks whether to halve them again.
        halves: the answer; with `$do_not_interrupt` it does not ask and halves.
    """
    speed = script_speed(text)
    if speed.taken is None:
        return ScriptSteps(None, speed, speed.why)
    exact = speed.taken * 60 * minutes * (2 if regularisation else 1)
    if not exact <= _MOST_STEPS:
        return ScriptSteps(None, speed, f"its steps, {exact:.3g}, are more than it can count")
    # [math]::Round and Python's round both go to the even neighbour.
    steps = round(exact)
    doubled = regularisation and not halves
    if regularisation and halves:
        steps = round(steps / 2)
    faults = [
        speed.why,
        "with regularisation pictures it doubles the steps, and so the time" if doubled else "",
        "it counts steps alone: loading, caching, saving and samples come on top",
    ]
    return ScriptSteps(steps, speed, "; ".join(filter(None, faults)))


def as_typed(seconds_per_step: float) -> str:
    """Return a speed as sd-scripts' progress bar shows it, and so as one types it into the script: `1.90s/it`, `1.23it/s`."""
    return f"{seconds_per_step:.2f}s/it" if seconds_per_step > 1 else f"{1 / seconds_per_step:.2f}it/s"


def script_sentence(minutes: float, seconds_per_step: float) -> str:
    """Return in one sentence what the script makes of some minutes at this machine's speed, and what is wrong with it.

    Args:
        minutes: asked for.
        seconds_per_step: measured; above 0.
    """
    typed = as_typed(seconds_per_step)
    made = script_steps(typed, minutes)
    steps = "no step" if made.steps is None else plural(made.steps, "step")
    return f"the anon-1337 script, with {typed} typed into it, would train {steps}: {made.why}"


def _meant(text: str) -> float | None:
    found = _MEANT.fullmatch(text.strip())
    if found is None or found[2].lower() == found[3].lower():
        return None
    number = float(found[1])
    if found[2].lower() == "it":
        return number
    return 1 / number if number else None


def _single(number: float) -> float:
    try:
        return float(struct.unpack("f", struct.pack("f", number))[0])
    except OverflowError:
        return math.inf


def _shown(text: str) -> str:
    return f"“{printable(text, 40)}”"
