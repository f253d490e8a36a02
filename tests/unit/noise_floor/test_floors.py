"""Noise floors from bakes in a journal: who is whose twin, what is borrowed, and what is claimed."""

import math
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from made_twins import DATA, EPOCH, OTHER_DATA, PICTURE, add_bake

from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import Mark, MarkKind
from trainer.measures.of_curves import TRAINING_LOSS, VALIDATION_CHANGE, VALIDATION_LOSS
from trainer.measures.of_pictures import DRIFT, PICTURE_SET, STATIC
from trainer.measures.of_validation import AUC, HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_SHARE
from trainer.noise_floor.families import make_rows
from trainer.noise_floor.floors import NoiseFloors
from trainer.noise_floor.record import Compared, Floor, Standing
from trainer.noise_floor.values import ValueKey
from trainer.noise_floor.words import words
from trainer.settings.random_numbers import RandomSource

SHARE = "share"
"""A measure that no record says is a ratio."""


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


def twins_of(journal: Journal, bake: int) -> list[int]:
    return NoiseFloors(journal).family(bake)


def compare(
    journal: Journal, first: list[int], second: list[int], name: str, part: str = "", *, step: int
) -> Compared | None:
    return NoiseFloors(journal).compare(first, second, ValueKey(name, part), step)


def floor_of(journal: Journal, bakes: list[int], name: str, part: str = "", *, step: int) -> Floor | None:
    return NoiseFloors(journal).floor_of(bakes, ValueKey(name, part), step)


def test_twins_differ_in_seeds_and_in_what_decides_nothing(journal: Journal) -> None:
    bakes = [
        add_bake(journal, seed=1),
        add_bake(journal, seed=2),
        add_bake(
            journal, noise_seed=3, output_name="y", save_every_n_epochs=2, sample_seeds=3, training_comment="again"
        ),
        add_bake(
            journal, order_seed=4, measure_weights=False, subject="x", on_bad_steps="stop", train_data_dir="/moved"
        ),
        add_bake(journal, init_seed=4, data=replace(DATA, validation=(PICTURE,))),
    ]
    assert twins_of(journal, bakes[0]) == twins_of(journal, bakes[3]) == bakes


@pytest.mark.parametrize(
    "other",
    [
        {"unet_lr": 3e-4},
        {"network_dim": 4},
        {"max_train_epochs": 3},
        {"mixed_precision": "bf16"},
        {"gradient_checkpointing": True},
        {"save_precision": "bf16"},
        {"caption_dropout_rate": 0.1},
        {"device": "GPU-1"},
        {"data": OTHER_DATA},
        {"data": replace(DATA, models={})},
    ],
    ids=str,
)
def test_bakes_that_differ_otherwise_are_no_twins(journal: Journal, other: dict[str, object]) -> None:
    first, second = add_bake(journal, seed=1), add_bake(journal, **{"seed": 2, **other})
    assert twins_of(journal, first) == [first]
    assert twins_of(journal, second) == [second]


@pytest.mark.parametrize(
    ("mark", "twins"),
    [
        (Mark(4, 1e9, MarkKind.SET, "unet_lr=1e-5"), False),
        (Mark(4, 1e9, MarkKind.SET, "save_every_n_epochs=2"), True),
        (Mark(4, 1e9, MarkKind.SET, "micro_batch_size=1"), True),
        (Mark(4, 1e9, MarkKind.ROLL_BACK, "to step 2"), False),
        (Mark(4, 1e9, MarkKind.RESUME, "resumed"), True),
    ],
)
def test_what_was_changed_while_it_ran_counts_even_if_it_is_noted_later(
    journal: Journal, mark: Mark, *, twins: bool
) -> None:
    first, second = add_bake(journal, seed=1), add_bake(journal, seed=2)
    assert twins_of(journal, first) == [first, second]
    journal.results.add_mark(second, mark)
    assert twins_of(journal, first) == ([first, second] if twins else [first])


