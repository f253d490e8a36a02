"""Bakes of noise alone: what is claimed of them is as rare as the confidence says."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from random import Random
from statistics import stdev

import pytest
from made_bakes import estimated, floors, measured, noisy, saved_epochs

from trainer.doneness.place import place
from trainer.doneness.record import EpochState, LaneKind
from trainer.doneness.series import FloorOf
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.of_parts import OUTPUT_SHARE
from trainer.measures.of_pictures import BLEED, STATIC, TOKEN_EFFECT
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_SHARE
from trainer.measures.wilson import wilson
from trainer.noise_floor.record import Floor

PARTS = ("unet", "text_encoder")
BAKES = 200
SPREADS = {
    HELD_OUT_CHANGE: 0.01,
    STATIC: 0.05,
    TOKEN_EFFECT: 0.1,
    BLEED: 0.05,
    OUTPUT_SHARE: 0.02,
    DELTA_SHARE.key: 0.03,
}
CLAIMS = {EpochState.FORMING, EpochState.DONE, EpochState.OVER}
# 2.5 % of each rule that says that something was learned, and less of each that says that something got worse; and three
# standard deviations of 200 draws.
MOST_OF_A_LANE, MOST_OF_ALL = 0.10, 0.15


def noise_alone(random: Random, epochs: int) -> list[MeasuredValue]:
    """Return a bake in which nothing changes."""
    return [
        *noisy(random, HELD_OUT_CHANGE, lambda place: 0.0, 0.01, epochs, base=False),
        *noisy(random, HELD_OUT_CHANGE, lambda place: 0.0, 0.01, epochs, scope="layout", base=False),
        *noisy(random, STATIC, lambda place: 0.0, 0.05, epochs),
        *noisy(random, TOKEN_EFFECT, lambda place: 1.0, 0.1, epochs),
        *noisy(random, BLEED, lambda place: 0.5, 0.05, epochs),
        *noisy(random, OUTPUT_SHARE, lambda place: 0.0, 0.02, epochs, part="text_encoder", base=False),
        *(
            value
            for part in PARTS
            for value in noisy(random, DELTA_SHARE.key, lambda place: 0.01, 0.03, epochs, part=part, base=False)
        ),
    ]


def claims(random: Random, epochs: int, floor_of: FloorOf) -> set[LaneKind]:
    """Return the lanes that claim anything of such a bake."""
    doneness = place(1, saved_epochs(epochs), noise_alone(random, epochs), PARTS, floor_of)
    return {lane.kind for lane in doneness.lanes if any(placed.state in CLAIMS for placed in lane.epochs)}


@pytest.mark.parametrize(("epochs", "degrees"), [(3, 4), (6, 1), (8, 10)])
def test_noise_alone_is_rarely_called_anything(epochs: int, degrees: int) -> None:
    random = Random(epochs * 100 + degrees)
    lanes: Counter[LaneKind] = Counter()
    bakes = 0
    for _ in range(BAKES):
        found = claims(random, epochs, estimated(random, SPREADS, degrees))
        lanes.update(found)
        bakes += bool(found)
    assert max(lanes.values(), default=0) <= MOST_OF_A_LANE * BAKES
    assert bakes <= MOST_OF_ALL * BAKES


def test_with_noise_believed_half_as_large_far_more_is_claimed() -> None:
    """The bound above would be broken by rules that look less closely."""
    random = Random(5)
    halved = {name: spread / 2 for name, spread in SPREADS.items()}
    found = [claims(random, 6, floors(halved, degrees=1000)) for _ in range(BAKES)]
    assert sum(map(bool, found)) > 2 * MOST_OF_ALL * BAKES


def test_nothing_is_claimed_of_exact_values_whose_noise_is_not_known() -> None:
    random = Random(6)
    assert not any(claims(random, 6, floors({})) for _ in range(20))


def test_of_its_own_interval_alone_a_bake_of_noise_is_rarely_called_anything() -> None:
    random = Random(7)
    found = 0
    for _ in range(BAKES):
        values = [random.gauss(0, 0.01) for _ in range(6)]
        # The interval of a mean of 16 pictures, as wide as the deviation that they are drawn with says.
        held_out = measured(HELD_OUT_CHANGE, values, half=2.131 * 0.01)
        doneness = place(1, saved_epochs(6), held_out, PARTS, floors({}))
        found += any(placed.state in CLAIMS for lane in doneness.lanes for placed in lane.epochs)
    assert found <= MOST_OF_A_LANE * BAKES


@pytest.mark.parametrize("twins", [1, 2, 4])
def test_a_static_picture_now_and_then_is_rarely_called_anything(twins: int) -> None:
    """Of 16 pictures each is static once in twenty, in every epoch of every twin; of the base none. Most twins agree on none."""
    random, found = Random(twins), 0

    def static() -> int:
        return sum(random.random() < 0.05 for _ in range(16))

    for _ in range(BAKES):
        shares = [static() for _ in range(6)]
        values = [
            MeasuredValue(step=100 * epoch, name=STATIC, value=count / 16, low=low, high=high, count=16)
            for epoch, count in enumerate((0, *shares))
            for low, high in (wilson(count, 16),)
        ]
        known = {100 * (epoch + 1): [shares[epoch] / 16, *(static() / 16 for _ in range(twins))] for epoch in range(6)}
        noise = {0: 0.0} | {step: stdev(each) for step, each in known.items()}
        floor_of = partial(_floor_at, noise, twins)
        doneness = place(1, saved_epochs(6), values, PARTS, floor_of)
        found += any(placed.state in CLAIMS for lane in doneness.lanes for placed in lane.epochs)
    assert found <= MOST_OF_A_LANE * BAKES


def _floor_at(spreads: Mapping[int, float], degrees: int, value: MeasuredValue) -> Floor:
    return Floor(spread=spreads[value.step], bakes=degrees + 1, degrees=degrees)
