"""The order and company of an epoch."""

from collections import Counter

import pytest

from trainer.dataset.batches import Batch, epoch_batches

WIDE, SQUARE, TALL = (640, 384), (512, 512), (384, 640)


def test_twelve_pictures_in_three_buckets_make_the_sixty_batches_of_sd_scripts() -> None:
    buckets = [WIDE] * 2 + [SQUARE] * 7 + [TALL] * 3
    batches = epoch_batches(buckets, [10] * 12, 2, seed=42, epoch=0)
    assert Counter(batch.bucket for batch in batches) == {WIDE: 10, SQUARE: 35, TALL: 15}


def test_every_picture_comes_as_often_as_its_repeats_say() -> None:
    batches = epoch_batches([SQUARE, SQUARE, WIDE], [3, 1, 5], 2, seed=1, epoch=0)
    assert Counter(index for batch in batches for index in batch.pictures) == {0: 3, 1: 1, 2: 5}


def test_a_batch_holds_pictures_of_one_bucket() -> None:
    buckets = [(WIDE, SQUARE, TALL)[index % 3] for index in range(50)]
    for batch in epoch_batches(buckets, [3] * 50, 4, seed=1, epoch=2):
        assert {buckets[index] for index in batch.pictures} == {batch.bucket}


def test_the_last_batch_of_a_bucket_is_smaller_neither_filled_nor_dropped() -> None:
    sizes = Counter(len(batch.pictures) for batch in epoch_batches([SQUARE] * 7, [1] * 7, 3, seed=1, epoch=0))
    assert sizes == {3: 2, 1: 1}


def test_the_order_is_decided_by_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[Batch]:
        return epoch_batches([SQUARE] * 20 + [WIDE] * 20, [2] * 40, 3, seed=seed, epoch=epoch)

    assert order(1, 2) == order(1, 2)
    orders = [order(1, 2), order(1, 3), order(2, 2), order(12, 2), order(1, 22)]
    assert len({tuple(batches) for batches in orders}) == len(orders)


def test_both_pictures_and_batches_change_places() -> None:
    batches = epoch_batches([SQUARE] * 30 + [WIDE] * 30, [1] * 60, 3, seed=5, epoch=0)
    assert [batch.bucket for batch in batches] != sorted(batch.bucket for batch in batches)
    together = {batch.pictures for batch in batches}
    assert together != {tuple(range(start, start + 3)) for start in range(0, 60, 3)}


def test_the_order_stays_the_same_from_release_to_release() -> None:
    # A bake is repeated from its settings alone: another order for the same seed would break that.
    batches = epoch_batches([SQUARE] * 3 + [WIDE] * 2, [1] * 5, 2, seed=42, epoch=0)
    assert [batch.pictures for batch in batches] == [(2,), (1, 0), (3, 4)]


def test_lengths_that_do_not_match_are_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        epoch_batches([SQUARE, SQUARE], [1], 2, seed=1, epoch=0)
