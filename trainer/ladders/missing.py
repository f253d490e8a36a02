"""What would make a ladder's answer surer: which twin at which rung, what is still to be baked, which setting would measure more."""

from collections import Counter
from collections.abc import Iterator, Sequence

from trainer.journal.records import BakeState
from trainer.ladders.readings import COMPARED, LadderReadings
from trainer.ladders.record import AnswerKind, BakeOfRung, LadderCurve
from trainer.measures.registry import MEASURES
from trainer.text import listed, plural, printable

_MAX_NAMED = 6
# With two bakes a rung the noise is known, with three it is known well enough for small differences.
_ENOUGH, _MANY = 2, 3


def missing_of(readings: LadderReadings, curves: Sequence[LadderCurve]) -> Iterator[str]:
    """Yield what is missing, one line each, what helps most first.

    Args:
        readings: of the ladder.
        curves: what it answers so far.
    """
    yield from _not_baked(readings)
    yield from _twins(readings, curves)
    yield from _rungs(readings)
    yield from _off(readings)


def _not_baked(readings: LadderReadings) -> Iterator[str]:
    number = readings.state.number
    left = [each for each in readings.state.bakes if not each.cut]
    ended = [each for each in left if each.state in (BakeState.FAILED, BakeState.LOST, BakeState.STOPPED)]
    if ended:
        yield f"{_which(readings, ended)} ended early: `lora-tui ladder continue {number}` bakes what is left"
    waiting = [each for each in left if _is_coming(each) and not (each.state is not None and each.state.live)]
    if waiting:
        held = " and held" if all(each.held for each in waiting) else ""
        yield f"{plural(len(waiting), 'bake')} still to come{held}: {_which(readings, waiting)}"


def twins_come(readings: LadderReadings) -> bool:
    """Return whether no rung has a twin yet, and one will have when what is queued is baked: then nobody has to make one."""
    if any(len(bakes) >= _ENOUGH for bakes in readings.rungs.values()):
        return False
    there = {bake for bakes in readings.rungs.values() for bake in bakes}
    left = [each for each in readings.state.bakes if not each.cut and _is_coming(each) and each.bake not in there]
    coming = Counter(each.rung for each in left)
    return any(len(readings.rungs.get(rung, ())) + number >= _ENOUGH for rung, number in coming.items())


def _twins(readings: LadderReadings, curves: Sequence[LadderCurve]) -> Iterator[str]:
    """Yield which rungs need a twin: those of one bake; where all have two and something is inside the noise, the noisiest."""
    counts = {rung: bakes for rung, bakes in readings.rungs.items() if bakes}
    coming = {each.rung for each in readings.state.bakes if not each.cut and _is_coming(each)}
    for rung, bakes in counts.items():
        if len(bakes) < _ENOUGH and rung not in coming:
            yield f"make a twin of bake {bakes[0]} ({_label(readings, rung)}): `lora-tui twin {bakes[0]}`"
    if any(len(bakes) < _ENOUGH for bakes in counts.values()) or len(counts) < 2:
        return
    rests = Counter(curve.rests_on for curve in curves if curve.rests_on in counts)
    for rung, number in rests.most_common():
        assert rung is not None
        what = f"{plural(number, 'measure')} {'rests' if number == 1 else 'rest'} on {_label(readings, rung)} alone"
        yield f"{what}: `lora-tui twin {counts[rung][0]}` makes another of it"
    inside = [curve for curve in curves if curve.kind is AnswerKind.INSIDE and curve.points]
    fewest = min(len(bakes) for bakes in counts.values())
    if inside and not rests and fewest < _MANY:
        rung = _widest(inside, fewest, counts)
        yield (
            f"what is inside the noise may be a difference too small for {plural(fewest, 'bake')} per rung:"
            f" `lora-tui twin {counts[rung][0]}` makes another of {_label(readings, rung)}, where they differ most"
        )


def _widest(curves: Sequence[LadderCurve], fewest: int, counts: dict[int, tuple[int, ...]]) -> int:
    """Return the rung, of those with the fewest bakes, that most often has the widest spread of its bakes."""
    able = [rung for rung, bakes in counts.items() if len(bakes) == fewest]
    votes = dict.fromkeys(able, 0)
    for curve in curves:
        spreads = {point.rung: max(point.values) - min(point.values) for point in curve.points if point.rung in votes}
        if spreads:
            votes[max(spreads, key=lambda rung: spreads[rung])] += 1
    return max(able, key=lambda rung: votes[rung])


def _rungs(readings: LadderReadings) -> Iterator[str]:
    rungs = [rung for rung in range(len(readings.state.spec.rungs)) if readings.state.of_rung(rung)]
    if readings.ordered and 0 < len(rungs) < 3:
        yield (
            f"{plural(len(rungs), 'rung')} {'shows' if len(rungs) == 1 else 'show'} no trend: `lora-tui ladder extend {readings.state.number}` adds one further out"
        )


def _off(readings: LadderReadings) -> Iterator[str]:
    """Yield the settings that would measure more, where no bake, or not every one, has what they measure."""
    by_setting: dict[str, list[str]] = {}
    for name in COMPARED:
        setting = MEASURES[name].setting
        if setting:
            by_setting.setdefault(setting, []).append(name)
    for setting, names in by_setting.items():
        ended = [bake for bake, row in readings.bakes.items() if not row.state.live]
        without = [bake for bake in ended if not readings.has(bake, names)]
        titles = listed(list(dict.fromkeys(MEASURES[name].title for name in names[:_MAX_NAMED])))
        if not without:
            continue
        numbers = ", ".join(map(str, without[:_MAX_NAMED]))
        where = "every bake" if len(without) == len(ended) else f"{'bake' if len(without) == 1 else 'bakes'} {numbers}"
        yield f"missing in {where}: {titles}; {setting} measures them"


def _is_coming(bake: BakeOfRung) -> bool:
    """Return whether a bake is still to be baked, or is being baked."""
    return bake.state is None or bake.state is BakeState.QUEUED or bake.state.live


def _which(readings: LadderReadings, bakes: Sequence[BakeOfRung]) -> str:
    """Return bakes by rung: `×3 (bake 14), ×10 twin 1`."""
    named = []
    for each in bakes[:_MAX_NAMED]:
        twin = f" twin {each.twin}" if each.twin else ""
        number = f" (bake {each.bake})" if each.bake is not None else ""
        named.append(f"{_label(readings, each.rung)}{twin}{number}")
    more = f" and {len(bakes) - _MAX_NAMED} more" if len(bakes) > _MAX_NAMED else ""
    return listed(named) + more


def _label(readings: LadderReadings, rung: int) -> str:
    return printable(readings.state.spec.rungs[rung].label, 60)
