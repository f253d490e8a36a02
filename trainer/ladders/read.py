"""What a ladder answers, read from its bakes: which measures follow the knob beyond the noise, and how."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.ladders.curve import curves_of
from trainer.ladders.curve_words import BY_ITSELF
from trainer.ladders.measures import curve_title
from trainer.ladders.missing import missing_of, twins_come
from trainer.ladders.readings import LadderReadings
from trainer.ladders.record import AnswerKind, LadderAnswer, LadderCurve, LadderState
from trainer.ladders.rung_bands import band_lines, band_measures, bands_of_rungs
from trainer.ladders.rung_values import MeasureOverRungs
from trainer.ladders.tallies import SAID, tallies_of
from trainer.noise_floor.words import NOT_KNOWN, UNTIL_TWINS
from trainer.text import listed, plural, printable
from trainer.workspace import Workspace

_MAX_NAMED = 12


def answer_of(journal: Journal, workspace: Workspace, state: LadderState) -> LadderAnswer:
    """Return what a ladder answers as far as it is baked. Writes nothing but remembered families of twins.

    Args:
        journal, workspace: where the bakes are.
        state: the ladder as it stands.

    Raises:
        WorkspaceError: the journal cannot be read.
    """
    readings = LadderReadings(journal, state)
    measures = [measure for at in readings.alignments() for measure in readings.measures(at)]
    bands = bands_of_rungs(journal, workspace, readings)
    measures += band_measures(readings, bands)
    unknown = UNTIL_TWINS if twins_come(readings) else NOT_KNOWN
    curves = [replace(curve, words=curve.words.replace(NOT_KNOWN, unknown)) for curve in curves_of(measures)]
    tallies = tallies_of(journal, workspace, readings)
    labels = [rung.label for rung in state.spec.rungs]
    return LadderAnswer(
        ladder=state.number,
        curves=tuple(sorted(curves, key=_in_answer)),
        lines=tuple(
            [
                *_overview(state, readings, curves),
                *_answers(curves, unknown),
                *band_lines(labels, bands),
                *_said(labels, tallies),
            ]
        ),
        noise=_noise(readings, measures, curves, unknown),
        missing=tuple(missing_of(readings, curves)),
        tallies=tallies,
    )


def _in_answer(curve: LadderCurve) -> tuple[int, float]:
    """Return where a curve stands: what is outside the noise by how far, then what is inside, then what is open."""
    rank = {AnswerKind.INSIDE: 1, AnswerKind.OPEN: 2}.get(curve.kind, 0)
    return rank, -(curve.times or 0.0)


def _overview(state: LadderState, readings: LadderReadings, curves: Sequence[LadderCurve]) -> Iterator[str]:
    """Yield in one line how many measures answer, and how."""
    knobs = " and ".join(state.spec.knobs) or "the settings"
    rungs = len({point.rung for curve in curves for point in curve.points})
    if not readings.bakes:
        yield "nothing is baked yet"
        return
    if not curves:
        yield f"nothing was measured of {plural(len(readings.bakes), 'bake')}"
        return
    outside = [curve for curve in curves if curve.kind not in (AnswerKind.INSIDE, AnswerKind.OPEN)]
    known = [curve for curve in curves if curve.kind is not AnswerKind.OPEN]
    if not known:
        yield f"{plural(len(curves), 'measure')} over {plural(rungs, 'rung')}: nothing can be claimed yet"
        return
    kinds = sorted((curve.kind for curve in outside), key=list(AnswerKind).index)
    named = [_counted(kind, len(list(same))) for kind, same in groupby(kinds)]
    verb = "follows" if len(outside) == 1 else "follow"
    how = f" ({', '.join(named)})" if named else ""
    unknown = f", {len(curves) - len(known)} not known" if len(known) < len(curves) else ""
    yield (
        f"of {plural(len(known), 'measure')} over {plural(rungs, 'rung')} together, {len(outside) or 'none'} {verb} {knobs}"
        f" beyond the noise{how}{unknown}"
    )


def _answers(curves: Sequence[LadderCurve], unknown: str) -> Iterator[str]:
    """Yield a line for each measure that is outside the noise, then one that names those inside, then those that are open.

    Args:
        curves: the measures.
        unknown: what is said where the noise is not known.
    """
    ordered = sorted(curves, key=_in_answer)
    yield from (curve.words for curve in ordered if curve.kind not in (AnswerKind.INSIDE, AnswerKind.OPEN))
    inside = [curve for curve in ordered if curve.kind is AnswerKind.INSIDE]
    nearly = [curve for curve in inside if BY_ITSELF in curve.words]
    calm = [curve for curve in inside if curve not in nearly]
    if nearly:
        yield f"{BY_ITSELF}: {_named(nearly)}"
    if calm:
        yield f"inside the noise: {_named(calm)}"
    waiting = [curve for curve in ordered if curve.kind is AnswerKind.OPEN]
    alone = [curve for curve in waiting if len(curve.points) == 1]
    if len(alone) > 1:
        yield f"not known, as one rung alone has a value: {_named(alone)}"
        waiting = [curve for curve in waiting if curve not in alone]
    # Where the noise of all is unknown, one sentence does.
    if waiting and all(unknown in curve.words for curve in waiting):
        yield f"{unknown} ({_named(waiting)})"
    else:
        yield from (f"not known: {curve.words}" for curve in waiting[:_MAX_NAMED])


def _counted(kind: AnswerKind, number: int) -> str:
    """Return `2 trends`, `1 cliff`, `3 different`."""
    return f"{number} {kind}" if kind is AnswerKind.DIFFERENT else plural(number, kind)


def _named(curves: Sequence[LadderCurve]) -> str:
    names = list(dict.fromkeys(curve_title(curve) for curve in curves))
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return listed(names[:_MAX_NAMED]) + more


def _said(labels: Sequence[str], tallies: dict[int, dict[str, int]]) -> Iterator[str]:
    """Yield what the user said of each rung's pictures: pictures, which are not bakes."""
    if not tallies:
        return
    of_rungs = [
        f"{printable(labels[rung], 60)} {', '.join(_tally(said, counts[said]) for said in SAID if said in counts)}"
        for rung, counts in tallies.items()
    ]
    yield f"you judged pictures, counted apart from bakes: {'; '.join(of_rungs)}"


