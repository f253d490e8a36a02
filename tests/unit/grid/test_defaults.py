"""Default sampling settings of a base."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from trainer.grid.defaults import defaults_for, guidance_rescale_for
from trainer.grid.samplers import sampler_named
from trainer.models.identify import Base, identify_base
from trainer.models.prediction_markers import PredictionMarkers


@pytest.fixture(scope="module")
def demo() -> Base:
    return identify_base("demo")


def test_the_demo_is_sampled_at_its_own_size(demo: Base) -> None:
    look = defaults_for(demo)
    assert (look.width, look.height) == (64, 64)


def test_single_files_are_sampled_at_their_familys_size(demo: Base) -> None:
    file = replace(demo, side=None)
    assert defaults_for(file).width == 512
    assert defaults_for(replace(file, family="sdxl")).width == 1024


def test_a_folder_whose_configs_say_nothing_has_its_familys_size(demo: Base, tmp_path: Path) -> None:
    folder = shutil.copytree(demo.path, tmp_path / "base")
    config = folder / "unet" / "config.json"
    for told in ({}, {"sample_size": None}, {"sample_size": 10**9}):
        config.write_text(json.dumps(told))
        assert defaults_for(identify_base(str(folder))).width == 512


def test_v_prediction_is_guided_less_and_with_a_plain_sampler(demo: Base) -> None:
    plain, v = defaults_for(demo), defaults_for(replace(demo, markers=PredictionMarkers("v", True, "x")))
    assert v.cfg_scale < plain.cfg_scale
    assert sampler_named(v.sampler).schedule == "Automatic"


def test_guidance_is_rescaled_with_zero_terminal_snr_alone() -> None:
    assert (guidance_rescale_for(True), guidance_rescale_for(False)) == (0.7, 0.0)
