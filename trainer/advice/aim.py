"""Rates that would make the parts of a bake done at one epoch: the model it rests on, its uncertainty, variants and a ladder around it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from trainer.advice.answered import alike
from trainer.advice.around import rates_around
from trainer.advice.known import own_settings_of
from trainer.advice.zones import DoneAt, PartZone, RatePower, factor_for, power_of, zone_of, zones_of
from trainer.doneness.read import doneness_of
from trainer.doneness.record import Doneness, LaneKind
from trainer.doneness.words import band_line
from trainer.errors import LoraTuiError, WorkspaceError
from trainer.jobs.proposals import queue_variant
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.judging.variants import Variant
from trainer.ladders.build import DEFAULT_TWINS, settings_of_rungs
from trainer.ladders.own_settings import OwnSettings, overrides
from trainer.ladders.record import LadderSpec
from trainer.settings.describe import number_text
from trainer.settings.parts import Part, label_of, rate_setting
from trainer.text import listed, printable
from trainer.workspace import Workspace

MODEL = "model: the step at which a part is done goes with 1 / rate^p, whatever the other parts do"
"""What the aim rests on, in words."""

MOST = 10.0
"""The largest factor on a rate: what is further away is no longer the same bake."""


@dataclass(frozen=True)
class PartMove:
    """Another rate of one part.

    Attributes:
        part: which.
        low, factor, high: on its rate; the ends are those of the model's uncertainty.
    """

    part: Part
    low: float
    factor: float
    high: float

    @property
    def is_cut(self) -> bool:
        """Whether the model asks for more than is tried."""
        return self.high > MOST or self.low < 1 / MOST


@dataclass(frozen=True)
class AimPoint:
    """One way to make the parts' zones meet.

    Attributes:
        title: in words: `the text encoder to the U-Net's epoch`.
        step: at which they would meet.
        moves: the parts' other rates.
        words: what to try, with the range that it may be in.
        variant: the bake to try.
    """

    title: str
    step: int
    moves: tuple[PartMove, ...]
    words: str
    variant: Variant


@dataclass(frozen=True)
class BandAim:
    """How the parts of a bake might come to be done at one epoch.

    Attributes:
        bake: its number.
        zones: where its parts are done now.
        powers: part -> how its rate moves that.
        points: ways to make them meet; none where they meet already.
        ladder: around the first of them; None where there is none.
        notes: what to know, one line each.
    """

    bake: int
    zones: tuple[PartZone, ...]
    powers: Mapping[Part, RatePower]
    points: tuple[AimPoint, ...] = ()
    ladder: LadderSpec | None = None
    notes: tuple[str, ...] = ()


def aim_for_band(journal: Journal, workspace: Workspace, number: int, *, twins: int = DEFAULT_TWINS) -> BandAim:
    """Return the rates that would make the lanes of a bake's parts meet at one epoch, as far as a simple model tells.

    Args:
        journal, workspace: where it is.
        number: the bake's.
        twins: bakes of each rung of the ladder around it.

    Raises:
        WorkspaceError: there is no such bake, fewer than two of its parts are placed, or no rate moves them.
        SettingsError: its settings cannot be read.
    """
    bake = journal.bakes.read_bake(number)
    own = own_settings_of(journal, bake)
    doneness = doneness_of(journal, workspace, number)
    zones = zones_of(doneness)
    if len(zones) < 2:
        raise _too_few(number, zones, doneness)
    measured = {zone.part: list(_done_at(journal, workspace, own, zone.part)) for zone in zones}
    powers = {zone.part: power_of(zone.title, measured[zone.part]) for zone in zones}
    notes = [MODEL, *(power.words for power in powers.values())]
    if any(not powers[zone.part].measured and doneness_kind(doneness, zone.part) is LaneKind.ENCODER for zone in zones):
        notes.append(
            "the source notes saw no other epoch at ×10 and ×0.1 of the text encoder's rate: there p would be near 0"
        )
    if doneness.band is not None:
        return BandAim(number, zones, powers, notes=(f"the parts meet already: {band_line(doneness)}", *notes))
    points = tuple(_points(own, number, zones, powers))
    if not points:
        raise WorkspaceError(
            f"bake {number}",
            found="no part's rate moves the epochs at which it is done beyond the noise",
            expected="a part whose epochs follow its rate",
            way_out="let the part that is done first stop there: set its stop, or queue the ladder te-stop",
        )
    return BandAim(number, zones, powers, points, _ladder(own, points[0], twins), tuple(notes))


def doneness_kind(doneness: Doneness, part: Part) -> LaneKind:
    """Return the kind of a part's lane."""
    return next(lane.kind for lane in doneness.lanes if lane.part == part)


def aim_lines(aim: BandAim) -> Iterator[str]:
    """Yield where the parts are done, the model, and what to try, none of it sold as right."""
    for zone in aim.zones:
        yield f"{zone.title}: {zone.words}"
    yield from (printable(note) for note in aim.notes)
    for point in aim.points:
        yield f"try {point.words}"
    if aim.ladder is not None:
        labels = listed([rung.label for rung in aim.ladder.rungs])
        yield f"ladder around it: {aim.ladder.title}: {labels}"


