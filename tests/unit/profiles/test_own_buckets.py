"""The buckets of trainers that do not have sd-scripts', against sizes worked out by hand."""

import pytest

from trainer.profiles.others_2023 import dreambooth_bucket, only_square
from trainer.profiles.record import Size
from trainer.profiles.today import ai_toolkit_bucket, onetrainer_bucket


@pytest.mark.parametrize(
    ("size", "resolution", "bucket"),
    [
        ((512, 512), "512", (512, 512)),
        # 4 : 3 is nearest to 1.25: 512 × √1.25 = 572.4 → 72 × 8 = 576 (71.55 rounds to 72), 512 / √1.25 = 457.9 → 57 × 8.
        ((640, 480), "512", (576, 456)),
        ((480, 640), "512", (456, 576)),
        # beyond 4 : 1 there is nothing: 512 × 2, 512 / 2.
        ((5000, 100), "512", (1024, 256)),
        # SDXL: 1024 × √1.25 = 1144.9 → 18 × 64, 915.9 → 14 × 64.
        ((640, 480), "1024", (1152, 896)),
    ],
)
def test_onetrainer(size: Size, resolution: str, bucket: Size) -> None:
    assert onetrainer_bucket(size, {"resolution": resolution}) == bucket


@pytest.mark.parametrize(
    ("size", "bucket"),
    [
        ((512, 512), (512, 512)),
        # 640 × 480 is above 512²: scale 0.924, 36.95 × 27.71 steps of 16: 36 × 28 = 258,048 is nearest below 262,144.
        ((640, 480), (576, 448)),
        # small pictures keep their size, in steps of 16, and are never enlarged.
        ((100, 80), (96, 80)),
        ((5, 5), (16, 16)),
    ],
)
def test_ai_toolkit(size: Size, bucket: Size) -> None:
    assert ai_toolkit_bucket(size, {"resolution": "512"}) == bucket


@pytest.mark.parametrize(
    ("size", "resolution", "bucket"),
    [
        # sides 512, 448, 384, 320 that are within the picture.
        ((640, 480), "512", (512, 448)),
        ((450, 2000), "512", (448, 512)),
        # none is: the first of the grid.
        ((300, 900), "512", (320, 320)),
        # a resolution at the lower bound leaves itself.
        ((300, 300), "256", (256, 256)),
    ],
)
def test_sd_dreambooth_extension(size: Size, resolution: str, bucket: Size) -> None:
    assert dreambooth_bucket(size, {"resolution": resolution}) == bucket


def test_cloneofsimo_has_one_square() -> None:
    assert only_square((640, 480), {"resolution": "512,768"}) == (512, 512)
