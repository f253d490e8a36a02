"""Values that are typed in a filter: numbers with their units, lengths of time, days, switches."""

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from trainer.history.filter_fields import FieldKind

_NUMBER = re.compile(r"([+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*([a-zA-Z%]*)")
_BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_SECONDS = {"": 1.0, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PLAIN = {"": 1.0, "%": 0.01, "k": 1e3, "m": 1e6}
_UNITS: Mapping[FieldKind, Mapping[str, float]] = {
    FieldKind.NUMBER: _PLAIN,
    FieldKind.BYTES: {
        **_BYTES,
        **{f"{unit}{end}": size for unit, size in _BYTES.items() if unit for end in ("b", "ib")},
    },
    FieldKind.SECONDS: _SECONDS,
}
_DAYS = ("%Y-%m-%d", "%Y-%m", "%Y")
YES, NO = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


def number_in(text: str, kind: FieldKind = FieldKind.NUMBER) -> float | None:
    """Return a typed number of a kind, in its plain unit (bytes, seconds); None for anything else."""
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return None
    unit = found[2] if found[2] == "%" else found[2].lower()
    factor = _UNITS[kind].get(unit)
    try:
        value = float(found[1].replace("_", ""))
    except ValueError:
        return None
    return value * factor if factor is not None and math.isfinite(value) else None


def span_of_day(text: str) -> tuple[float, float] | None:
    """Return the first second of a day, month or year, and the first after it (epoch seconds, local time); None for anything else."""
    for at, form in enumerate(_DAYS):
        try:
            start = datetime.strptime(text.strip(), form)
            if at == 0:
                end = start + timedelta(days=1)
            elif at == 1:
                end = (start + timedelta(days=32)).replace(day=1)
            else:
                end = start.replace(year=start.year + 1)
            return start.timestamp(), end.timestamp()
        except (ValueError, OverflowError, OSError):
            continue
    return None


def switch_in(text: str) -> bool | None:
    """Return what is typed for a switch; None for anything else."""
    plain = text.strip().casefold()
    return True if plain in YES else False if plain in NO else None
