"""Every curve of a bake as one record: its name, its unit, where it comes from, and the axis it is drawn on."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from trainer.journal.curves import SPEED_METRIC
from trainer.measures import curve_groups as groups
from trainer.measures.blocks import part_label
from trainer.measures.curve_groups import CurveGroup
from trainer.measures.of_curves import TRAINING_LOSS, VALIDATION_LOSS
from trainer.measures.of_parts import OUTPUT_SHARE
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_NORM
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.settings.parts import all_parts, label_of, metric_of

LOSS_METRIC = "loss"
NORM_METRIC = "grad_norm"
MEMORY_METRIC = "vram"
"""Bytes of the GPU's memory that torch holds for the bake, its reserve; without a GPU there is no such curve."""

DRAWN_BAND = "band"
"""What the scope of a measure holds that is drawn as a curve of its own beside the whole; see MeasureRecord.scopes."""


class StepPhase(StrEnum):
    """What the time of a step goes into, in order."""

    DATA = "data"
    FORWARD = "forward"
    BACKWARD = "backward"
    OPTIMIZER = "optimizer"

    @property
    def metric(self) -> str:
        """The metric that holds its seconds."""
        return f"seconds_{self.value}"


class CurveSource(StrEnum):
    """Where the values of a curve stand."""

    STEPS = "steps"
    """A number of each step: the journal's metrics, and metrics.npz."""
    SMOOTHED = "smoothed"
    """The mean of such numbers over their neighbours, computed as they are drawn."""
    VALIDATION = "validation"
    """Validations, each behind a step."""
    MEASURE = "measure"
    """What was measured of the LoRAs saved."""


class CurveUnit(StrEnum):
    """What the values of a curve are, and so how they are written."""

    LOSS = "loss"
    RATE = "rate"
    NUMBER = ""
    SECONDS = "s"
    BYTES = "GiB"
    MEASURE = "measure"
    """As the measure's own record says."""


@dataclass(frozen=True)
class CurveAxis:
    """A y axis; curves of one axis are drawn in one chart.

    Attributes:
        key: names it.
        title: stands over the chart.
        unit: of its values.
        log: whether it is logarithmic before anything was chosen.
        measure: the measure whose record says how its values are written, None for none.
    """

    key: str
    title: str
    unit: CurveUnit
    log: bool = False
    measure: MeasureRecord | None = None


@dataclass(frozen=True)
class CurveRecord:
    """One curve.

    Attributes:
        key: its name where curves are chosen; unique.
        label: what it is called beside the others of its axis.
        axis: what it is drawn on.
        source: where its values stand.
        name: the metric, or the key of the measure.
        group: what it is shown and hidden with.
        help: one sentence on it.
        part, scope: as a measured value has them; "" for a curve that is about the whole.
        compared: key of the measure that bakes are compared by at the end of this curve, "" where they are not.
    """

    key: str
    label: str
    axis: CurveAxis
    source: CurveSource
    name: str
    group: CurveGroup
    help: str
    part: str = ""
    scope: str = ""
    compared: str = ""

    @property
    def unit(self) -> CurveUnit:
        """What its values are."""
        return self.axis.unit

    @property
    def title(self) -> str:
        """What it is called where it stands alone."""
        return self.axis.title if self.label == self.axis.title else f"{self.axis.title} · {self.label}"


LOSS_AXIS = CurveAxis("loss", "loss", CurveUnit.LOSS)
RATE_AXIS = CurveAxis("rate", "learning rate", CurveUnit.RATE)
NORM_AXIS = CurveAxis("gradient", "gradient norm", CurveUnit.NUMBER, log=True)
TIME_AXIS = CurveAxis("time", "time of a step", CurveUnit.SECONDS)
MEMORY_AXIS = CurveAxis("memory", "VRAM", CurveUnit.BYTES)

_PHASE_HELP = {
    StepPhase.DATA: "waiting for the next pictures and bringing them to the device",
    StepPhase.FORWARD: "noise added, captions encoded, the prediction and its loss",
    StepPhase.BACKWARD: "the gradients, with what gradient checkpointing computes again",
    StepPhase.OPTIMIZER: "gradients added up between processes and clipped, and the LoRA changed",
}

