"""Bands of noise on the way from picture to noise."""

import pytest

from trainer.families.flow_matching import TIMES as FLOW
from trainer.families.stable_diffusion import TIMES
from trainer.measures.bands import BANDS, band_at


@pytest.mark.parametrize(
    ("progress", "diffusion", "flow"),
    [
        (0.0, "detail", "detail"),
        (0.34, "detail", "detail"),
        (0.35, "form", "detail"),
        (0.45, "form", "form"),
        (0.69, "form", "form"),
        (0.7, "layout", "layout"),
        (1.0, "layout", "layout"),
    ],
)
def test_a_band_begins_where_the_family_says(progress: float, diffusion: str, flow: str) -> None:
    assert (band_at(progress, TIMES).key, band_at(progress, FLOW).key) == (diffusion, flow)


def test_bands_are_in_the_order_in_which_a_picture_is_made() -> None:
    assert [band_at(place, TIMES) for place in (0.9, 0.5, 0.1)] == list(BANDS)
