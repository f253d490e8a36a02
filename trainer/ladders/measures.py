"""Records of everything that rungs are compared by: the measures of bakes, and those that ladders alone have; and their names and values as text."""

from collections.abc import Mapping

from trainer.ladders.record import LadderCurve
from trainer.measures.record import MeasureRecord, MeasureSource
from trainer.measures.registry import MEASURES
from trainer.measures.value_text import value_name, value_text

BAND_STEPS = MeasureRecord(
    key="band_steps",
    title="width of the band in steps",
    help="Steps for which every lane of doneness is done; an epoch stands for the steps since the one before. 0 where no epoch is.",
    source=MeasureSource.FILE,
    by_part=False,
)
BAND_EPOCHS = MeasureRecord(
    key="band_epochs",
    title="width of the band in epochs",
    help="Saved epochs at which every lane of doneness is done.",
    source=MeasureSource.FILE,
    by_part=False,
)
OF_BANDS: Mapping[str, MeasureRecord] = {record.key: record for record in (BAND_STEPS, BAND_EPOCHS)}
"""Measures that follow from doneness, which ladders alone have."""


def record_of(name: str) -> MeasureRecord | None:
    """Return the record of what a curve of a ladder shows; None where this version has none."""
    return MEASURES.get(name) or OF_BANDS.get(name)


def curve_title(curve: LadderCurve) -> str:
    """Return what a curve shows: `change / weights of the U-Net`, with where it was read if rungs were read at other steps."""
    record = record_of(curve.name)
    name = value_name(curve.name if record is None else record.title, curve.part, curve.scope)
    return f"{name} ({curve.at})" if curve.step is None and curve.at else name


def value_of_curve(curve: LadderCurve, value: float) -> str:
    """Return a value of a curve with its unit."""
    record = record_of(curve.name)
    return f"{value:.3g}" if record is None else value_text(record, value)
