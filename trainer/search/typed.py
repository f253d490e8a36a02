"""What is typed of a search: its objective, ranges of settings, and its budget."""

import re
from dataclasses import replace
from difflib import get_close_matches
from math import isfinite

from trainer.errors import SettingsError
from trainer.measures.registry import MEASURES
from trainer.search.record import KnobRange
from trainer.settings.describe import field, is_setting, value_text
from trainer.settings.model import Settings
from trainer.settings.parts import all_parts
from trainer.settings.random_numbers import SEEDS
from trainer.settings.refusal import unknown_key
from trainer.settings.toml_file import apply_overrides
from trainer.text import plural, printable

MAX_BAKES = 1000
MAX_HOURS = 10_000

_BUDGET = re.compile(r"(?P<number>\d{1,7}(?:\.\d{1,3})?)\s*(?P<unit>bakes?|h|hours?|min|minutes?)", re.ASCII)
_RANGE = re.compile(r"(?P<low>[^.\s].*?)\s*\.\.\s*(?P<high>\S+?)(?:\s+(?P<scale>log|linear))?")
# From this ratio on, equal factors are equally likely unless the range says otherwise.
_LOG_RATIO = 10.0
_MAX_CHOICES = 100


def typed_objective(text: str) -> tuple[str, str]:
    """Return the measure and the part that an objective names: `validation_change`, `delta_share:unet`.

    Raises:
        SettingsError: there is no such measure or part, or bakes are not compared by it.
    """
    name, _, part = text.strip().partition(":")
    record = MEASURES.get(name)
    compared = [key for key, each in MEASURES.items() if each.compared]
    if record is None or not record.compared:
        near = get_close_matches(name, compared, n=1, cutoff=0.4)
        raise SettingsError(
            "--objective",
            found=printable(name, 60) or "nothing",
            expected=f"a measure that bakes are compared by{f', such as {near[0]}' if near else ''}",
            way_out="docs/measures.md lists them",
        )
    parts = all_parts()
    if part and part not in parts:
        raise SettingsError(
            "--objective",
            found=f"part {printable(part, 60)}",
            expected=f"one of {', '.join(parts)}",
            way_out="or leave it out",
        )
    return name, part


def typed_knob(settings: Settings, text: str) -> KnobRange:
    """Return the values of a setting that are tried: `unet_lr=1e-5..1e-3`, `network_dim=4..64 log`, `lr_scheduler=cosine,linear`.

    Args:
        settings: that the bakes start from.
        text: as typed.

    Raises:
        SettingsError: an unknown setting, a seed, a range that is none, or a value that the setting does not take.
    """
    name, sign, values = text.partition("=")
    name = name.strip().replace("-", "_")
    where = f"--knob {printable(name, 60)}"
    if not is_setting(name):
        raise unknown_key(where, name)
    if name in SEEDS:
        raise SettingsError(
            where, found="decides random numbers alone", expected="a setting whose effect is more than noise"
        )
    if not sign or not values.strip():
        raise SettingsError(where, found="no values", expected="`=LOW..HIGH` or `=A,B,C`", way_out=f"--knob {name}=…")
    match = _RANGE.fullmatch(values.strip())
    knob = _range(where, name, match) if match is not None else _choices(where, name, values)
    ends = knob.choices or (knob.low, knob.high)
    taken = [apply_overrides(settings, [override(name, value, whole=knob.whole)]) for value in ends]
    if not knob.choices:
        return knob
    # As the settings of a bake have them, by which they are found again.
    return replace(knob, choices=tuple(dict.fromkeys(choice_text(getattr(each, name)) for each in taken)))


def choice_text(value: object) -> str:
    """Return a setting's value as an override has it."""
    return str(value).lower() if isinstance(value, bool) else value_text(value)


def override(name: str, value: object, *, whole: bool = False) -> str:
    """Return a value of a setting as an override."""
    if isinstance(value, float):
        return f"{name}={int(value)}" if whole else f"{name}={value!r}"
    return f"{name}={value}"


def typed_budget(text: str) -> tuple[int | None, float | None]:
    """Return (bakes, seconds) of a budget, one of them None: `12 bakes`, `2h`, `90 min`.

    Raises:
        SettingsError: it is neither, or too large.
    """
    found = _BUDGET.fullmatch(text.strip())
    number = float(found["number"]) if found is not None else 0.0
    expected = "`12 bakes`, `2h` or `90 min`"
    if found is None or number <= 0:
        raise SettingsError("--budget", found=printable(text, 60) or "nothing", expected=expected)
    if found["unit"].startswith("bake"):
        if not number.is_integer() or number > MAX_BAKES:
            raise SettingsError(
                "--budget", found=printable(text, 60), expected=f"a whole number of bakes, at most {MAX_BAKES:,}"
            )
        return int(number), None
    hours = number if found["unit"].startswith("h") else number / 60
    if hours > MAX_HOURS:
        raise SettingsError("--budget", found=printable(text, 60), expected=f"at most {plural(MAX_HOURS, 'hour')}")
    return None, 3600 * hours


def _range(where: str, name: str, match: "re.Match[str]") -> KnobRange:
    info = field(name)
    if info.kind not in ("int", "float"):
        raise SettingsError(
            where, found="a range", expected=f"values of {name}: {info.expected}", way_out=f"--knob {name}=A,B"
        )
    try:
        low, high = float(match["low"]), float(match["high"])
    except ValueError:
        raise SettingsError(
            where, found=printable(match[0], 60), expected="two numbers with `..` between them"
        ) from None
    if not (isfinite(low) and isfinite(high)) or low >= high:
        raise SettingsError(where, found=printable(match[0], 60), expected="the smaller number first, and both finite")
    whole = info.kind == "int"
    if whole and not (low.is_integer() and high.is_integer()):
        raise SettingsError(where, found=printable(match[0], 60), expected="whole numbers")
    scale = match["scale"]
    if scale == "log" and low <= 0:
        raise SettingsError(where, found=printable(match[0], 60), expected="numbers above 0 for a logarithmic range")
    log = scale == "log" or (scale is None and low > 0 and high / low >= _LOG_RATIO)
    return KnobRange(name, low, high, log, whole)


def _choices(where: str, name: str, values: str) -> KnobRange:
    choices = tuple(dict.fromkeys(part.strip() for part in values.split(",") if part.strip()))
    if not 2 <= len(choices) <= _MAX_CHOICES:
        raise SettingsError(
            where,
            found=printable(values, 60),
            expected="a range `LOW..HIGH`, or at least two values with commas between them",
        )
    return KnobRange(name, choices=choices)