def test_forks_of_one_state_are_twins_of_each_other_and_have_no_start_of_their_own(journal: Journal) -> None:
    parent = add_bake(journal, seed=1)
    forks = [
        add_bake(journal, {SHARE: value}, seed=seed, parent=parent, starts_from=f"bakes/.fork-{seed}.safetensors")
        for seed, value in ((1, 0.1), (2, 0.3), (3, 0.2))
    ]
    for fork, first in zip(forks, (5, 5, 7), strict=True):
        journal.curves.add(fork, "loss", [(step, 0.1) for step in range(first, 9)])
    assert twins_of(journal, forks[0]) == forks[:2]
    spread = NoiseFloors(journal).spread(forks[0], ValueKey(SHARE, "unet"), EPOCH)
    assert spread.sources == (RandomSource.ORDER, RandomSource.NOISE)
    assert spread.total is not None and spread.total.variance == pytest.approx(0.02)


def test_a_bake_with_twins_has_a_floor_and_the_words_say_where_a_difference_stands(journal: Journal) -> None:
    for seed, value in enumerate((0.30, 0.32, 0.31)):
        add_bake(journal, {SHARE: value}, seed=seed)
    near, far = add_bake(journal, {SHARE: 0.33}, network_dim=4), add_bake(journal, {SHARE: 0.9}, network_dim=8)
    found = floor_of(journal, [1], SHARE, "unet", step=EPOCH)
    assert found is not None
    assert (found.spread, found.bakes, found.degrees, found.pictures) == (pytest.approx(0.01), 3, 2, 4)
    inside, outside = (compare(journal, [1], [other], SHARE, "unet", step=EPOCH) for other in (near, far))
    assert inside is not None and outside is not None
    assert (words(inside), words(outside)) == ("inside the noise", "9.9 times outside the noise")
    all_three = compare(journal, [1, 2, 3], [far], SHARE, "unet", step=EPOCH)
    assert all_three is not None
    assert (all_three.difference, all_three.first_bakes) == (pytest.approx(0.59), 3)


def test_a_ratio_is_compared_as_one(journal: Journal) -> None:
    from trainer.measures.registry import MEASURES

    name = next(key for key, record in MEASURES.items() if record.log_scale)
    for seed, value in enumerate((1e-3, 1.1e-3, 0.9e-3, 1.05e-3)):
        add_bake(journal, {name: value}, seed=seed)
    small = add_bake(journal, {name: 1e-6}, network_dim=4)
    found = compare(journal, [1], [small], name, "unet", step=EPOCH)
    assert found is not None and found.standing is Standing.OUTSIDE
    assert found.difference == pytest.approx(-6.9078, abs=1e-3)


def test_without_twins_the_noise_of_the_bake_with_the_nearest_rates_is_borrowed_and_named(journal: Journal) -> None:
    for seed, value in enumerate((0.1, 0.2)):
        add_bake(journal, {SHARE: value}, seed=seed, unet_lr=1e-2)
    for seed, value in enumerate((0.3, 0.34)):
        add_bake(journal, {SHARE: value}, seed=seed, unet_lr=3e-4)
    alone = add_bake(journal, {SHARE: 0.5}, unet_lr=1e-4)
    borrowed = floor_of(journal, [alone], SHARE, "unet", step=EPOCH)
    assert borrowed is not None
    assert (borrowed.borrowed_from, borrowed.spread) == (3, pytest.approx(0.04 / 2**0.5))
    other = add_bake(journal, {SHARE: 0.51}, unet_lr=1.2e-4)
    found = compare(journal, [alone], [other], SHARE, "unet", step=EPOCH)
    assert found is not None and words(found) == "inside the noise borrowed from 3, same data"


@pytest.mark.parametrize(
    "other", [{"data": OTHER_DATA}, {"network_dim": 4}, {"text_encoder_lr": 0}, {"optimizer_type": "Lion"}], ids=str
)
def test_nothing_is_borrowed_from_other_data_settings_or_trained_parts(
    journal: Journal, other: dict[str, object]
) -> None:
    for seed, value in enumerate((0.3, 0.34)):
        add_bake(journal, **{"values": {SHARE: value}, "seed": seed, "unet_lr": 3e-4, **other})
    alone = add_bake(journal, {SHARE: 0.5}, unet_lr=1e-4)
    assert floor_of(journal, [alone], SHARE, "unet", step=EPOCH) is None


