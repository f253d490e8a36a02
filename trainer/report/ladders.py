"""Chapter of a report on the ladders that a bake belongs to: the measures over their rungs, and what they answer."""

from collections.abc import Iterator

from trainer.errors import LoraTuiError
from trainer.ladders.measures import curve_title, value_of_curve
from trainer.ladders.read import answer_of
from trainer.ladders.record import LadderAnswer, LadderCurve, LadderSpec, LadderState
from trainer.ladders.state import ladder_state
from trainer.report.record import Block, Chapter, TextLines, TextTable
from trainer.report.source import ReportSource
from trainer.text import listed, printable

_NONE = "–"
_MAX_LABEL = 40


def ladder_chapter(source: ReportSource) -> Chapter:
    """Return the chapter; without blocks where the bake is in no ladder."""
    return Chapter("Ladders", tuple(_ladders(source)))


def _ladders(source: ReportSource) -> Iterator[Block]:
    for number in source.journal.ladders.with_bake(source.bake.number):
        try:
            state = ladder_state(source.journal, number)
            answer = answer_of(source.journal, source.workspace, state)
        except LoraTuiError as error:
            yield TextLines((printable(error.line(), 300),), f"Ladder {number}")
            continue
        places = {each.rung for each in state.bakes if each.bake == source.bake.number and not each.cut}
        yield TextLines((*_place(state, places), *answer.lines), f"Ladder {number}: {printable(state.spec.title, 120)}")
        if answer.curves:
            yield _table(state.spec, answer)
        yield TextLines(tuple(filter(None, (answer.noise, *answer.missing))))


def _place(state: LadderState, places: set[int]) -> Iterator[str]:
    """Yield which rung the bake is."""
    if places:
        labels = listed([printable(state.spec.rungs[place].label, _MAX_LABEL) for place in sorted(places)])
        yield f"this bake is of rung {labels}"


def _table(spec: LadderSpec, answer: LadderAnswer) -> TextTable:
    """Return the mean of each measure at each rung that has any."""
    rungs = sorted({point.rung for curve in answer.curves for point in curve.points})
    head = ("measure", *(printable(spec.rungs[place].label, _MAX_LABEL) for place in rungs), "over the rungs")
    rows = tuple((curve_title(curve), *_values(curve, rungs), curve.kind.value) for curve in answer.curves)
    return TextTable(head, rows, frozenset(range(1, len(rungs) + 1)))


def _values(curve: LadderCurve, rungs: list[int]) -> Iterator[str]:
    means = {point.rung: point.mean for point in curve.points}
    for place in rungs:
        yield value_of_curve(curve, means[place]) if place in means else _NONE
