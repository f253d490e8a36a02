"""Buckets, against numbers seen in sd-scripts (facts: kohya.md section 4) and by hand."""

from pathlib import Path

import pytest

from trainer.dataset.buckets import Placement, bucket_rules, bucket_sizes, placement_of, placements_of
from trainer.dataset.records import BucketRules, DataSet, Group, Picture
from trainer.settings.model import Settings

SD1 = BucketRules(size=(512, 512), enable=True, low=256, high=1024, step=64, no_upscale=False)
SDXL = BucketRules(size=(1024, 1024), enable=True, low=256, high=2048, step=64, no_upscale=False)
AS_NEEDED = BucketRules(size=(512, 512), enable=True, low=256, high=1024, step=64, no_upscale=True)
ONE = BucketRules(size=(512, 512), enable=False, low=256, high=1024, step=64, no_upscale=False)
DEMO = BucketRules(size=(64, 64), enable=True, low=32, high=128, step=32, no_upscale=False)


def test_512_has_the_17_buckets_of_sd_scripts() -> None:
    upright = [(256, 832), (256, 896), (256, 960), (256, 1024), (320, 704), (320, 768), (384, 640), (448, 576)]
    lying = [(height, width) for width, height in upright]
    assert bucket_sizes(SD1) == tuple(sorted([*upright, (512, 512), *lying]))


def test_1024_has_the_41_buckets_of_sd_scripts() -> None:
    assert len(bucket_sizes(SDXL)) == 41


def test_the_demo_has_five_buckets() -> None:
    assert bucket_sizes(DEMO) == ((32, 96), (32, 128), (64, 64), (96, 32), (128, 32))


def test_limits_that_are_not_multiples_are_rounded_outwards() -> None:
    odd = BucketRules(size=(512, 512), enable=True, low=300, high=1000, step=64, no_upscale=False)
    assert bucket_sizes(odd) == bucket_sizes(SD1)


def test_every_bucket_keeps_the_area_and_the_limits() -> None:
    for rules in (SD1, SDXL, DEMO):
        for width, height in bucket_sizes(rules):
            assert width * height <= rules.size[0] * rules.size[1]
            assert rules.low <= min(width, height) <= max(width, height) <= rules.high
            assert width % rules.step == height % rules.step == 0


@pytest.mark.parametrize(
    ("picture", "bucket", "resized"),
    [
        ((640, 480), (576, 448), (597, 448)),
        ((768, 512), (640, 384), (640, 427)),
        ((300, 300), (512, 512), (512, 512)),
        ((512, 512), (512, 512), (512, 512)),
        ((384, 640), (384, 640), (384, 640)),
        ((480, 640), (448, 576), (448, 597)),
        ((5000, 100), (1024, 256), (12800, 256)),
    ],
)
def test_a_picture_goes_to_the_nearest_shape_and_is_resized_to_cover_it(
    picture: tuple[int, int], bucket: tuple[int, int], resized: tuple[int, int]
) -> None:
    placed = placement_of(*picture, SD1)
    assert (placed.bucket, placed.resized) == (bucket, resized)


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        # a size of the set itself
        ((832, 1216), Placement((832, 1216), (832, 1216), (0, 0))),
        # 1.778: nearer to 1344×768 (1.75) than to 1280×768; wider than it, so 1920 × 768/1080 = 1365.3, 21 columns too many
        ((1920, 1080), Placement((1344, 768), (1365, 768), (10, 0))),
        # 0.75: nearer to 896×1152 (0.778) than to 832×1216; taller, so 4032 × 896/3024 = 1194.7, 43 rows too many
        ((3024, 4032), Placement((896, 1152), (896, 1195), (0, 21))),
        # exactly 3:1
        ((3000, 1000), Placement((1728, 576), (1728, 576), (0, 0))),
        ((300, 300), Placement((1024, 1024), (1024, 1024), (0, 0))),
    ],
)
def test_at_1024_the_same_rules_hold(picture: tuple[int, int], expected: Placement) -> None:
    assert placement_of(*picture, SDXL) == expected