def _tally(said: str, count: int) -> str:
    return plural(count, said) if said == "favourite" else f"{count:,} {said}"


def _noise(
    readings: LadderReadings, measures: Sequence[MeasureOverRungs], curves: Sequence[LadderCurve], unknown: str
) -> str:
    """Return what the noise rests on, bakes and pictures apart."""
    counts = [len(bakes) for bakes in readings.rungs.values() if bakes]
    if not counts:
        return ""
    least, most = min(counts), max(counts)
    each = f"{least}" if least == most else f"{least} to {most}"
    running = [bake for bake, row in readings.bakes.items() if row.state is not BakeState.DONE and not row.imported]
    unfinished = f", {len(running)} of them not complete" if running else ""
    bakes = f"{plural(sum(counts), 'bake')} over {plural(len(counts), 'rung')}, {each} per rung{unfinished}"
    pictures = sorted({measure.pictures for measure in measures if measure.pictures})
    counted = (
        f"; measures of pictures rest on {' or '.join(f'{number:,}' for number in pictures)} each" if pictures else ""
    )
    lent = next((measure.lent for measure in measures if measure.lent is not None), None)
    if any(curve.kind is not AnswerKind.OPEN for curve in curves):
        source = "noise from twins at the rungs"
        if lent is not None and lent.borrowed_from is not None:
            source = f"noise borrowed from {lent.borrowed_from}, same data"
        elif lent is not None:
            source = "noise from twins outside the ladder"
        return f"{source}: {bakes}{counted}"
    return f"{unknown}: {bakes}{counted}"
