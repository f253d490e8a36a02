"""What an option of sd-scripts means here, and how the values of options are read."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Options = Mapping[str, object]


@dataclass(frozen=True)
class Meaning:
    """What an option's value means here.

    Attributes:
        values: setting to value; a value of None is blank.
        rule: the translation in words; "" where the setting has the option's name and value.
        no_effect: why it, or a part of it, has none.
    """

    values: Mapping[str, object] = field(default_factory=dict)
    rule: str = ""
    no_effect: str = ""


Rule = Callable[[object, Options], Meaning | None]
"""An option's value and all options of its source -> what it means; None where the option is a setting like any other."""


def is_blank(value: object) -> bool:
    """Return whether a value stands for "not set": None, an empty text, list or table, or the word None."""
    if isinstance(value, str):
        return value.strip().casefold() in ("", "none", "null")
    return value is None or value in ([], {}, ())


def is_on(value: object) -> bool:
    """Return whether a switch is on, also as a text or a number."""
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1", "yes", "on")
    return bool(value)


def as_number(value: object) -> float | None:
    """Return a number, also written as a text; None where it is none."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_entries(value: object) -> dict[str, str]:
    """Return `key=value` entries by key, from a list, a table, or a text with blanks or commas between them."""
    if isinstance(value, Mapping):
        return {str(key): _entry_text(each) for key, each in value.items()}
    parts: Sequence[object] = value if isinstance(value, list | tuple) else _split_entries(str(value))
    pairs = (str(part).strip().strip("\"'").partition("=") for part in parts)
    return {key.strip(): text.strip().strip("\"'") for key, _, text in pairs if key.strip()}


def _entry_text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _split_entries(text: str) -> list[str]:
    """Return the entries of a text; a comma or blank separates two only before the next `key=`."""
    return [part for part in re.split(r"(?<![\s,;])[\s,;]+(?=[\"']?\w+\s*=)", text.strip()) if part]
