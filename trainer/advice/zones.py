"""Where each part of a bake is done, in steps, and how its rate moves that: measured by ladders where there are any."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log, sqrt

from trainer.doneness.band import epochs_text
from trainer.doneness.record import Doneness, DonenessLane, EpochState, LaneKind, SavedEpoch
from trainer.measures.student import CONFIDENCE, quantile
from trainer.settings.parts import Part
from trainer.text import numbered, plural

ASSUMED_LOW, ASSUMED, ASSUMED_HIGH = 0.5, 1.0, 2.0
"""Exponents where no ladder tells one: 1 where every step goes the same way, so that rate times steps counts; 2 where steps go random ways,
so that rate times the root of the steps does; 0.5 where a higher rate is partly lost."""

_LEAST_RATIO = 1.5
# A flat distribution's variance, as a share of its squared width.
_FLAT = 12.0


@dataclass(frozen=True)
class PartZone:
    """The steps at which a part is done.

    Attributes:
        part, title: which.
        first, last: steps of its first and last done epoch; where it goes from forming to over between two epochs, these two.
        words: `done in epochs 3–4`, `goes over between epochs 4 and 5`, `not done by epoch 8`.
        open: whether it may be done later than `last`: the bake ended before.
        spacing: steps from one saved epoch to the next.
    """

    part: Part
    title: str
    first: int
    last: int
    words: str
    open: bool = False
    spacing: int = 0

    @property
    def centre(self) -> float:
        """Its middle on a scale of ratios; of an open one the least that it can be."""
        return float(self.last) if self.open and self.first == self.last else sqrt(self.first * self.last)

    @property
    def error(self) -> float:
        """Standard deviation of the logarithm of its middle that the spacing of the epochs leaves."""
        low = max(1.0, self.first - self.spacing / 2)
        return (log((self.last + self.spacing / 2) / low)) / sqrt(_FLAT)


@dataclass(frozen=True)
class RatePower:
    """How the steps at which a part is done follow its rate: as 1 / rate ** p.

    Attributes:
        low, middle, high: of p, 95 % where it was measured.
        words: what it rests on.
        measured: whether ladders of this journal tell it; else it is assumed.
    """

    low: float
    middle: float
    high: float
    words: str
    measured: bool


@dataclass(frozen=True)
class DoneAt:
    """One bake of a ladder over a part's rate.

    Attributes:
        ladder: its number.
        rate: of the part.
        zone: where the part is done.
    """

    ladder: int
    rate: float
    zone: PartZone


def zone_of(lane: DonenessLane, epochs: Sequence[SavedEpoch]) -> PartZone | None:
    """Return where a part's lane is done; None where it is not placed, or raw throughout."""
    if lane.kind is LaneKind.MEMORIZED or not lane.is_measured:
        return None
    states = [placed.state for placed in lane.epochs]
    spacing = _spacing(epochs)
    runs = [run for run in lane.runs if run[0] is EpochState.DONE]
    if runs:
        _, first, last = max(runs, key=lambda run: run[2] - run[1])
        words = f"done in {epochs_text(epochs[first], epochs[last])}"
        is_open = last == len(epochs) - 1
        return PartZone(lane.part, lane.title, epochs[first].step, epochs[last].step, words, is_open, spacing)
    over = states.index(EpochState.OVER) if EpochState.OVER in states else None
    if over:
        before, after = epochs[over - 1], epochs[over]
        words = f"goes over between {before.title} and {after.title} without a done epoch"
        return PartZone(lane.part, lane.title, before.step, after.step, words, spacing=spacing)
    if over is None and states and states[-1] is EpochState.FORMING:
        end = epochs[-1]
        return PartZone(lane.part, lane.title, end.step, end.step, f"not done by {end.title}", True, spacing)
    return None


def zones_of(doneness: Doneness) -> tuple[PartZone, ...]:
    """Return where the parts of a bake are done, those that are not placed left out."""
    found = (zone_of(lane, doneness.epochs) for lane in doneness.lanes)
    return tuple(zone for zone in found if zone is not None)


def power_of(title: str, found: Iterable[DoneAt]) -> RatePower:
    """Return how a part's rate moves its zone: the slope through bakes of ladders over that rate, else the range that is assumed.

    The interval is Student's about the slope, with no less noise than the spacing of the saved epochs makes.

    Args:
        title: of the part.
        found: bakes of ladders over its rate.
    """
    # Of what is not done yet nobody knows when it would be.
    bakes = [each for each in found if not each.zone.open and each.rate > 0]
    rates = [log(each.rate) for each in bakes]
    if len(bakes) < 2 or max(rates) - min(rates) < log(_LEAST_RATIO):
        return RatePower(
            ASSUMED_LOW,
            ASSUMED,
            ASSUMED_HIGH,
            f"no ladder here tells how the rate of the {title} moves its epochs: p from {ASSUMED_LOW:g} to {ASSUMED_HIGH:g} is assumed",
            measured=False,
        )
    centres = [log(each.zone.centre) for each in bakes]
    slope, error, degrees = _slope(rates, centres, [each.zone.error for each in bakes])
    half = quantile(CONFIDENCE, degrees) * error
    ladders = sorted({each.ladder for each in bakes})
    named = numbered("ladder", ladders)
    words = (
        f"p of the {title} is {-slope - half:.2g} to {-slope + half:.2g}, from {plural(len(bakes), 'bake')} of {named}"
    )
    return RatePower(-slope - half, -slope, -slope + half, words, measured=True)


def factor_for(zone: PartZone, target: float, power: RatePower) -> tuple[float, float, float] | None:
    """Return the factors (low, middle, high) on a part's rate that would move its zone to a target; None where its rate does not move it beyond the noise.

    Args:
        zone: of the part.
        target: steps at which it is to be done.
        power: how its rate moves it.
    """
    if power.low <= 0:
        return None
    ratio = log(zone.centre / target)
    each = [exp(ratio / p) for p in (power.low, power.middle, power.high)]
    return min(each), each[1], max(each)


def _spacing(epochs: Sequence[SavedEpoch]) -> int:
    steps = [0, *(epoch.step for epoch in epochs)]
    return max((after - before for before, after in pairwise(steps)), default=0)


def _slope(rates: Sequence[float], centres: Sequence[float], errors: Sequence[float]) -> tuple[float, float, float]:
    """Return the slope of the least squares line, its standard error, and the degrees of freedom that this has."""
    count = len(rates)
    mean, level = sum(rates) / count, sum(centres) / count
    squares = sum((rate - mean) ** 2 for rate in rates)
    slope = sum((rate - mean) * (centre - level) for rate, centre in zip(rates, centres, strict=True)) / squares
    rest = sum((centre - level - slope * (rate - mean)) ** 2 for rate, centre in zip(rates, centres, strict=True))
    grid = sum(error**2 for error in errors) / count
    scattered = rest / (count - 2) if count > 2 else 0.0
    # What the spacing leaves is known, not estimated.
    return (
        (slope, sqrt(scattered / squares), count - 2.0)
        if scattered > grid
        else (slope, sqrt(grid / squares), float("inf"))
    )
