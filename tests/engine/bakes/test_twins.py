"""Twins that were really baked: an exact repeat is the same to the last bit, each source of random numbers has its share of the noise."""

from typing import Any

import pytest
from run_bakes import BakeRunner, bits_of_lora

from trainer.measures.registry import MEASURES
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Standing
from trainer.noise_floor.side_by_side import noise_of, side_by_side
from trainer.settings.random_numbers import RandomSource


def test_a_repeat_has_floor_0_and_the_floor_of_twins_tells_each_sources_share(
    runner: BakeRunner, make_settings: Any
) -> None:
    short = {"max_train_steps": 3, "seed": 7, "shuffle_caption": True}
    seeds = ({}, {}, {"init_seed": 8}, {"order_seed": 8}, {"noise_seed": 8})
    bits = [bits_of_lora(runner.bake(make_settings(**short, **each))) for each in seeds]
    assert bits[0] == bits[1]
    assert len({tuple(each.values()) for each in bits}) == 4
    assert NoiseFloors(runner.journal).family(1) == [1, 2, 3, 4, 5]
    _, found = noise_of(runner.journal, 1)
    assert {each.record.key for each in found} > {"training_loss", "delta_share"}
    for each in found:
        # Both repeats have every digit in common.
        assert each.spread.repeats is not None and each.spread.repeats.variance == 0, each.key
        assert set(each.spread.by_source) == set(RandomSource), each.key
        assert each.floor is not None and each.floor.unknown == ()
    (size,) = (each for each in found if each.key == ("delta_share", "unet", ""))
    shares = [size.spread.share(source) for source in RandomSource]
    assert all(share is not None and 0 < share < 1 for share in shares)
    same = side_by_side(runner.journal, 1, 2)
    assert same is not None
    assert {pair.compared.difference for pair in same.pairs} == {0.0}


@pytest.mark.long
def test_bakes_that_nobody_knows_to_be_twins_are_called_different_once_in_twenty_at_most(
    runner: BakeRunner, make_settings: Any
) -> None:
    """Four families of three, the same bake but for a setting that changes nothing: so each family is a stranger to the others."""
    for family in range(4):
        for seed in range(3):
            runner.bake(make_settings(max_train_steps=4, seed=10 * family + seed, vae_batch_size=family + 1))
    floors = NoiseFloors(runner.journal)
    assert floors.family(4) == [4, 5, 6]
    keys = [key for name, record in MEASURES.items() if record.compared for key in floors.keys(1, name)]
    step = floors.last_step(1, MEASURES)
    assert len(keys) > 10 and step is not None
    pairs = [(first, second) for first in range(1, 10) for second in range(1 + 3 * ((first + 2) // 3), 13)][:20]
    compared = [floors.compare([first], [second], key, step) for key in keys for first, second in pairs]
    known = [each for each in compared if each is not None and each.times is not None]
    assert len(known) == len(keys) * len(pairs)
    assert sum(each.standing is Standing.OUTSIDE for each in known) <= 0.05 * len(known)
    together = [side_by_side(runner.journal, first, second) for first, second in pairs]
    assert sum(each is not None and each.together.outside > 0 for each in together) <= 1