def queue_aim(journal: Journal, workspace: Workspace, aim: BandAim, *, engine: str) -> tuple[Bake, ...]:
    """Queue the variants of an aim, held back.

    Raises:
        WorkspaceError: there is none.
        LoraTuiError: one cannot be baked; those before it are queued.
    """
    if not aim.points:
        raise WorkspaceError(f"bake {aim.bake}", found="its parts meet already", expected="a bake whose parts do not")
    row = journal.bakes.read_bake(aim.bake)
    return tuple(queue_variant(journal, workspace, row, point.variant, engine) for point in aim.points)


def _too_few(number: int, zones: Sequence[PartZone], doneness: Doneness) -> WorkspaceError:
    missing = [
        f"{lane.title}: {line}"
        for lane in doneness.lanes
        for line in lane.missing
        if lane.kind is not LaneKind.MEMORIZED
    ]
    placed = ", ".join(f"{zone.title} {zone.words}" for zone in zones) or "no part is placed"
    return WorkspaceError(
        f"bake {number}",
        found=placed,
        expected="two parts that are placed, so that they can meet",
        way_out=missing[0] if missing else "",
        details=missing[1:],
    )


def _done_at(journal: Journal, workspace: Workspace, own: OwnSettings, part: Part) -> Iterator[DoneAt]:
    """Yield the bakes of this journal's ladders over a part's rate alone, with where the part is done in them."""
    name = rate_setting(part)
    for state, start in alike(journal, own):
        if state.spec.knobs != (name,):
            continue
        try:
            of_rungs = settings_of_rungs(start, state.spec)
        except LoraTuiError:
            continue
        for each in state.bakes:
            if each.bake is None or each.cut or each.state is not BakeState.DONE:
                continue
            try:
                doneness = doneness_of(journal, workspace, each.bake)
            except LoraTuiError:
                # Opening the bake says what is wrong with it.
                continue
            lane = next((lane for lane in doneness.lanes if lane.part == part), None)
            zone = zone_of(lane, doneness.epochs) if lane is not None else None
            if zone is not None:
                yield DoneAt(state.number, of_rungs[each.rung].rate(part), zone)


def _points(
    own: OwnSettings, number: int, zones: Sequence[PartZone], powers: Mapping[Part, RatePower]
) -> Iterator[AimPoint]:
    """Yield a point at each part's own zone, the predicting one's first, and one in the middle of all."""
    for there in zones:
        others = [zone for zone in zones if zone is not there]
        point = _point(own, number, f"{_named(others)} to the epoch of the {there.title}", there.centre, others, powers)
        if point is not None:
            yield point
    middle = prod(zone.centre for zone in zones) ** (1 / len(zones))
    point = _point(own, number, "all parts to the epoch between them", middle, zones, powers)
    if point is not None:
        yield point


def _point(
    own: OwnSettings,
    number: int,
    title: str,
    step: float,
    moved: Sequence[PartZone],
    powers: Mapping[Part, RatePower],
) -> AimPoint | None:
    moves = []
    for zone in moved:
        factors = factor_for(zone, step, powers[zone.part])
        if factors is None:
            return None
        moves.append(PartMove(zone.part, *factors))
    changes = own.scaled_rates({move.part: _rounded(_within(move.factor)) for move in moves})
    if not changes:
        return None
    texts = overrides(changes)
    tried = "; ".join(_move_words(move) for move in moves)
    open_ones = [zone.title for zone in moved if zone.open]
    at_least = (
        f"; at least, because the {' and the '.join(open_ones)} may be done later than was seen" if open_ones else ""
    )
    words = f"{', '.join(texts)} ({tried}): {title}, near step {round(step):,}{at_least}"
    return AimPoint(title, round(step), tuple(moves), words, Variant("rate", f"aims for one epoch: {title}", texts))


def _move_words(move: PartMove) -> str:
    cut = f", of which more than ×{MOST:g} either way is not tried" if move.is_cut else ""
    return (
        f"{label_of(move.part)} ×{number_text(_rounded(_within(move.factor)))}, "
        f"×{number_text(_rounded(move.low))} to ×{number_text(_rounded(move.high))} by the model{cut}"
    )


def _ladder(own: OwnSettings, point: AimPoint, twins: int) -> LadderSpec | None:
    """Return a ladder over the rates of the parts that a point moves, from one end of its range to the other."""
    parts = [move.part for move in point.moves]
    low = min(_within(move.low) for move in point.moves)
    high = max(_within(move.high) for move in point.moves)
    middle = prod(_within(move.factor) for move in point.moves) ** (1 / len(point.moves))
    # A narrow range is widened, so that its rungs are told apart.
    factors = (min(low, middle / 2), middle, max(high, middle * 2))
    try:
        return rates_around(own, parts, factors, question=f"{point.title}: at which rate do they meet?", twins=twins)
    except LoraTuiError:
        return None


def _named(zones: Sequence[PartZone]) -> str:
    return " and ".join(f"the {zone.title}" for zone in zones)


def _within(factor: float) -> float:
    return min(MOST, max(1 / MOST, factor))


def _rounded(factor: float) -> float:
    return float(f"{factor:.1e}")