STEP_CURVES: tuple[CurveRecord, ...] = (
    CurveRecord("loss", "raw", LOSS_AXIS, CurveSource.STEPS, LOSS_METRIC, groups.LOSS, groups.LOSS.help),
    CurveRecord(
        "loss.smooth", "smooth", LOSS_AXIS, CurveSource.SMOOTHED, LOSS_METRIC, groups.SMOOTH, groups.SMOOTH.help,
        compared=TRAINING_LOSS,
    ),
    CurveRecord(
        "validation", "validation", LOSS_AXIS, CurveSource.VALIDATION, VALIDATION_LOSS, groups.VALIDATION,
        groups.VALIDATION.help, compared=VALIDATION_LOSS,
    ),
    *(
        CurveRecord(
            metric_of(part), label_of(part), RATE_AXIS, CurveSource.STEPS, metric_of(part), groups.RATES,
            groups.RATES.help, part=part,
        )
        for part in all_parts()
    ),
    CurveRecord(
        "grad_norm", "gradient norm", NORM_AXIS, CurveSource.STEPS, NORM_METRIC, groups.GRADIENT, groups.GRADIENT.help
    ),
    CurveRecord("vram", "VRAM", MEMORY_AXIS, CurveSource.STEPS, MEMORY_METRIC, groups.MEMORY, groups.MEMORY.help),
    CurveRecord(
        SPEED_METRIC, "whole step", TIME_AXIS, CurveSource.STEPS, SPEED_METRIC, groups.TIME,
        "seconds from one step's end to the next, by the computer's clock",
    ),
    *(
        CurveRecord(phase.metric, phase.value, TIME_AXIS, CurveSource.STEPS, phase.metric, groups.TIME, words)
        for phase, words in _PHASE_HELP.items()
    ),
)  # fmt: skip
"""The curves that hold a number of each step, and those that follow from them or from validation."""

_GROUP_OF_MEASURE = {
    DELTA_NORM.key: groups.WEIGHTS,
    OUTPUT_SHARE: groups.OUTPUT,
    HELD_OUT_CHANGE: groups.BANDS,
}
# The curve `validation` has it already, and there is one training loss.
_NO_CURVE = (TRAINING_LOSS, VALIDATION_LOSS)


def measure_curve(record: MeasureRecord, part: str = "", scope: str = "") -> CurveRecord:
    """Return the curve of a measure over the LoRAs saved.

    Args:
        record: of the measure.
        part: the part it is about, "" for the whole.
        scope: what of the data it is about, "" for all.
    """
    axis = CurveAxis(record.key, record.title, CurveUnit.MEASURE, log=record.log_scale, measure=record)
    words = ", ".join(filter(None, (part_label(part) if part else "", scope)))
    of_all = part_label("") if record.by_part else "all" if record.scopes == DRAWN_BAND else record.title
    return CurveRecord(
        " ".join(filter(None, (f"measure.{record.key}", part, scope))),
        words or of_all,
        axis,
        CurveSource.MEASURE,
        record.key,
        _GROUP_OF_MEASURE.get(record.key, groups.MEASURES),
        record.help,
        part=part,
        scope=scope,
        compared=record.key if record.compared and not scope else "",
    )


def unnamed_curve(metric: str) -> CurveRecord:
    """Return the curve of a metric that this version does not know: one that an older or newer one wrote."""
    axis = CurveAxis(f"metric.{metric}", metric, CurveUnit.NUMBER)
    return CurveRecord(f"metric.{metric}", metric, axis, CurveSource.STEPS, metric, groups.OTHERS, groups.OTHERS.help)


def curves_of(
    metrics: Collection[str], *, validated: bool, measured: Iterable[tuple[str, str, str]]
) -> tuple[CurveRecord, ...]:
    """Return the curves that there are, in the order of their groups.

    Args:
        metrics: names of the numbers of the steps that were recorded.
        validated: whether there is a validation.
        measured: (measure, part, scope) of what was measured; those without a record are left out.
    """
    found = list(_of_steps(metrics, validated=validated))
    kinds = set(measured)
    for record in MEASURES.values():
        if record.key not in _NO_CURVE:
            of_record = sorted((part, scope) for name, part, scope in kinds if name == record.key)
            found += [measure_curve(record, part, scope) for part, scope in of_record]
    order = {group.key: place for place, group in enumerate(groups.CURVE_GROUPS)}
    return tuple(sorted(found, key=lambda curve: order[curve.group.key]))


def band_measures() -> tuple[str, ...]:
    """Return the measures whose values by band are curves of their own."""
    return tuple(record.key for record in MEASURES.values() if record.scopes == DRAWN_BAND)


def setting_of_group(group: CurveGroup) -> str:
    """Return the setting that switches on what a group shows, "" where none is needed."""
    settings = {MEASURES[key].setting for key, of in _GROUP_OF_MEASURE.items() if of is group}
    return next(iter(settings), "")


def _of_steps(metrics: Collection[str], *, validated: bool) -> Iterator[CurveRecord]:
    named = {curve.name for curve in STEP_CURVES}
    for curve in STEP_CURVES:
        if validated if curve.source is CurveSource.VALIDATION else curve.name in metrics:
            yield curve
    yield from (unnamed_curve(metric) for metric in sorted(metrics) if metric not in named)
