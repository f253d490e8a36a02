"""Values of measures as text."""

import math

from trainer.measures.blocks import part_label
from trainer.measures.record import MeasureRecord

NO_NUMBER = "no number"
"""Stands for a value that came out as NaN or infinite."""

# A ratio of more says that the noise is as large as the value.
_MOST_PERCENT = 1000


def value_text(record: MeasureRecord, value: float | None) -> str:
    """Return a value with three digits and its unit: `1.23 %`, `−0.0042`, `12,300`.

    Args:
        record: of its measure.
        value: in the record's unit; a share is shown in percent.
    """
    if value is None:
        return NO_NUMBER
    shown = 100 * value if record.unit == "%" else value
    size = abs(shown)
    if size >= 1000:
        digits = f"{shown:,.0f}"
    elif size == 0 or size >= 0.0001:
        digits = f"{shown:.3g}"
    else:
        mantissa, exponent = f"{shown:.1e}".split("e")
        digits = f"{mantissa}e{int(exponent)}"
    text = f"{digits} {record.unit}".rstrip()
    return text.replace("-", "−", 1) if shown < 0 else text


def value_with_interval(record: MeasureRecord, value: float | None, low: float | None, high: float | None) -> str:
    """Return a value and its interval where it has one: `71.4 % (64.1 % to 78 %)`."""
    interval = "" if low is None or high is None else f" ({value_text(record, low)} to {value_text(record, high)})"
    return f"{value_text(record, value)}{interval}"


def value_name(title: str, part: str, scope: str = "") -> str:
    """Return what a value is of: `change / weights of the U-Net`, `validation loss, layout`; of the whole LoRA the title alone."""
    of_part = f" of the {part_label(part)}" if part else ""
    return f"{title}{of_part}{f', {scope}' if scope else ''}"


def spread_text(record: MeasureRecord, spread: float) -> str:
    """Return a standard deviation: of ratios in percent of the value, said so beside values that are percent too, else in the measure's unit."""
    if not record.log_scale:
        return f"±{value_text(record, spread)}"
    percent = 100 * math.expm1(min(spread, 100.0))
    return f"±{percent:.3g} % of the value" if percent < _MOST_PERCENT else "as large as the value"