def test_every_picture_is_placed_by_the_rules_of_its_group() -> None:
    pictures = [Picture(Path("a.png"), "x", 1, 640, 480, "", None, group=group) for group in (0, 1, 2)]
    groups = (Group(SD1, 1), Group(AS_NEEDED, 2), Group(ONE, 3))
    data = DataSet(Path(), (), tuple(pictures), (), groups)
    assert placements_of(data) == tuple(placement_of(640, 480, group.rules) for group in groups)
    assert [placed.bucket for placed in placements_of(data)] == [(576, 448), (512, 384), (512, 512)]


def test_what_sticks_out_is_cropped_evenly() -> None:
    # 480×640 in 448×576: resized 448×597, of 21 rows too many 10 go at the top (facts 4.8)
    assert placement_of(480, 640, SD1) == Placement(bucket=(448, 576), resized=(448, 597), crop=(0, 10))
    assert placement_of(640, 480, SD1).crop == (10, 0)


def test_of_two_shapes_equally_near_the_first_is_taken() -> None:
    # 2:1 is as far from 64×64 as from 96×32; 7:2 as far from 96×32 as from 128×32
    assert placement_of(200, 100, DEMO).bucket == (64, 64)
    assert placement_of(201, 100, DEMO).bucket == (96, 32)
    assert placement_of(700, 200, DEMO).bucket == (96, 32)
    assert placement_of(701, 200, DEMO).bucket == (128, 32)


@pytest.mark.parametrize(
    ("picture", "bucket", "resized"),
    [
        ((300, 300), (256, 256), (300, 300)),
        ((512, 512), (512, 512), (512, 512)),
        ((1000, 1000), (512, 512), (512, 512)),
        # area 262,144 at 4:3 is 591×443; 576×384 (by width) is 1.5, 512×384 (by height) exactly 4:3
        ((640, 480), (512, 384), (512, 384)),
        # at 3:2 it is 627×418; 576×384 either way, so the height is kept
        ((768, 512), (576, 384), (576, 384)),
        # at 1:2 it is 362×724; by width 320×640 is exactly 1:2, by height 704 high would be 320 wide
        ((1000, 2000), (320, 640), (320, 640)),
    ],
)
def test_never_enlarged_pictures_make_their_own_buckets(
    picture: tuple[int, int], bucket: tuple[int, int], resized: tuple[int, int]
) -> None:
    placed = placement_of(*picture, AS_NEEDED)
    assert (placed.bucket, placed.resized) == (bucket, resized)


def test_never_enlarging_ignores_the_limits() -> None:
    assert placement_of(100, 100, AS_NEEDED).bucket == (64, 64)
    assert bucket_sizes(AS_NEEDED) == ()


def test_a_side_below_one_step_is_enlarged_to_one() -> None:
    assert placement_of(40, 300, AS_NEEDED) == Placement(bucket=(64, 256), resized=(64, 480), crop=(0, 112))


def test_without_buckets_every_picture_is_cropped_to_the_resolution() -> None:
    assert placement_of(640, 480, ONE) == Placement(bucket=(512, 512), resized=(683, 512), crop=(85, 0))
    assert placement_of(100, 300, ONE) == Placement(bucket=(512, 512), resized=(512, 1536), crop=(0, 512))


@pytest.mark.parametrize("rules", [SD1, SDXL, AS_NEEDED, ONE, DEMO])
def test_a_resized_picture_always_covers_its_bucket(rules: BucketRules) -> None:
    sides = [1, 17, 63, 64, 65, 255, 333, 512, 777, 1023, 4000]
    for width in sides:
        for height in sides:
            placed = placement_of(width, height, rules)
            right, bottom = placed.crop[0] + placed.bucket[0], placed.crop[1] + placed.bucket[1]
            assert min(placed.crop) >= 0
            assert right <= placed.resized[0]
            assert bottom <= placed.resized[1]


def test_the_rules_are_those_of_the_settings() -> None:
    settings = Settings(
        resolution="640,384", min_bucket_reso=300, max_bucket_reso=700, bucket_reso_steps=32, bucket_no_upscale=True
    )
    assert bucket_rules(settings) == BucketRules(
        size=(640, 384), enable=True, low=288, high=704, step=32, no_upscale=True
    )
