"""Ladders made of numbers alone: measures over rungs, and bakes of a ladder in a journal."""

import math
from collections.abc import Hashable, Mapping, Sequence

from made_twins import add_bake

from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.ladders.curve import curves_of
from trainer.ladders.record import BakeOfRung, LadderCurve, LadderSpec, LadderState, Rung
from trainer.ladders.rung_noise import RungSample
from trainer.ladders.rung_values import MeasureOverRungs, RungValues
from trainer.measures.record import MeasureRecord
from trainer.measures.registry import MEASURES
from trainer.noise_floor.record import Floor
from trainer.noise_floor.spread import pooled

PLAIN = MEASURES["rank_used"]
"""A measure whose values are compared as they are."""

RATIO = MEASURES["delta_share"]
"""One whose values are compared as ratios."""

FACTORS = (0.1, 0.33, 1.0, 3.0, 10.0)


def over_rungs(
    values: Sequence[Sequence[float]],
    *,
    record: MeasureRecord = PLAIN,
    ordered: bool = True,
    seeds: Sequence[Hashable] = (),
    lent: Floor | None = None,
    grain: float = 0.0,
) -> MeasureOverRungs:
    """Return a measure of the U-Net over rungs called r1, r2, …, with so many values at each.

    Args:
        values: of each rung, in the measure's unit.
        record: of the measure.
        ordered: whether rungs have an order.
        seeds: of the bakes of every rung; none where they are not known.
        lent, grain: as in MeasureOverRungs.
    """
    return MeasureOverRungs(
        record=record,
        part="unet",
        rungs=tuple(_rung(place, each, record, seeds) for place, each in enumerate(values) if each),
        ordered=ordered,
        step=20,
        at="step 20",
        lent=lent,
        grain=grain,
    )


def curve_of(measure: MeasureOverRungs) -> LadderCurve:
    """Return what one measure answers by itself."""
    return curves_of([measure])[0]


def _rung(place: int, values: Sequence[float], record: MeasureRecord, seeds: Sequence[Hashable]) -> RungValues:
    able = not record.log_scale or all(value > 0 for value in values)
    compared = [math.log(value) if record.log_scale else value for value in values] if able else []
    sample = RungSample(place, tuple(compared), pooled([compared]), tuple(seeds)) if able else None
    return RungValues(rung=place, label=f"r{place + 1}", values=tuple(values), sample=sample)


def spec_of_factors(factors: Sequence[float] = FACTORS, *, knob: str = "unet_lr", twins: int = 2) -> LadderSpec:
    """Return a ladder of factors on a rate of 2e-4, with the centre at 1."""
    rungs = [
        Rung(
            label=f"×{factor:g}",
            overrides=() if factor == 1 else (f"{knob}={2e-4 * factor:g}",),
            position=2e-4 * factor,
            is_centre=factor == 1,
        )
        for factor in factors
    ]
    title = f"{knob} ×{factors[0]:g} … ×{factors[-1]:g}"
    return LadderSpec(title=title, knobs=(knob,), rungs=tuple(rungs), twins=twins, log_axis=True)


def baked(spec: LadderSpec, bakes: Mapping[tuple[int, int], int], *, number: int = 1) -> LadderState:
    """Return a ladder whose bakes are done, by (rung, twin); those that are left out are not queued yet."""
    found = [
        BakeOfRung(
            rung=rung,
            twin=twin,
            bake=bakes.get((rung, twin)),
            state=BakeState.DONE if (rung, twin) in bakes else None,
        )
        for rung in range(len(spec.rungs))
        for twin in range(spec.twins)
    ]
    return LadderState(number=number, spec=spec, bakes=tuple(found))


def add_ladder(
    journal: Journal, values: Mapping[str, Sequence[Sequence[float]]], spec: LadderSpec, **settings: object
) -> LadderState:
    """Write the bakes of a ladder with these values after both of their epochs, and return it as it stands.

    Args:
        journal: open.
        values: measure -> for each rung the value of each twin.
        spec: the ladder; twins have the seeds 0, 1, … at every rung.
        settings: that differ from the defaults in all bakes.
    """
    bakes: dict[tuple[int, int], int] = {}
    for rung, each in enumerate(spec.rungs):
        changed = dict(text.split("=") for text in each.overrides)
        for twin in range(len(next(iter(values.values()))[rung])):
            own = {name: of_rungs[rung][twin] for name, of_rungs in values.items()}
            bakes[rung, twin] = add_bake(journal, own, seed=twin, **settings | changed)
    return baked(spec, bakes)
