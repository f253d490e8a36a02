"""Numbers as text: bytes, times, counts, rates and losses, each short enough for a column."""

import math

from trainer.journal.records import Checkpoint
from trainer.text import plural

NOT_AVAILABLE = "N/A"
"""Shown where the card or the system gives no reading."""

_KIB, _MIB, _GIB = 1024, 1024**2, 1024**3


def gib(amount: float | None, digits: int = 1) -> str:
    """Return bytes as GiB without the unit; None is `N/A`."""
    return NOT_AVAILABLE if amount is None else f"{amount / _GIB:.{digits}f}"


def file_size(amount: int) -> str:
    """Return bytes with the unit that leaves one to four digits."""
    if amount < _MIB:
        return f"{amount / _KIB:.0f} KiB"
    if amount < _GIB:
        return f"{amount / _MIB:.1f} MiB" if amount < 10 * _MIB else f"{amount / _MIB:.0f} MiB"
    return f"{amount / _GIB:.1f} GiB"


def count(number: int) -> str:
    """Return a count with thousands set apart."""
    return f"{number:,}"


def steps_in_all(total: int) -> str:
    """Return the steps of a bake in the journal, whose number is 0 while it follows from a measurement at its start."""
    return plural(total, "step") if total else "steps from a measurement at the start"


def unit_for(value: str, unit: str) -> str:
    """Return a setting's unit beside its value: `1 epoch`, `2 epochs`, `64 px`.

    Args:
        value: as text.
        unit: in the plural, if it has one.
    """
    if value != "1" or not unit.endswith("s"):
        return unit
    return unit.removesuffix("es") if unit.endswith("ches") else unit.removesuffix("s")


def short_duration(seconds: float) -> str:
    """Return a length of time without spaces: `40s`, `12m`, `3h05`."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole}s"
    minutes = round(whole / 60)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h{minutes % 60:02d}"


def rate(value: float) -> str:
    """Return a learning rate with one decimal: `2.5e-4`; 0 is `0`."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "nan"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def loss(value: float | None, digits: int = 4) -> str:
    """Return a loss; None is empty, what is not a number is `nan`."""
    if value is None:
        return ""
    return f"{value:.{digits}f}" if math.isfinite(value) else "nan"


def change(value: float | None, error: float | None) -> str:
    """Return a change with its standard error: `−0.031 ±0.004`; None is empty."""
    if value is None:
        return ""
    sign = "−" if value < 0 else "+"
    text = f"{sign}{abs(value):.3f}" if math.isfinite(value) else "nan"
    return text if error is None or not math.isfinite(error) else f"{text} ±{error:.3f}"


def speed(per_second: float) -> str:
    """Return how many a second, with three digits."""
    if per_second >= 100:
        return f"{per_second:.0f}"
    return f"{per_second:.1f}" if per_second >= 10 else f"{per_second:.2f}"


def losses_line(saved: Checkpoint) -> str:
    """Return the losses of a saved LoRA as `loss 0.0941 · validation 0.1012 · Δbase −0.031 ±4`, "" without any."""
    parts = (
        f"loss {loss(saved.loss)}" if saved.loss is not None else "",
        f"validation {loss(saved.val)}" if saved.val is not None else "",
        f"Δbase {change(saved.val_change, saved.val_error)}" if saved.val_change is not None else "",
    )
    return " · ".join(filter(None, parts))
