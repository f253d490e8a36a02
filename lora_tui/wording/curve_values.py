"""Values of curves as text: at the cursor, and on their axes."""

from collections.abc import Callable, Mapping
from math import isfinite, isnan

from lora_tui.wording.numbers import gib, loss, rate
from trainer.measures.curve_records import CurveAxis, CurveUnit
from trainer.measures.value_text import NO_NUMBER, value_text

INFINITE = "infinite"
"""Stands for a value above or below every number."""


def curve_value(axis: CurveAxis, value: float) -> str:
    """Return a value with its unit, as it is read at the cursor: `0.0912`, `2.5e-4`, `5.12 GiB`, `31 ms`."""
    if not isfinite(value):
        return NO_NUMBER if isnan(value) else INFINITE if value > 0 else f"−{INFINITE}"
    if axis.measure is not None:
        return value_text(axis.measure, value)
    return _WRITERS.get(axis.unit, _digits)(value)


def axis_value(axis: CurveAxis, value: float, reach: float) -> str:
    """Return a value beside its axis, without blanks.

    Args:
        axis: whose.
        value: at some height of it.
        reach: from the axis' bottom to its top.
    """
    if axis.unit is CurveUnit.LOSS:
        return loss(value, 2 if reach >= 0.1 else 3 if reach >= 0.01 else 4)
    if axis.unit is CurveUnit.BYTES:
        return gib(value, 1 if reach >= 2**30 else 2)
    return curve_value(axis, value).replace(" ", "")


def _seconds(value: float) -> str:
    if abs(value) >= 0.9995:
        return f"{_digits(value)} s"
    return f"{_digits(1000 * value)} ms"


def _digits(value: float) -> str:
    """Return three digits: `0.912`, `1.23e-5`, `12,300`."""
    size = abs(value)
    if size >= 1000:
        text = f"{value:,.0f}"
    elif size == 0 or size >= 0.001:
        text = f"{value:.3g}"
    else:
        mantissa, exponent = f"{value:.2e}".split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−", 1) if value < 0 else text


_WRITERS: Mapping[CurveUnit, Callable[[float], str]] = {
    CurveUnit.LOSS: loss,
    CurveUnit.RATE: rate,
    CurveUnit.BYTES: lambda value: f"{gib(value, 2)} GiB",
    CurveUnit.SECONDS: _seconds,
}