def test_twins_at_nearly_the_same_rates_add_to_its_certainty_and_never_make_the_noise_smaller(journal: Journal) -> None:
    for seed, value in enumerate((0.3, 0.34)):
        add_bake(journal, {SHARE: value}, seed=seed, unet_lr=1e-4)
    for seed, value in enumerate((0.4, 0.42, 0.44)):
        add_bake(journal, {SHARE: value}, seed=seed, unet_lr=1.5e-4)
    for seed, value in enumerate((0.1, 9.0)):
        add_bake(journal, {SHARE: value}, seed=seed, unet_lr=1e-2)
    one, other = (floor_of(journal, [bake], SHARE, "unet", step=EPOCH) for bake in (1, 3))
    assert one is not None and other is not None
    assert (one.degrees, one.spread, one.borrowed_from) == (3, pytest.approx(0.04 / 2**0.5), None)
    assert (other.degrees, other.spread) == (3, pytest.approx(((1.5**2 * 0.0008 + 0.0008) / 3) ** 0.5))


def test_what_is_lent_to_a_bake_at_a_higher_rate_grows_with_it_but_for_ratios(journal: Journal) -> None:
    for seed, value in enumerate((0.3, 0.34)):
        add_bake(journal, {SHARE: value, DELTA_SHARE.key: value}, seed=seed, unet_lr=1e-4)
    alone = add_bake(journal, {SHARE: 0.5, DELTA_SHARE.key: 0.5}, unet_lr=1e-3)
    borrowed, by_ratio = (floor_of(journal, [alone], name, "unet", step=EPOCH) for name in (SHARE, DELTA_SHARE.key))
    assert borrowed is not None and by_ratio is not None
    assert borrowed.spread == pytest.approx(10 * 0.04 / 2**0.5)
    assert by_ratio.spread == pytest.approx(math.log(0.34 / 0.3) / 2**0.5)


def test_kin_with_less_noise_at_lower_rates_make_no_claim_too_sure(journal: Journal) -> None:
    """Two twins, and twelve of four kin at half the rate whose values vary half as much; 200 measures, each against a stranger's."""
    chance = random.Random(4)
    names = [f"m{number}" for number in range(200)]

    def add(spread: float, **settings: object) -> int:
        return add_bake(journal, {name: chance.gauss(0, spread) for name in names}, **settings)

    first = add(1.0, seed=1, unet_lr=1e-4)
    add(1.0, seed=2, unet_lr=1e-4)
    for kin in range(4):
        for seed in range(3):
            add(0.5, seed=seed, unet_lr=(5 + kin / 100) * 1e-5)
    stranger = add(1.0, seed=1, network_dim=4)
    floors = NoiseFloors(journal, names)
    found = [floors.compare([first], [stranger], ValueKey(name, "unet"), EPOCH) for name in names]
    assert all(each is not None and each.floor is not None and each.floor.degrees == 9 for each in found)
    # Three standard errors of 10 in 200.
    assert sum(each is not None and each.standing is Standing.OUTSIDE for each in found) <= 10 + 3 * 9.5**0.5


def test_an_exact_repeat_is_no_twin_and_its_own_noise_is_0(journal: Journal) -> None:
    first, repeat = add_bake(journal, {SHARE: 0.3}, seed=1), add_bake(journal, {SHARE: 0.3}, seed=1)
    other = add_bake(journal, {SHARE: 0.4}, network_dim=4)
    floors = NoiseFloors(journal)
    spread = floors.spread(first, ValueKey(SHARE, "unet"), EPOCH)
    assert spread.repeats is not None and (spread.repeats.spread, spread.total) == (0.0, None)
    same = floors.compare([first], [repeat], ValueKey(SHARE, "unet"), EPOCH)
    assert same is not None and same.floor is not None
    assert (same.floor.spread, words(same)) == (0.0, "inside the noise")
    unknown = floors.compare([first], [other], ValueKey(SHARE, "unet"), EPOCH)
    assert unknown is not None and words(unknown) == "noise not known: make a twin"


