"""Curves of several bakes in one metric, read for drawing over each other; for a thread that has the journal open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.curve_values import curve_value
from lora_tui.wording.numbers import loss
from trainer.measures.curve_groups import LOSS as LOSS_GROUP
from trainer.measures.curve_records import LOSS_METRIC, CurveRecord, CurveSource, curves_of
from trainer.measures.of_curves import TRAINING_LOSS, VALIDATION_CHANGE, VALIDATION_LOSS
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.measures.value_text import value_text
from trainer.settings.parts import label_of

if TYPE_CHECKING:
    from trainer.journal.journal import Journal
    from trainer.noise_floor.floors import NoiseFloors

LOSS = "loss"
VALIDATION = "validation"
_MEASURE = "measure"
_STEPS = "steps"


@dataclass(frozen=True)
class CurveMetric:
    """What a curve shows.

    Attributes:
        key: names it: `loss`, `validation`, `steps METRIC`, `measure NAME PART`.
        title: as it is chosen and shown.
        help: a few words on it.
        say: how a value is written.
        measure: key of the measure that bakes are compared by, "" for none: a rate was chosen.
        part: the part it is about, "" for the whole.
    """

    key: str
    title: str
    help: str
    say: Callable[[float], str]
    measure: str = ""
    part: str = ""


@dataclass(frozen=True)
class BakeCurve:
    """The curve of one bake.

    Attributes:
        number: of the bake.
        steps, values: parallel; nan where a value was not a number.
        words: how its end stands against the bake on top, with its noise; "" where nothing is compared.
    """

    number: int
    steps: Sequence[float]
    values: Sequence[float]
    words: str = ""


@dataclass(frozen=True)
class BakeCurves:
    """The curves of the bakes marked.

    Attributes:
        metric: what they show.
        numbers: the bakes asked for, in the order of their marks.
        top: the one that the others are compared with, None for none.
        curves: of those that have any.
    """

    metric: CurveMetric
    numbers: tuple[int, ...]
    top: int | None
    curves: tuple[BakeCurve, ...]


@dataclass
class CurvesRead(Message):
    """The curves of the bakes marked were read."""

    curves: BakeCurves


@dataclass
class MetricsRead(Message):
    """What curves of the bakes marked could show."""

    metrics: list[CurveMetric]


def first_metric() -> CurveMetric:
    """Return what is shown before anything was chosen."""
    return CurveMetric(LOSS, "training loss", "smoothed", loss, TRAINING_LOSS)


def metrics_of(journal: "Journal", numbers: Sequence[int]) -> list[CurveMetric]:
    """Return the metrics that any of these bakes has: losses, rates, and what was measured, in the order of the records."""
    recorded = {name for number in numbers for name in journal.curves.extents(number)} | {LOSS_METRIC}
    kinds = {(*kind, "") for number in numbers for kind in journal.measures.kinds(number)}
    if any(saved.val_change is not None for number in numbers for saved in journal.results.checkpoints(number)):
        kinds.add((VALIDATION_CHANGE, "", ""))
    validated = any(journal.results.validations(number) for number in numbers)
    # Of single losses each has another picture and another noise: here they are smoothed.
    return [
        _metric_of(record)
        for record in curves_of(recorded, validated=validated, measured=kinds)
        if record.group is not LOSS_GROUP
    ]


def read_curves(
    journal: "Journal", numbers: Sequence[int], metric: CurveMetric, top: int | None, columns: int
) -> BakeCurves:
    """Return the curves of these bakes in one metric.

    Args:
        journal: open.
        numbers: of the bakes.
        metric: one of `metrics_of`.
        top: number of the bake that the others are compared with; None compares nothing.
        columns: of dots that are drawn.
    """
    read = [_read_curve(journal, number, metric, columns) for number in numbers]
    curves = [curve for curve in read if curve.steps]
    on_top = next((curve for curve in curves if curve.number == top), None)
    if on_top is not None and metric.measure:
        from trainer.noise_floor.floors import NoiseFloors

        floors = NoiseFloors(journal)
        curves = [curve if curve is on_top else _compared(floors, on_top, curve, metric) for curve in curves]
    return BakeCurves(metric, tuple(numbers), top, tuple(curves))


def _compared(floors: "NoiseFloors", top: BakeCurve, curve: BakeCurve, metric: CurveMetric) -> BakeCurve:
    """Return a curve with what the noise says of its difference from the one on top, at the last step that both have."""
    from trainer.noise_floor.values import ValueKey
    from trainer.noise_floor.words import words

    step = int(min(top.steps[-1], curve.steps[-1]))
    found = floors.compare([top.number], [curve.number], ValueKey(metric.measure, metric.part), step)
    return curve if found is None else replace(curve, words=words(found))


def _read_curve(journal: "Journal", number: int, metric: CurveMetric, columns: int) -> BakeCurve:
    from trainer.noise_floor.values import BakeValues, ValueKey

    kind, _, rest = metric.key.partition(" ")
    points: Sequence[tuple[float, float]]
    if kind == VALIDATION:
        points = journal.results.validations(number)
    elif kind == _MEASURE:
        key = ValueKey(rest.partition(" ")[0], metric.part)
        values = BakeValues(journal, number, 0).keys(key.name).get(key, [])
        points = [(value.step, value.value) for value in values]
    else:
        curve = journal.curves.read(number, rest if kind == _STEPS else LOSS, columns)
        points = list(zip(curve.steps, curve.mean, strict=True))
    return BakeCurve(number, tuple(step for step, _ in points), tuple(value for _, value in points))


def _metric_of(record: CurveRecord) -> CurveMetric:
    if record.source is CurveSource.SMOOTHED:
        return first_metric()
    if record.source is CurveSource.VALIDATION:
        return CurveMetric(VALIDATION, "validation loss", "of the pictures held out", loss, VALIDATION_LOSS)
    if record.source is CurveSource.MEASURE:
        key = f"{_MEASURE} {record.name} {record.part}"
        measure = MEASURES[record.name]
        return CurveMetric(key, record.title, record.help, speaker(measure), record.compared, record.part)
    title = f"rate of {label_of(record.part)}" if record.part else record.title
    return CurveMetric(f"{_STEPS} {record.name}", title, record.help, partial(curve_value, record.axis))


def speaker(record: MeasureRecord) -> Callable[[float], str]:
    """Return what writes a value of a measure."""
    return partial(value_text, record)
