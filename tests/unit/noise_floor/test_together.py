"""Many values of two bakes beside each other, what they say together, and all of it in words and as JSON."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_twins import EPOCH, add_bake

from lora_tui.wording.noise import floor_json, floor_lines, side_by_side_json, side_by_side_lines
from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.noise_floor.cosines import cosine_beside_twins
from trainer.noise_floor.epochs import lowest_in_words
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Compared, Standing
from trainer.noise_floor.side_by_side import noise_of, side_by_side
from trainer.noise_floor.spread import Drawn, compare_values, floor, spread_of
from trainer.noise_floor.together import together
from trainer.settings.random_numbers import RandomSource


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def with_probability(probability: float | None) -> Compared:
    known = probability is not None
    outside = known and probability <= 0.05
    standing = Standing.OUTSIDE if outside else Standing.INSIDE if known else Standing.UNKNOWN
    return Compared(difference=1.0, standing=standing, times=1.0, floor=None, probability=probability)


def test_together_the_smallest_probability_must_be_smaller_the_more_there_are() -> None:
    """Holm by hand: 0.01 · 4 ≤ 0.05, 0.015 · 3 ≤ 0.05, 0.03 · 2 > 0.05, and what comes after does not count."""
    found = together([with_probability(each) for each in (0.03, 0.01, 0.04, 0.015, None)])
    assert (found.compared, found.known, found.alone, found.outside) == (5, 4, 4, 2)
    assert found.words() == "of 4 values together, 2 are outside the noise (4 by themselves), 1 with unknown noise"
    assert together([with_probability(None)]).words() == "1 value, noise not known: make a twin"
    assert together([with_probability(0.04)] * 2).words() == (
        "of 2 values together, none are outside the noise (2 by themselves)"
    )


def test_of_many_values_of_strangers_with_one_noise_any_is_claimed_once_in_twenty_at_most() -> None:
    claims = 0
    for seed in range(200):
        chance = random.Random(seed)
        compared = []
        for _ in range(12):
            values = [chance.gauss(0, 1) for _ in range(4)]
            draws = [Drawn(dict.fromkeys(RandomSource, at), value) for at, value in enumerate(values[:3])]
            compared.append(compare_values(values[:1], values[3:], floor(spread_of([draws]))))
        claims += together(compared).outside > 0
    assert claims <= 10 + 3 * (10 * 0.95) ** 0.5


def family(journal: Journal, losses: tuple[float, ...], **settings: object) -> list[int]:
    return [
        add_bake(
            journal, {"delta_share": loss / 100}, seed=seed, losses={EPOCH: loss, 2 * EPOCH: 0.9 * loss}, **settings
        )
        for seed, loss in enumerate(losses)
    ]


def test_two_bakes_are_told_value_by_value_with_words(journal: Journal) -> None:
    first = family(journal, (0.50, 0.51, 0.49))[0]
    second = family(journal, (0.9,), network_dim=4)[0]
    found = side_by_side(journal, first, second)
    assert found is not None
    assert (found.first_step, found.second_step) == (2 * EPOCH, 2 * EPOCH)
    lines = list(side_by_side_lines(found))
    assert lines[0].startswith("measures after step 20: of 4 values together, 4 are outside the noise")
    assert "  loss: 0.45 → 0.81, 6.6 times outside the noise" in lines
    assert any(line.startswith("  change / weights of the U-Net: 0.5 % → 0.9 %, ") for line in lines)
    plain = json.loads(json.dumps(side_by_side_json(found), allow_nan=False))
    assert plain["together"]["outside"] == 4
    assert {each["compared"]["words"] for each in plain["values"]} == {line.rpartition(", ")[2] for line in lines[1:]}


def test_bakes_of_other_lengths_are_compared_after_the_last_step_that_both_have(journal: Journal) -> None:
    """Where the noise of the one is known; after steps that are not the same it would not be."""
    first = family(journal, (0.50, 0.51, 0.49))[0]
    second = add_bake(journal, losses={EPOCH: 0.9}, network_dim=4)
    found = side_by_side(journal, first, second)
    assert found is not None
    assert (found.first_step, found.second_step) == (EPOCH, EPOCH)
    assert "  loss: 0.5 → 0.9, 6.6 times outside the noise" in list(side_by_side_lines(found))
    apart = add_bake(journal, losses={9 * EPOCH: 0.9}, network_dim=4)
    found = side_by_side(journal, second, apart)
    assert found is not None
    assert (
        next(iter(side_by_side_lines(found))) == "measures after step 10 and 90: 3 values, noise not known: make a twin"
    )


def test_a_bake_without_twins_says_once_that_its_noise_is_not_known(journal: Journal) -> None:
    add_bake(journal, {"delta_share": 0.125}, losses={EPOCH: 0.5})
    step, found = noise_of(journal, 1)
    lines = list(floor_lines(1, step, found, [1]))
    assert [line for line in lines if "not known" in line] == ["noise not known: make a twin"]
    assert lines[-1] == "  change / weights of the U-Net: 12.5 %"


def test_the_noise_of_a_percentage_says_that_it_is_percent_of_the_value(journal: Journal) -> None:
    family(journal, (0.50, 0.51, 0.49))
    step, found = noise_of(journal, 1)
    lines = list(floor_lines(1, step, found, [1, 2, 3]))
    size = lines[lines.index("  change / weights of the U-Net: 0.5 %") + 1]
    assert size.startswith("    noise ±") and " % of the value (3 bakes" in size


def test_bakes_without_a_value_in_common_say_so(journal: Journal) -> None:
    assert side_by_side(journal, add_bake(journal), add_bake(journal)) is None
    assert list(side_by_side_lines(None)) == ["measures: none that both bakes have"]
    with pytest.raises(WorkspaceError, match="nothing of it was measured"):
        noise_of(journal, 1)
    with pytest.raises(WorkspaceError, match="no bake 9"):
        noise_of(journal, 9)


def test_the_noise_of_a_bake_names_what_each_source_makes_of_it(journal: Journal) -> None:
    for seeds, loss in (
        ({}, 0.50),
        ({"init_seed": 2}, 0.51),
        ({"order_seed": 2}, 0.52),
        ({"noise_seed": 2}, 0.54),
        ({}, 0.50),
    ):
        add_bake(journal, losses={EPOCH: loss}, **seeds)
    step, found = noise_of(journal, 1)
    lines = list(floor_lines(1, step, found, NoiseFloors(journal).family(1)))
    assert lines[:2] == ["noise of bake 1 after step 10", "twins: 2, 3, 4, 5"]
    assert lines[2:5] == [
        "  loss: 0.5",
        "    noise ±0.0324 (4 bakes)",
        "    from start values ±0.00707 (5 %), order ±0.0141 (19 %), noise ±0.0283 (76 %)",
    ]
    plain = json.loads(json.dumps(floor_json(1, step, found, [1, 2]), allow_nan=False))
    assert plain["values"][0]["repeats"]["variance"] == 0
    assert sum(plain["values"][0]["shares"].values()) == pytest.approx(1)


def test_a_repeat_alone_is_told_as_one(journal: Journal) -> None:
    add_bake(journal, losses={EPOCH: 0.5}), add_bake(journal, losses={EPOCH: 0.5})
    step, found = noise_of(journal, 1)
    assert list(floor_lines(1, step, found, [1, 2]))[3] == (
        "    2 bakes with the same random numbers: the same to the last digit; noise not known: make a twin"
    )
    assert list(floor_lines(1, step, found, [1]))[1] == "no twins yet: `lora-tui twin 1` makes one"


def test_the_lowest_validation_loss_is_told_with_its_noise(journal: Journal) -> None:
    alone = family(journal, (0.3,), network_dim=4)[0]
    words = {bake: lowest_in_words(journal, bake, journal.results.checkpoints(bake)) for bake in (alone,)}
    assert words[alone] == "noise not known: make a twin"
    assert lowest_in_words(journal, add_bake(journal), []) == ""
    first = family(journal, (0.50, 0.51, 0.49))[0]
    told = lowest_in_words(journal, first, journal.results.checkpoints(first))
    assert [line.partition(": ")[0] for line in told.splitlines()] == ["against step 10", "against the base"]
    assert told.count("times outside the noise") == 2


def test_a_cosine_stands_beside_those_of_twins_or_not_at_all(journal: Journal) -> None:
    for seed in range(3):
        add_bake(journal, seed=seed)
    other = add_bake(journal, network_dim=4)
    cosines = {(1, other): 0.38, (1, 2): 0.41, (1, 3): 0.43, (2, 3): 0.39}
    found = cosine_beside_twins(NoiseFloors(journal), 1, other, lambda one, another: cosines[one, another])
    assert found is not None
    assert (found.between, found.twins) == (0.38, (0.41, 0.43, 0.39))
    assert found.words() == "cosine 0.38, between twins 0.39 to 0.43 (3 pairs of 3 bakes)"
    alone = add_bake(journal, network_dim=8)
    assert cosine_beside_twins(NoiseFloors(journal), other, alone, lambda one, another: 1.0) is None
