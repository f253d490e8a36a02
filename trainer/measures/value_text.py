"""Values of measures as text."""

from trainer.measures.record import MeasureRecord

NO_NUMBER = "no number"
"""Stands for a value that came out as NaN or infinite."""


def value_text(record: MeasureRecord, value: float | None) -> str:
    """Return a value with three digits and its unit: `1.23 %`, `0.0042`, `12,300`.

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
    return f"{digits} {record.unit}".rstrip()
