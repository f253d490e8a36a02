"""Settings of sample pictures: sd-scripts' names, ours, and one list of samplers on two floors."""

from typing import get_args

import pytest

from trainer.errors import SettingsError
from trainer.grid.samplers import SAMPLERS
from trainer.settings.fields.sampling import SamplerName
from trainer.settings.toml_file import parse_settings


def test_the_samplers_are_those_that_pictures_can_be_made_with() -> None:
    assert list(get_args(SamplerName)) == [sampler.name for sampler in SAMPLERS]


@pytest.mark.parametrize(
    ("written", "ours"),
    [
        ("ddim", "DDIM"),
        ("euler_a", "Euler a"),
        ("K_Euler", "Euler"),
        ("heun", "Heun"),
        ("dpmsolver++", "DPM++ 2M"),
        ("unipc", "UniPC"),
    ],
)
def test_a_sampler_of_sd_scripts_is_taken_by_its_name_there(written: str, ours: str) -> None:
    assert parse_settings(f'sample_sampler = "{written}"', "x").sample_sampler == ours


def test_a_sampler_that_is_not_here_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r'sample_sampler: "k_lms"; expected one of Euler, Euler a'):
        parse_settings('sample_sampler = "k_lms"', "x")


@pytest.mark.parametrize(("written", "kept"), [("", ""), ("512", "512"), ("515x770", "512,768"), ("640, 640", "640")])
def test_a_sample_has_sides_of_eights(written: str, kept: str) -> None:
    assert parse_settings(f'sample_resolution = "{written}"', "x").sample_resolution == kept


@pytest.mark.parametrize("written", ["32", "8000", "wide"])
def test_a_size_no_picture_has_is_refused(written: str) -> None:
    with pytest.raises(SettingsError, match="sample_resolution"):
        parse_settings(f'sample_resolution = "{written}"', "x")
