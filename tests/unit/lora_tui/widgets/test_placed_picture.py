"""What a bucket keeps of a picture."""

import pytest

from lora_tui.pictures.picture_cache import Pixels
from lora_tui.widgets.placed_picture import _darkened, kept_region
from trainer.dataset.buckets import placement_of
from trainer.dataset.records import BucketRules


@pytest.mark.parametrize("no_upscale", [False, True])
@pytest.mark.parametrize("size", [(512, 512), (768, 512), (1000, 333), (300, 900), (64, 64), (513, 767)])
def test_the_frame_is_what_the_crop_leaves(size, no_upscale: bool) -> None:
    rules = BucketRules((512, 512), True, 256, 1024, 64, no_upscale)
    placed = placement_of(*size, rules)
    kept = kept_region(size, placed.resized, placed.crop, placed.bucket)
    if placed.resized == placed.bucket:
        assert kept is None
        return
    left, top, right, bottom = kept or (0, 0, *size)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    share = placed.bucket[0] * placed.bucket[1] / (placed.resized[0] * placed.resized[1])
    assert (right - left) * (bottom - top) / (size[0] * size[1]) == pytest.approx(share, abs=0.02)
    # In the middle, to a pixel.
    assert abs(left - (size[0] - right)) <= 2 and abs(top - (size[1] - bottom)) <= 2


def test_what_is_cut_off_is_darker_and_the_rest_as_it_was() -> None:
    white = Pixels(4, 4, bytes([200]) * 48)
    dark = _darkened(white, (1, 0, 3, 2))
    rows = [dark.data[y * 12 : y * 12 + 12] for y in range(4)]
    assert rows[0] == rows[1] == bytes([70] * 3 + [200] * 6 + [70] * 3)
    assert rows[2] == rows[3] == bytes([70] * 12)
