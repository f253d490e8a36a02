"""Numbers of pictures: how far apart, how fine, how colourful, nearest to which outfit."""

import numpy as np
import pytest

from trainer.measures.picture_numbers import (
    Planes,
    apart,
    fields_of,
    high_frequency,
    outfits_of,
    saturation,
    spread,
    usual_distance,
)


def noise(seed: int, shape: tuple[int, ...] = (4, 16, 16), strength: float = 1.0) -> Planes:
    return (strength * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def flat(*colours: int, side: int = 8) -> Planes:
    """Return pixels of one colour."""
    return np.broadcast_to(np.array(colours, np.uint8)[:, None, None], (len(colours), side, side)).copy()


def test_pictures_are_as_far_apart_as_their_mean_square_difference() -> None:
    assert apart(noise(1), noise(1)) == 0
    assert apart(noise(1, (4, 64, 64)), noise(2, (4, 64, 64))) == pytest.approx(2**0.5, rel=0.02)
    assert apart(flat(0, 0, 0), flat(255, 0, 0)) == pytest.approx((1 / 3) ** 0.5)
    # Small numbers of 8 bits do not wrap around.
    assert apart(flat(1, 1, 1), flat(2, 2, 2)) == apart(flat(2, 2, 2), flat(1, 1, 1)) == pytest.approx(1 / 255)


def test_the_unit_is_how_far_two_seeds_of_one_prompt_are_apart() -> None:
    ones, others = noise(1), noise(1) + np.float32(0.5)
    far = noise(1) + np.float32(9)
    assert usual_distance([ones, others, far], ["a", "a", "b"], [1, 2, 1]) == pytest.approx(0.5, rel=1e-5)
    # One seed each: prompts are all that differs.
    assert usual_distance([ones, far], ["a", "b"], [1, 1]) == pytest.approx(9, rel=1e-5)
    # A single picture, and pictures of other sizes, are compared with nothing.
    alone = noise(3, (4, 64, 64), 2.0)
    assert usual_distance([alone], ["a"], [1]) == pytest.approx(2 * 2**0.5, rel=0.02)
    assert usual_distance([alone, ones], ["a", "b"], [1, 1]) > 0


def test_pictures_of_one_colour_have_a_unit_too() -> None:
    assert usual_distance([flat(3, 3, 3), flat(3, 3, 3)], ["a", "a"], [1, 2]) == 1
    assert usual_distance([], [], []) == 1


def test_static_has_more_fine_detail_than_a_slope_of_the_same_spread() -> None:
    slope = np.broadcast_to(np.linspace(-1.73, 1.73, 64, dtype=np.float32), (4, 64, 64))
    static = noise(5, (4, 64, 64))
    assert spread(static) == pytest.approx(spread(slope), rel=0.05)
    assert high_frequency(static) > 100 * high_frequency(slope)
    assert high_frequency(static) == pytest.approx(2, rel=0.05)
    assert high_frequency(2 * static) == pytest.approx(4 * high_frequency(static))


def test_noise_in_blotches_is_fine_detail_at_the_blotches_size() -> None:
    blotches = np.kron(noise(5, (3, 16, 16)), np.ones((1, 4, 4), np.float32))
    assert high_frequency(blotches) < 0.3 * high_frequency(blotches, 4)
    assert high_frequency(blotches, 4) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("shape", [(4, 1, 1), (4, 1, 5), (6, 5, 1)])
def test_a_picture_of_one_row_has_what_detail_it_can(shape: tuple[int, int, int]) -> None:
    detail = high_frequency(noise(2, shape))
    assert detail >= 0 and (detail > 0) is (max(shape[1:]) > 1)


def test_saturation_is_the_difference_of_the_strongest_and_the_weakest_colour() -> None:
    assert saturation(flat(90, 90, 90)) == 0
    assert saturation(flat(255, 0, 128)) == 1
    half = np.concatenate([flat(255, 0, 0), flat(7, 7, 7)], axis=1)
    assert saturation(half) == pytest.approx(0.5)


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (4, 4), (16, 16), (13, 96)])
def test_pictures_of_every_size_have_as_many_fields(size: tuple[int, int]) -> None:
    assert fields_of(np.full((5, *size), 0.25, np.float32)) == pytest.approx(np.full(5 * 16, 0.25))


def test_fields_are_the_means_of_quarters() -> None:
    fields = fields_of(np.arange(64, dtype=np.float32).reshape(1, 8, 8))
    assert fields.reshape(4, 4)[0].tolist() == [4.5, 6.5, 8.5, 10.5]


def wardrobe(seeds: range, sizes: tuple[int, ...] = (16,)) -> dict[str, list[Planes]]:
    """Return pictures of two outfits: one bright at the top, one at the bottom, both in noise."""
    out: dict[str, list[Planes]] = {"coat": [], "suit": []}
    for seed in seeds:
        for name, rows in (("coat", slice(0, 8)), ("suit", slice(8, 16))):
            side = sizes[seed % len(sizes)]
            picture = noise(2 * seed + (name == "suit"), (4, side, side))
            picture[:, rows] += 1.5
            out[name].append(picture)
    return out


def test_a_picture_is_nearest_to_the_outfit_that_it_looks_like() -> None:
    outfits = outfits_of(wardrobe(range(6)))
    assert outfits is not None
    assert outfits.recognised == (12, 12)
    new = wardrobe(range(50, 60))
    for name, pictures in new.items():
        assert {outfits.nearest(picture) for picture in pictures} == {name}
        distances = np.stack([outfits.distances(picture) for picture in pictures])
        assert distances.mean(axis=1) == pytest.approx(np.ones(10))
        asked = outfits.names.index(name)
        assert (distances[:, asked] < 1).all()


def test_outfits_that_look_alike_are_not_told_apart_among_the_training_pictures_either() -> None:
    alike = {name: [noise(seed + 100 * place) for seed in range(12)] for place, name in enumerate("abc")}
    outfits = outfits_of(alike)
    assert outfits is not None
    right, total = outfits.recognised
    assert total == 36 and right < 22


def test_one_picture_of_each_outfit_says_nothing_of_how_well_they_are_told_apart() -> None:
    outfits = outfits_of({"a": [noise(1)], "b": [noise(2)]})
    assert outfits is not None
    assert outfits.recognised == (0, 0)
    assert outfits.nearest(noise(2)) == "b"


def test_there_is_nothing_to_tell_apart_where_one_outfit_alone_has_pictures() -> None:
    assert outfits_of({"a": [noise(1)], "b": []}) is None
    assert outfits_of({}) is None


def test_pictures_of_one_colour_are_at_equal_distances() -> None:
    outfits = outfits_of({"a": [flat(1, 1, 1)], "b": [flat(1, 1, 1)]})
    assert outfits is not None
    assert outfits.distances(flat(1, 1, 1)).tolist() == [1, 1]
