"""The perceptual hash, and near hashes among many."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from trainer.dataset.picture_hash import groups_of, near_pairs, picture_hash


def blots(seed: int, side: int = 192) -> Image.Image:
    colours = np.random.default_rng(seed).integers(0, 256, (16, 16), np.uint8)
    return Image.fromarray(colours).resize((side, side), Image.Resampling.BICUBIC)


def saved(picture: Image.Image, quality: int) -> Image.Image:
    from io import BytesIO

    content = BytesIO()
    picture.save(content, "JPEG", quality=quality)
    return Image.open(content)


def apart(one: Image.Image, other: Image.Image) -> int:
    first, second = picture_hash(one), picture_hash(other)
    assert first is not None and second is not None
    return (first ^ second).bit_count()


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved again": lambda picture: saved(picture, 40),
    "half the size": lambda picture: picture.resize((96, 96), Image.Resampling.LANCZOS),
    "three times the size": lambda picture: picture.resize((576, 576), Image.Resampling.BILINEAR),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.05),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_has_nearly_the_same_hash(change: str) -> None:
    assert all(apart(blots(seed), CHANGES[change](blots(seed))) <= 4 for seed in range(20))


def test_other_pictures_have_others() -> None:
    assert all(apart(blots(seed), blots(seed + 1)) > 12 for seed in range(40))


def test_a_flat_area_has_none() -> None:
    assert picture_hash(Image.new("L", (64, 64), 200)) is None
    assert picture_hash(saved(Image.new("L", (640, 480), 17), 60)) is None


def every_pair(hashes: NDArray[np.uint64], distance: int) -> set[tuple[int, int]]:
    """Return all near pairs by comparing each with each."""
    return {
        (one, other)
        for one in range(len(hashes))
        for other in range(one + 1, len(hashes))
        if (int(hashes[one]) ^ int(hashes[other])).bit_count() <= distance
    }


def joined(count: int, pairs: set[tuple[int, int]]) -> list[int]:
    """Return the lowest place of each place's group, one pair after the other."""
    labels = list(range(count))
    for _ in range(count):
        for one, other in pairs:
            labels[one] = labels[other] = min(labels[one], labels[other])
    return labels


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=0, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.sets(st.integers(0, 63), max_size=6)), max_size=14),
    st.integers(0, 6),
)
def test_the_groups_are_those_of_comparing_each_with_each(
    seeds: list[int], changed: list[tuple[int, set[int]]], distance: int
) -> None:
    values = [*seeds, *(seeds[at % len(seeds)] ^ sum(1 << bit for bit in bits) for at, bits in changed if seeds)]
    hashes = np.array(values, np.uint64)
    pairs, differ = near_pairs(hashes, distance)
    for (one, other), bits in zip(pairs.tolist(), differ.tolist(), strict=True):
        assert one < other and (values[one] ^ values[other]).bit_count() == bits <= distance
    assert groups_of(len(values), pairs).tolist() == joined(len(values), every_pair(hashes, distance))


@pytest.mark.parametrize("distance", [0, 1, 4])
def test_hashes_that_crowd_together_are_found_as_well(distance: int) -> None:
    """Hundreds of hashes that share most of their bits, as frames of one film do, so that the bands are split once more."""
    draws = np.random.default_rng(distance)
    flips = np.uint64(1) << draws.integers(0, 24, (800, 3)).astype(np.uint64)
    hashes = np.uint64(0xFEDCBA9876543210) ^ np.bitwise_xor.reduce(flips, axis=1)
    pairs, _ = near_pairs(hashes, distance)
    assert groups_of(len(hashes), pairs).tolist() == joined_fast(hashes, distance)


def joined_fast(hashes: NDArray[np.uint64], distance: int) -> list[int]:
    near = np.bitwise_count(hashes[:, None] ^ hashes[None, :]) <= distance
    labels = np.arange(len(hashes))
    while True:
        lower = np.where(near, labels[None, :], len(hashes)).min(axis=1)
        if np.array_equal(lower, labels):
            return labels.tolist()
        labels = lower


def test_a_hundred_thousand_hashes_are_compared_with_few_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the pairs that are looked at: a loop over all of them would take five thousand million."""
    draws = np.random.default_rng(5)
    hashes = draws.integers(0, 2**63, 100_000).astype(np.uint64)
    copies = draws.permutation(100_000)[:1000]
    hashes[copies[:500]] = hashes[copies[500:]] ^ np.uint64(0x8001_0000_0000_0010)
    looked_at = 0
    count = np.bitwise_count

    def counted(values: NDArray[np.uint64]) -> NDArray[np.uint8]:
        nonlocal looked_at
        looked_at += values.size
        return count(values)

    monkeypatch.setattr(np, "bitwise_count", counted)
    pairs, differ = near_pairs(hashes, 4)
    assert {tuple(sorted(pair)) for pair in zip(copies[:500].tolist(), copies[500:].tolist(), strict=True)} <= {
        tuple(pair) for pair in pairs.tolist()
    }
    assert set(differ.tolist()) <= {0, 1, 2, 3, 4}
    assert looked_at < 20_000_000