def test_losses_have_floors_too_and_the_nearest_epoch_counts(journal: Journal) -> None:
    for seed, loss in enumerate((0.10, 0.12)):
        add_bake(journal, seed=seed, losses={EPOCH: loss, 2 * EPOCH: loss / 2})
    late = add_bake(journal, seed=9, losses={EPOCH + 3: 0.14})
    for name, spread in ((TRAINING_LOSS, 0.02), (VALIDATION_LOSS, 0.01), (VALIDATION_CHANGE, 0.02)):
        found = floor_of(journal, [1], name, step=EPOCH + 1)
        assert found is not None
        assert (found.bakes, found.spread) == (3, pytest.approx(spread))
    at_the_end = floor_of(journal, [late], TRAINING_LOSS, step=2 * EPOCH)
    assert at_the_end is not None and at_the_end.bakes == 2
    assert compare(journal, [1], [late], TRAINING_LOSS, step=2 * EPOCH) is None


def test_values_that_came_out_as_no_number_are_left_out(journal: Journal) -> None:
    for seed in (1, 2, 3):
        add_bake(journal, {SHARE: seed / 10}, seed=seed)
    journal.measures.add(2, [MeasuredValue(step=EPOCH, name=SHARE, part="unet", value=None)])
    found = floor_of(journal, [1], SHARE, "unet", step=EPOCH)
    assert found is not None and found.bakes == 2


def test_a_journal_that_cannot_be_written_is_compared_as_well(journal: Journal, tmp_path: Path) -> None:
    for seed, value in enumerate((0.30, 0.32, 0.31)):
        add_bake(journal, {SHARE: value}, seed=seed, unet_lr=2e-4)
    alone = add_bake(journal, {SHARE: 0.31}, unet_lr=1e-4)
    journal.close()
    (tmp_path / "journal.sqlite").chmod(0o400)
    with Journal(tmp_path / "journal.sqlite") as read_only:
        found = compare(read_only, [alone], [2], SHARE, "unet", step=EPOCH)
        lent = floor_of(read_only, [alone], SHARE, "unet", step=EPOCH)
    assert found is not None and words(found) == "inside the noise"
    assert lent is not None and lent.borrowed_from == 1


