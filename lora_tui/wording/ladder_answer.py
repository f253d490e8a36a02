"""What a ladder answers, as lines of a terminal without a screen, and as plain values."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isfinite
from typing import TYPE_CHECKING

from rich.cells import cell_len

from lora_tui.wording.cell_width import left, right
from trainer.ladders.measures import curve_title, value_of_curve
from trainer.ladders.record import AnswerKind
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.ladders.record import LadderAnswer, LadderCurve, LadderPoint, LadderSpec

_MAX_LABEL, _MAX_LINE = 16, 600
_NONE = "–"
_GAP = "  "


def answer_lines(spec: "LadderSpec", answer: "LadderAnswer") -> Iterator[str]:
    """Yield a table of the measures over the rungs, the answer in words, what its noise rests on, and what would make it surer.

    Args:
        spec: of the ladder.
        answer: what it answers.
    """
    yield from table_lines(spec, answer)
    if answer.lines:
        yield "answer:"
        yield from (f"  {printable(line, _MAX_LINE)}" for line in answer.lines)
    if answer.noise:
        yield printable(answer.noise, _MAX_LINE)
    if answer.missing:
        yield "to be surer:"
        yield from (f"  {printable(line, _MAX_LINE)}" for line in answer.missing)


def table_lines(spec: "LadderSpec", answer: "LadderAnswer") -> Iterator[str]:
    """Yield the mean of each measure at each rung that has any, a line a measure: those with an answer first; none without values."""
    rungs = [place for place in range(len(spec.rungs)) if any(_at(curve, place) for curve in answer.curves)]
    if not rungs:
        return
    head = ["", *(printable(spec.rungs[place].label, _MAX_LABEL) for place in rungs), ""]
    rows = [head]
    for curve in answer.curves:
        values = [
            _NONE if (point := _at(curve, place)) is None else value_of_curve(curve, point.mean) for place in rungs
        ]
        rows.append([printable(curve_title(curve)), *values, curve.kind.value])
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        cells = [left(row[0], widths[0]), *map(right, row[1:-1], widths[1:-1])]
        yield _GAP.join([*cells, row[-1]]).rstrip()


def answer_json(spec: "LadderSpec", answer: "LadderAnswer") -> dict[str, object]:
    """Return what a ladder answers as plain values."""
    labels = [rung.label for rung in spec.rungs]
    return {
        "lines": list(answer.lines),
        "noise": answer.noise,
        "missing": list(answer.missing),
        "curves": [_curve_json(labels, curve) for curve in answer.curves],
        "tallies": {labels[place]: dict(counts) for place, counts in answer.tallies.items()},
    }


def _curve_json(labels: Sequence[str], curve: "LadderCurve") -> dict[str, object]:
    between = None if curve.between is None else [labels[place] for place in curve.between]
    return {
        "name": curve.name,
        "part": curve.part,
        "scope": curve.scope,
        "step": curve.step,
        "at": curve.at,
        "kind": curve.kind.value,
        "claimed": curve.kind not in (AnswerKind.OPEN, AnswerKind.INSIDE),
        "between": between,
        "times": curve.times if curve.times is None or isfinite(curve.times) else None,
        "words": curve.words,
        "points": [{**asdict(point), "rung": labels[point.rung]} for point in curve.points],
    }


def _at(curve: "LadderCurve", place: int) -> "LadderPoint | None":
    return next((point for point in curve.points if point.rung == place), None)
