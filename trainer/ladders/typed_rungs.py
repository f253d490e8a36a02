"""Rungs as people type them: factors on what the settings have, or values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from trainer.errors import SettingsError
from trainer.settings.describe import FieldInfo, field, number_text, value_text
from trainer.settings.model import Settings
from trainer.settings.toml_file import with_value
from trainer.settings.typed import as_value
from trainer.text import plural, printable, shortened

GRAMMAR = (
    "a factor on what the settings have (`0.1`, `×3`, `/50`), a value (`=1e-4`), or 1 for the settings as they are"
)
"""The grammar of a rung of a setting that is a positive number."""

BETWEEN_KNOBS = ":"
"""Stands between the places of knobs that move together: `0.5:2`."""

MAX_LABEL = 60
"""Characters of the longest name of a rung."""

_FACTOR = re.compile(r"(?P<sign>[×x*/]?)\s*(?P<number>(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d{1,2})?)", re.ASCII)
_AMOUNT = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,9})?)\s*(?P<unit>ep|%|)", re.ASCII)
# Factors are multiplied as decimals, so that 0.1 × 2e-5 is 2e-6 to the last digit; a thirtieth has no end.
_DIGITS = 12
# Typed texts: nobody types more, and each may have to be shown.
_MAX_TYPED = 4096


@dataclass(frozen=True)
class KnobPlace:
    """One setting at one rung.

    Attributes:
        label: as people read it: `×0.1`, `1e-4`, `cosine`.
        text: its value as an override has it.
        own: whether it is what the settings have.
        position: the value as a number, None where it is none.
        unit: of that number where the text names one: `ep`, `%`.
        factor: whether a factor was typed.
    """

    label: str
    text: str
    own: bool
    position: float | None
    unit: str = ""
    factor: bool = False


def place_of_knob(settings: Settings, knob: str, typed: str) -> KnobPlace:
    """Return where a typed rung puts a setting.

    Args:
        settings: what a factor counts from.
        knob: the setting; it exists.
        typed: one rung, or its part for this setting.

    Raises:
        SettingsError: nothing is typed, or a factor on a setting that has no positive number.
    """
    text = typed.strip()
    where = f"rung {shortened(printable(text), MAX_LABEL) or 'without a text'} of {knob}"
    if not text or len(text) > _MAX_TYPED:
        found = f"{len(text):,} characters" if text else "nothing is typed"
        raise SettingsError(where, found=found, expected=GRAMMAR, way_out="`=` alone is a blank setting")
    info = field(knob)
    own = _own_number(settings, info)
    factor = _FACTOR.fullmatch(text)
    if own is not None and factor is not None:
        return _times(info, own, factor)
    if text[0] in "×*":
        has = value_text(getattr(settings, knob)) or "blank"
        raise SettingsError(
            where,
            found=f"a factor, and {knob} is {printable(has, 60)}",
            expected=f"a value: {info.expected}",
            way_out=f"type values, or set {knob} to the number that factors are to count from",
        )
    return _value(settings, info, text.removeprefix("=").strip())


def parts_of_rung(typed: str, knobs: Sequence[str]) -> tuple[str, ...]:
    """Return what is typed for each of several settings that move together: one text for all, or one for each.

    Raises:
        SettingsError: another number of parts.
    """
    if len(knobs) == 1:
        return (typed,)
    parts = tuple(typed.split(BETWEEN_KNOBS))
    if len(parts) == 1:
        return parts * len(knobs)
    if len(parts) != len(knobs):
        raise SettingsError(
            f"rung {printable(typed, MAX_LABEL)}",
            found=plural(len(parts), "part"),
            expected=f"one for all of {', '.join(knobs)}, or one for each",
            way_out=f"put {BETWEEN_KNOBS} between them: {BETWEEN_KNOBS.join(['0.5', '2', '1'][: len(knobs)])}",
        )
    return parts


def _own_number(settings: Settings, info: FieldInfo) -> Decimal | None:
    own = getattr(settings, info.name)
    if info.kind not in ("int", "float") or isinstance(own, bool) or not isinstance(own, int | float) or own <= 0:
        return None
    return Decimal(repr(own))


def _times(info: FieldInfo, own: Decimal, typed: re.Match[str]) -> KnobPlace:
    number = Decimal(typed["number"])
    divides = typed["sign"] == "/"
    if divides and not number:
        raise SettingsError(f"rung /0 of {info.name}", found="a division by 0", expected=GRAMMAR)
    exact = own / number if divides else own * number
    value = _whole(exact, info.multiple or 1) if info.kind == "int" else float(f"{exact:.{_DIGITS}g}")
    label = ("/" if divides else "×") + number_text(float(number))
    return KnobPlace(label, number_text(value), value == float(own), float(value), factor=True)


def _whole(exact: Decimal, multiple: int) -> int:
    """Return the nearest number that a count may be; halves go up, as people round."""
    return int(exact / multiple + Decimal("0.5")) * multiple


def _value(settings: Settings, info: FieldInfo, text: str) -> KnobPlace:
    """Return the place of a value; whether the setting takes it is for the settings model to say."""
    written = as_value(info, text, lambda name: f"rung {printable(text, MAX_LABEL)} of {name}")
    own = getattr(settings, info.name)
    position, unit = _position(info, text)
    if info.kind in ("int", "float") and position is not None:
        return KnobPlace(number_text(position), number_text(position), position == own, position)
    try:
        # `on`, `1` and `yes` are one value, and so are two spellings of a list: only the model knows what is held in the end.
        held = getattr(with_value(settings, info.name, text), info.name)
    except SettingsError:
        held = written
    shown = value_text(held)
    label = shortened(printable(shown), MAX_LABEL) or "blank"
    return KnobPlace(label, shown, held == own or shown == value_text(own), position, unit)


def _position(info: FieldInfo, text: str) -> tuple[float | None, str]:
    """Return the number that a value is, and its unit; amounts such as `3ep` and `10%` are numbers in their unit."""
    if info.kind in ("int", "float"):
        try:
            number = float(text)
        except ValueError:
            return None, ""
        # An infinite one is left to the model, which refuses it by its name.
        return (number if abs(number) < float("inf") else None), ""
    amount = _AMOUNT.fullmatch(text) if info.kind == "text" else None
    return (float(amount["number"]), amount["unit"]) if amount is not None else (None, "")