@pytest.mark.parametrize("many", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_many_bakes_of_one_length_do_not_slow_a_comparison(journal: Journal, many: int) -> None:
    """Once each is known; a journal of an older version is gone through at the first comparison."""
    journal._database._connection.execute("PRAGMA synchronous = OFF")
    for seed in range(3):
        add_bake(journal, {SHARE: seed / 10}, seed=seed)
    with journal._database.writing() as connection:
        connection.execute(
            """
            WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
            INSERT INTO bake (number, name, settings_toml, engine, total_steps, steps_per_epoch, folder, state, created, device)
            SELECT n + 100, 'x', replace(settings_toml, 'network_dim = ', 'network_dim = ' || (n % 500)), 'e', total_steps,
                steps_per_epoch, 'bakes/' || n, 'done', 1, device
            FROM counted, bake WHERE number = 1
            """,
            (many,),
        )
        connection.execute(
            "INSERT INTO manifest SELECT b.number, blob FROM bake b, manifest WHERE b.number > 100 AND bake = 1"
        )
    began = time.process_time()
    assert NoiseFloors(journal).family(101)[:2] == [101, 601]
    first = time.process_time() - began
    began = time.process_time()
    found = compare(journal, [1], [101], SHARE, "unet", step=EPOCH)
    later = time.process_time() - began
    assert found is None
    assert floor_of(journal, [1], SHARE, "unet", step=EPOCH) is not None
    assert first < 1e-3 * many
    assert later < 0.2


def test_values_on_other_pictures_are_neither_compared_nor_counted_as_noise(journal: Journal) -> None:
    def measured(seed: int, drift: float, pictures: float, **settings: object) -> int:
        number = add_bake(journal, seed=seed, **settings)
        of_unet = {"step": EPOCH, "part": ""}
        journal.measures.add(
            number,
            [
                MeasuredValue(name=DRIFT, value=drift, count=4, **of_unet),
                MeasuredValue(name=PICTURE_SET, value=pictures, **of_unet),
            ],
        )
        return number

    first, second, third = measured(1, 0.30, 7.0), measured(2, 0.31, 7.0), measured(3, 0.90, 8.0)
    others = measured(1, 0.9, 7.0, network_dim=3), measured(1, 0.9, 8.0, network_dim=3)
    found = floor_of(journal, [first], DRIFT, step=EPOCH)
    assert found is not None and (found.bakes, found.spread) == (2, pytest.approx(0.01 / 2**0.5))
    assert floor_of(journal, [third], DRIFT, step=EPOCH) is None
    compared = compare(journal, [first, second], others, DRIFT, step=EPOCH)
    assert compared is not None and (compared.second_bakes, compared.standing) == (1, Standing.OUTSIDE)
    assert compare(journal, [first], [others[1]], DRIFT, step=EPOCH) is None


def test_two_epochs_of_a_bake_are_held_against_how_much_twins_differ_in_that_change(journal: Journal) -> None:
    """Bakes that lie far apart may all fall alike from one epoch to the next."""
    for seed, (early, late) in enumerate(((0.5, 0.40), (0.3, 0.21), (0.7, 0.61))):
        add_bake(journal, seed=seed, losses={EPOCH: early, 2 * EPOCH: late})
    key, floors = ValueKey(VALIDATION_LOSS), NoiseFloors(journal)
    fell = floors.compare_epochs(1, key, EPOCH, 2 * EPOCH)
    assert fell is not None and fell.floor is not None
    assert fell.difference == pytest.approx(-0.05)
    # By hand: the changes are -0.05, -0.045 and -0.045.
    assert fell.floor.spread == pytest.approx(0.005 / 3**0.5)
    assert words(fell) == "4.0 times outside the noise"
    between = floors.compare([1], [2], key, EPOCH)
    assert between is not None and words(between) == "inside the noise"
    assert floors.compare_epochs(1, key, EPOCH, EPOCH) is None


def test_a_change_against_the_base_is_held_against_its_own_noise(journal: Journal) -> None:
    add_bake(journal, seed=1, losses={EPOCH: 0.5})
    key = ValueKey(VALIDATION_CHANGE)
    unknown = NoiseFloors(journal).compare_with_base(1, key, EPOCH)
    assert unknown is not None and words(unknown) == "noise not known: make a twin"
    for seed, loss in ((2, 0.51), (3, 0.49)):
        add_bake(journal, seed=seed, losses={EPOCH: loss})
    found = NoiseFloors(journal).compare_with_base(1, key, EPOCH)
    assert found is not None
    assert (found.difference, found.times) == (-0.5, pytest.approx(0.5 / (4.30265 * 0.01), rel=1e-4))
    assert NoiseFloors(journal).compare_with_base(1, key, 5 * EPOCH) is None


def test_known_twins_are_inside_whatever_they_differ_by_and_a_stranger_as_far_away_is_not(journal: Journal) -> None:
    for seed in range(12):
        add_bake(journal, {SHARE: 0.3 + 0.001 * (seed % 3)}, seed=seed)
    unlucky = add_bake(journal, {SHARE: 0.9}, seed=99)
    stranger = add_bake(journal, {SHARE: 1.2}, network_dim=4)
    key, floors = ValueKey(SHARE, "unet"), NoiseFloors(journal)
    twin, other = floors.compare([1], [unlucky], key, EPOCH), floors.compare([1], [stranger], key, EPOCH)
    assert twin is not None and other is not None
    assert (twin.standing, twin.times, other.standing) == (Standing.INSIDE, 1.0, Standing.OUTSIDE)
    assert twin.probability is not None and twin.probability < 0.05


def test_rows_are_made_before_anybody_compares_and_again_where_something_changed(journal: Journal) -> None:
    bakes = [add_bake(journal, seed=seed) for seed in range(5)]
    assert [make_rows(journal, 3) for _ in range(3)] == [3, 2, 0]
    journal.results.add_mark(bakes[0], Mark(4, 1e9, MarkKind.SET, "unet_lr=1e-5"))
    assert make_rows(journal, 9) == 1
    assert twins_of(journal, bakes[1]) == bakes[1:]


def test_of_very_many_twins_enough_are_read(journal: Journal) -> None:
    for seed in range(30):
        add_bake(journal, {SHARE: seed / 100}, seed=seed)
    found = floor_of(journal, [30], SHARE, "unet", step=EPOCH)
    assert found is not None and (found.bakes, found.degrees) == (24, 23)


def test_a_damaged_row_of_a_twin_is_left_out(journal: Journal) -> None:
    for seed in range(3):
        add_bake(journal, {SHARE: seed / 10}, seed=seed)
    assert twins_of(journal, 1) == [1, 2, 3]
    for seeds in ('{"nobody": 1}', "[1]", "x"):
        journal._database._connection.execute("UPDATE bake_family SET seeds = ? WHERE bake = 2", (seeds,))
        assert twins_of(journal, 1) == [1, 3]


@pytest.mark.parametrize(
    ("name", "standing"), [(STATIC, Standing.INSIDE), (AUC, Standing.INSIDE), (DRIFT, Standing.OUTSIDE)]
)
def test_what_counts_pictures_may_agree_between_twins_by_chance(
    journal: Journal, name: str, standing: Standing
) -> None:
    """Of four pictures each: one more is no news, all four against none of three twins are."""
    twins = [add_bake(journal, {name: 0.0}, seed=seed) for seed in (1, 2, 3)]
    one, every = (add_bake(journal, {name: share}, unet_lr=rate) for share, rate in ((0.25, 0.5), (1.0, 0.2)))
    key = ValueKey(name, "unet")
    floors = NoiseFloors(journal)
    found = floors.compare(twins[:1], [one], key, EPOCH)
    assert found is not None and found.standing is standing
    all_of_them = floors.compare(twins[:1], [every], key, EPOCH)
    assert all_of_them is not None and all_of_them.standing is Standing.OUTSIDE


def test_a_bake_without_the_value_makes_no_comparison_exact(journal: Journal) -> None:
    first, second = (add_bake(journal, {DRIFT: 0.1}, seed=seed) for seed in (1, 2))
    nothing = add_bake(journal, seed=3)
    found = NoiseFloors(journal).compare([first, nothing], [second], ValueKey(DRIFT, "unet"), EPOCH)
    assert found is not None and found.pictures == 4


@pytest.mark.parametrize("name", [HELD_OUT_CHANGE, VALIDATION_LOSS])
def test_values_on_other_held_out_pictures_are_neither_compared_nor_counted_as_noise(
    journal: Journal, name: str
) -> None:
    other = replace(DATA, validation=(replace(PICTURE, path="v/b.png", sha256="7" * 64),))
    bakes = [
        add_bake(journal, {HELD_OUT_CHANGE: value}, seed=seed, data=data, losses={EPOCH: value})
        for seed, (value, data) in enumerate(((0.1, DATA), (0.12, DATA), (0.9, other)))
    ]
    key = ValueKey(name, "unet" if name == HELD_OUT_CHANGE else "")
    floors = NoiseFloors(journal)
    assert floors.family(bakes[0]) == bakes
    found = floors.floor_of(bakes[:1], key, EPOCH)
    assert found is not None and found.bakes == 2
    assert floors.compare(bakes[:1], bakes[2:], key, EPOCH) is None
    assert floors.compare(bakes[:1], bakes[1:2], key, EPOCH) is not None
