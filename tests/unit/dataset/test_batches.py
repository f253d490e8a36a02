"""Batches of an epoch."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from trainer.dataset.batches import BucketBatch, batches_per_epoch, epoch_batches, instances
from trainer.dataset.buckets import Placement, placement_of
from trainer.dataset.records import BucketRules, DataSet, Group, Picture

WIDE, SQUARE, TALL = (640, 384), (512, 512), (384, 640)
RULES = BucketRules(size=(512, 512), enable=True, low=256, high=1024, step=64, no_upscale=False)


def picture(repeats: int, *, is_reg: bool = False, group: int = 0) -> Picture:
    return Picture(Path("a.png"), "1_x", repeats, 64, 64, "", None, is_reg=is_reg, group=group)


def data_of(pictures: Sequence[Picture], *batch_sizes: int) -> DataSet:
    return DataSet(Path(), (), tuple(pictures), (), tuple(Group(RULES, size) for size in batch_sizes))


def placed(buckets: Sequence[tuple[int, int]]) -> list[Placement]:
    return [Placement(bucket, bucket, (0, 0)) for bucket in buckets]


def batches(
    buckets: Sequence[tuple[int, int]], repeats: Sequence[int], batch_size: int, *, seed: int = 1, epoch: int = 0
) -> list[BucketBatch]:
    data = data_of([picture(times) for times in repeats], batch_size)
    return epoch_batches(data, placed(buckets), seed=seed, epoch=epoch)


def test_twelve_pictures_in_three_buckets_make_the_sixty_batches_of_sd_scripts() -> None:
    made = batches([WIDE] * 2 + [SQUARE] * 7 + [TALL] * 3, [10] * 12, 2, seed=42)
    assert Counter(batch.bucket for batch in made) == {WIDE: 10, SQUARE: 35, TALL: 15}


def test_every_picture_comes_as_often_as_its_repeats_say() -> None:
    made = batches([SQUARE, SQUARE, WIDE], [3, 1, 5], 2)
    assert Counter(index for batch in made for index in batch.pictures) == {0: 3, 1: 1, 2: 5}


def test_a_batch_holds_pictures_of_one_bucket() -> None:
    buckets = [(WIDE, SQUARE, TALL)[index % 3] for index in range(50)]
    for batch in batches(buckets, [3] * 50, 4, epoch=2):
        assert {buckets[index] for index in batch.pictures} == {batch.bucket}


def test_a_batch_holds_pictures_of_one_group_and_no_more_than_the_group_allows() -> None:
    pictures = [picture(2, group=index % 2) for index in range(20)]
    data = data_of(pictures, 3, 5)
    made = epoch_batches(data, placed([SQUARE] * 20), seed=1, epoch=0)
    groups = [{pictures[index].group for index in batch.pictures} for batch in made]
    assert all(len(group) == 1 for group in groups)
    sizes = [Counter(len(batch.pictures) for batch, of in zip(made, groups, strict=True) if of == {g}) for g in (0, 1)]
    assert sizes == [{3: 6, 2: 1}, {5: 4}]


def test_the_last_batch_of_a_bucket_is_smaller_neither_filled_nor_dropped() -> None:
    assert Counter(len(batch.pictures) for batch in batches([SQUARE] * 7, [1] * 7, 3)) == {3: 2, 1: 1}


def test_the_order_is_decided_by_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[BucketBatch]:
        return batches([SQUARE] * 20 + [WIDE] * 20, [2] * 40, 3, seed=seed, epoch=epoch)

    assert order(1, 2) == order(1, 2)
    orders = [order(1, 2), order(1, 3), order(2, 2), order(12, 2), order(1, 22)]
    assert len({tuple(made) for made in orders}) == len(orders)


def test_both_pictures_and_batches_change_places() -> None:
    made = batches([SQUARE] * 30 + [WIDE] * 30, [1] * 60, 3, seed=5)
    assert [batch.bucket for batch in made] != sorted(batch.bucket for batch in made)
    together = {batch.pictures for batch in made}
    assert together != {tuple(range(start, start + 3)) for start in range(0, 60, 3)}


def test_the_order_stays_the_same_from_release_to_release() -> None:
    # A bake is repeated from its settings alone: another order for the same seed would break that.
    made = batches([SQUARE] * 3 + [WIDE] * 2, [1] * 5, 2, seed=42)
    assert [batch.pictures for batch in made] == [(2,), (1, 0), (3, 4)]


def test_lengths_that_do_not_match_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        epoch_batches(data_of([picture(1)], 2), placed([SQUARE, SQUARE]), seed=1, epoch=0)


@pytest.mark.parametrize(
    ("train", "reg", "expected"),
    [
        # repeats of the others; of the regularisation pictures; showings of the latter, worked out by hand
        ([10], [1], [10]),
        ([3, 2], [1, 1], [3, 2]),
        ([3, 2], [1, 1, 1], [2, 2, 1]),
        # the first round gives each its whole repeats, even beyond what is wanted
        ([5], [10, 1], [10, 0]),
        ([5], [2, 2, 2], [2, 2, 2]),
        ([4], [2, 2, 2], [2, 2, 0]),
        # then each comes once more in turn
        ([10], [2, 2], [5, 5]),
        ([10, 1], [2, 2], [6, 5]),
        ([7], [1, 3], [3, 4]),
        ([1], [1] * 4, [1, 0, 0, 0]),
        ([2] * 6, [5, 1, 1], [7, 3, 2]),
    ],
)
def test_regularisation_fills_up_to_the_number_of_the_others_as_in_sd_scripts(
    train: list[int], reg: list[int], expected: list[int]
) -> None:
    data = data_of([*map(picture, train), *(picture(times, is_reg=True) for times in reg)], 2)
    counts = Counter(instances(data))
    assert [counts[index] for index in range(len(train))] == train
    assert [counts[len(train) + index] for index in range(len(reg))] == expected


def test_each_group_has_its_own_regularisation() -> None:
    pictures = [picture(4), picture(1, is_reg=True), picture(6, group=1), picture(1, is_reg=True, group=1)]
    assert Counter(instances(data_of(pictures, 1, 1))) == {0: 4, 1: 4, 2: 6, 3: 6}


def test_instances_come_in_the_datas_order() -> None:
    pictures = [picture(2), picture(1, is_reg=True), picture(1)]
    assert instances(data_of(pictures, 1)) == [0, 0, 1, 1, 1, 2]


def sides(width: int, height: int, count: int) -> list[tuple[int, int]]:
    return [(width, height)] * count


@pytest.mark.parametrize(
    ("sizes", "repeats", "reg", "batch_size", "expected"),
    [
        # 12 × 10 in buckets of 20, 70 and 30, two at once (facts: kohya.md section 5)
        (sides(640, 384, 2) + sides(512, 512, 7) + sides(384, 640, 3), 10, 0, 2, 10 + 35 + 15),
        (sides(640, 384, 2) + sides(512, 512, 7) + sides(384, 640, 3), 10, 0, 4, 5 + 18 + 8),
        # the worked folder of the trainers' facts: buckets of 7, 3 and 2 pictures, ten times each, four at once
        (sides(512, 512, 7) + sides(640, 480, 3) + sides(480, 640, 2), 10, 0, 4, 18 + 8 + 5),
        (sides(512, 512, 1), 1, 0, 1, 1),
        (sides(512, 512, 1), 1, 0, 8, 1),
        (sides(512, 512, 9), 1, 0, 3, 3),
        (sides(512, 512, 10), 1, 0, 3, 4),
        # two sizes whose nearest bucket is the same, 576×448
        (sides(640, 480, 2) + sides(641, 480, 2), 1, 0, 2, 2),
        # one of each of six shapes: no batch is shared
        ([(512, 512), (640, 384), (384, 640), (256, 1024), (1024, 256), (448, 576)], 2, 0, 3, 6),
        # as many regularisation pictures as others, in the same square bucket: 20 + 20
        (sides(512, 512, 4), 5, 2, 3, 14),
        # … and in a bucket of their own: 12 others wide, 12 square
        (sides(640, 384, 4), 3, 5, 5, 3 + 3),
    ],
)
def test_batches_of_an_epoch_are_as_worked_out_by_hand(
    sizes: list[tuple[int, int]], repeats: int, reg: int, batch_size: int, expected: int
) -> None:
    data = data_of([picture(repeats) for _ in sizes] + [picture(1, is_reg=True)] * reg, batch_size)
    placements = [placement_of(width, height, RULES) for width, height in sizes + sides(512, 512, reg)]
    assert batches_per_epoch(data, placements) == expected
    assert len(epoch_batches(data, placements, seed=1, epoch=0)) == expected


def test_any_data_give_as_many_batches_as_counted_and_every_instance_once() -> None:
    draws = random.Random("batches")
    for seed in range(200):
        groups = draws.randrange(1, 4)
        pictures = [
            picture(draws.randrange(1, 6), is_reg=draws.random() < 0.3, group=draws.randrange(groups))
            for _ in range(draws.randrange(1, 30))
        ]
        data = data_of(pictures, *(draws.randrange(1, 6) for _ in range(groups)))
        placements = placed([draws.choice([WIDE, SQUARE, TALL]) for _ in pictures])
        made = epoch_batches(data, placements, seed=seed, epoch=seed % 3)
        assert len(made) == batches_per_epoch(data, placements)
        assert sorted(index for batch in made for index in batch.pictures) == instances(data)


# What other trainers make of a bucket's end and of few pictures.

FEW = ([WIDE] * 2 + [SQUARE] * 7 + [TALL] * 3, [10] * 12)


def as_there(batch_size: int, epoch: int = 0, **rules: Any) -> list[BucketBatch]:
    buckets, repeats = FEW
    data = DataSet(Path(), (), tuple(picture(times) for times in repeats), (), (Group(RULES, batch_size, **rules),))
    made = epoch_batches(data, placed(buckets), seed=1, epoch=epoch)
    assert len(made) == batches_per_epoch(data, placed(buckets))
    assert all({buckets[index] for index in batch.pictures} == {batch.bucket} for batch in made)
    return made


def test_a_batch_of_distinct_pictures_is_no_larger_than_its_bucket_has_of_them() -> None:
    sizes = {(batch.bucket, len(batch.pictures)) for batch in as_there(4, of_distinct=True)}
    assert sizes == {(WIDE, 2), (SQUARE, 4), (SQUARE, 2), (TALL, 3)}
    assert len(as_there(4, of_distinct=True)) == 18 + 10 + 10


def test_what_is_left_over_may_be_dropped_and_is_another_picture_in_another_epoch() -> None:
    made = as_there(8, last_batch="dropped")
    assert {len(batch.pictures) for batch in made} == {8} and len(made) == 2 + 8 + 3
    left = [
        Counter({index: 10 for index in range(12)})
        - Counter(index for batch in as_there(8, epoch, last_batch="dropped") for index in batch.pictures)
        for epoch in range(6)
    ]
    assert {sum(each.values()) for each in left} == {4 + 6 + 6} and len({str(sorted(each)) for each in left}) > 1


def test_a_last_batch_may_be_filled_up_from_its_own_bucket() -> None:
    made = as_there(8, last_batch="filled")
    assert {len(batch.pictures) for batch in made} == {8} and len(made) == 3 + 9 + 4


def test_an_epoch_may_end_when_as_many_were_shown_as_there_are() -> None:
    made = as_there(8, last_batch="counted in all")
    assert {len(batch.pictures) for batch in made} == {8} and len(made) == 15  # of 120 pictures; 16 are filled


@pytest.mark.parametrize(("shown", "times"), [("filled up", [7, 0]), ("beside", [7, 2]), ("ignored", [0, 0])])
def test_regularisation_pictures_join_as_the_trainer_has_it(shown: Any, times: list[int]) -> None:
    pictures = (picture(4), picture(1), picture(7, is_reg=True), picture(2, is_reg=True))
    data = DataSet(Path(), (), pictures, (), (Group(RULES, 2, regularisation=shown),))
    counts = Counter(instances(data))
    assert [counts[2], counts[3]] == times
