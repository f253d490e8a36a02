"""Chapters of a report on how the bake went: its curves and its saved LoRAs, and the warnings in its log."""

from collections.abc import Iterator
from datetime import datetime
from math import isfinite
from pathlib import PurePath

from trainer.journal.records import Checkpoint
from trainer.measures.carried import Carried, carried_by_step
from trainer.report.record import Block, Chapter, StepCurve, StepPlot, TextLines, TextTable
from trainer.report.source import ReportSource
from trainer.settings.parts import all_parts, label_of, metric_of
from trainer.text import plural

_COLUMNS = 300
_LOG_LINES, _READ_LINES = 60, 5000


def course_chapters(source: ReportSource) -> tuple[Chapter, ...]:
    """Return curves and saved LoRAs."""
    return Chapter("Curves", tuple(_curves(source))), Chapter("Epochs", tuple(_epochs(source)))


def log_chapter(source: ReportSource) -> Chapter:
    """Return the warnings and errors of the log, the newest where there are many."""
    found = [
        line
        for line in source.journal.log.read(bake=source.bake.number, limit=_READ_LINES)
        if line.level in ("warning", "error")
    ]
    lines = [f"{datetime.fromtimestamp(line.seconds):%Y-%m-%d %H:%M} {line.text}" for line in found[-_LOG_LINES:]]
    if len(found) > _LOG_LINES:
        lines.insert(0, f"{plural(len(found) - _LOG_LINES, 'older line')} left out")
    return Chapter("Warnings in the log", (TextLines(tuple(lines)),) if lines else ())


def _curves(source: ReportSource) -> Iterator[Block]:
    number, last = source.bake.number, float(source.steps)
    loss = _line(source, "loss", "training loss")
    if loss is not None:
        yield StepPlot("Training loss", (loss,), last, note=_note(loss))
    validations = source.journal.results.validations(number)
    if len(validations) > 1:
        steps, values = [step for step, _ in validations], [value for _, value in validations]
        yield StepPlot("Validation loss", (StepCurve("validation loss", steps, values),), last)
    rates = [line for part in all_parts() if (line := _line(source, metric_of(part), label_of(part))) is not None]
    if rates:
        yield StepPlot("Learning rates", tuple(StepCurve(each.label, each.steps, each.values) for each in rates), last)
    norm = _line(source, "grad_norm", "length of the gradient")
    if norm is not None:
        yield StepPlot("Length of the gradient", (norm,), last, log_scale=True, note=_note(norm))


def _line(source: ReportSource, metric: str, label: str) -> StepCurve | None:
    curve = source.journal.curves.read(source.bake.number, metric, _COLUMNS)
    if len(curve.steps) < 2 or not any(map(isfinite, curve.mean)):
        return None
    if not curve.level:
        # A step each: lowest, highest and mean are the same.
        return StepCurve(label, curve.steps, curve.mean)
    return StepCurve(label, curve.steps, curve.mean, curve.low, curve.high)


def _note(curve: StepCurve) -> str:
    return "The band is the lowest and the highest value of each stretch, the line its mean." if curve.low else ""


def _epochs(source: ReportSource) -> Iterator[Block]:
    if not source.saved:
        return
    who = carried_by_step([value for value in source.values if not value.scope])
    columns: list[tuple[str, list[str]]] = [
        ("epoch", [source.epoch_of(each.step).removeprefix("epoch ") for each in source.saved]),
        ("step", [f"{each.step:,}" for each in source.saved]),
        ("loss", [_loss(each.loss) for each in source.saved]),
        ("validation", [_loss(each.val) for each in source.saved]),
        ("against the base", [_change(each) for each in source.saved]),
        ("who carries", [_words(who.get(each.step)) for each in source.saved]),
        ("file", [PurePath(each.file).name for each in source.saved]),
    ]
    kept = [(name, texts) for name, texts in columns if any(texts)]
    numbers = frozenset(at for at, (name, _) in enumerate(kept) if name not in ("file", "who carries"))
    rows = zip(*(texts for _, texts in kept), strict=True)
    yield TextTable(tuple(name for name, _ in kept), tuple(tuple(row) for row in rows), numbers)


def _words(who: Carried | None) -> str:
    return "" if who is None else who.words


def _loss(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}" if isfinite(value) else "no number"


def _change(saved: Checkpoint) -> str:
    if saved.val_change is None:
        return ""
    error = "" if saved.val_error is None else f" ±{saved.val_error:.3f}"
    return f"{saved.val_change:+.3f}{error}".replace("-", "−")
