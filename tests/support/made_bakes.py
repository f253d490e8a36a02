"""Bakes made of numbers alone: what was measured of them, with the noise that the numbers are drawn with."""

from collections.abc import Callable, Mapping, Sequence
from math import exp
from random import Random

from trainer.doneness.record import SavedEpoch
from trainer.doneness.series import FloorOf
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.registry import MEASURES
from trainer.noise_floor.record import Floor

Course = Callable[[int], float]
"""Place of an epoch, from 0 -> the value that a measure would have without noise; place -1 is the base."""


def saved_epochs(count: int, steps: int = 100) -> list[SavedEpoch]:
    """Return so many epochs of `steps` steps."""
    return [SavedEpoch(steps * epoch, epoch) for epoch in range(1, count + 1)]


def course(values: Sequence[float], base: float = 0.0) -> Course:
    """Return the course through these values."""
    return lambda place: base if place < 0 else values[place]


def measured(
    name: str,
    values: Sequence[float],
    *,
    part: str = "",
    scope: str = "",
    base: float | None = None,
    half: float | None = None,
    count: int = 16,
    steps: int = 100,
) -> list[MeasuredValue]:
    """Return a measure's values after each epoch; with `base` after step 0, with `half` with an interval of that half width."""
    every = [] if base is None else [(0, base)]
    every += [(steps * (place + 1), value) for place, value in enumerate(values)]
    return [
        MeasuredValue(
            step=step,
            name=name,
            part=part,
            scope=scope,
            value=value,
            low=None if half is None else value - half,
            high=None if half is None else value + half,
            count=0 if half is None else count,
        )
        for step, value in every
    ]


def floors(spreads: Mapping[str, float], *, degrees: int = 4, borrowed_from: int | None = None) -> FloorOf:
    """Return the noise of measures by name; those that are not named have none."""

    def floor_of(value: MeasuredValue) -> Floor | None:
        if value.name not in spreads:
            return None
        spread = spreads[value.name] if value.step else 0.0
        return Floor(spread=spread, bakes=degrees + 1, degrees=degrees, borrowed_from=borrowed_from)

    return floor_of


def noisy(
    random: Random,
    name: str,
    values: Course,
    spread: float,
    epochs: int,
    *,
    part: str = "",
    scope: str = "",
    base: bool = True,
) -> list[MeasuredValue]:
    """Return a measure's values with noise of that standard deviation; of the logarithm where it is compared by ratios."""
    by_ratio = MEASURES[name].log_scale

    def drawn(place: int) -> float:
        # Every twin stands on the same base, and makes the same pictures of it.
        noise = random.gauss(0, spread) if place >= 0 else 0.0
        return values(place) * exp(noise) if by_ratio else values(place) + noise

    places = range(-1 if base else 0, epochs)
    return [
        MeasuredValue(step=100 * (place + 1), name=name, part=part, scope=scope, value=drawn(place)) for place in places
    ]


def estimated(random: Random, spreads: Mapping[str, float], degrees: int) -> FloorOf:
    """Return floors as so many degrees of freedom of twins estimate them: drawn anew for each measure, part, scope and step."""
    drawn: dict[tuple[str, str, str, int], float] = {}

    def floor_of(value: MeasuredValue) -> Floor | None:
        if value.name not in spreads:
            return None
        key = (value.name, value.part, value.scope, value.step)
        if key not in drawn:
            squares = sum(random.gauss(0, spreads[value.name]) ** 2 for _ in range(degrees))
            drawn[key] = (squares / degrees) ** 0.5 if value.step else 0.0
        return Floor(spread=drawn[key], bakes=degrees + 1, degrees=degrees)

    return floor_of
