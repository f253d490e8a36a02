"""Anima is baked, resumed bit for bit, forked, foreseen and sampled through the ordinary engine."""

import pytest
from run_engine import SHORT, STATED, EngineRunner
from safetensors import safe_open
from tiny_anima import BLOCKS, LAYERS_OF_A_BLOCK, tiny_anima, tiny_files

from trainer.journal.records import Bake, BakeState, Order, Stage

SMALL_SAMPLES = ("sample_resolution=64", "sample_steps=3")
FOLDER = f"pretrained_model_name_or_path={tiny_anima()}"


def losses(runner: EngineRunner, bake: Bake) -> list[float]:
    return runner.journal.curves.read(bake.number, "loss", 1000).mean


def test_it_is_baked_into_a_file_that_says_so(runner: EngineRunner) -> None:
    options = (*SMALL_SAMPLES, "sample_every_n_steps=3", "timestep_sampling=logit_normal", "discrete_flow_shift=2")
    bake = runner.bake(*SHORT, FOLDER, *options)
    assert bake.state is BakeState.DONE, runner.log(bake)
    with safe_open(runner.folder(bake) / "hifumi.safetensors", "np") as file:
        said, keys = file.metadata(), list(file.keys())
    assert len(keys) == 3 * BLOCKS * LAYERS_OF_A_BLOCK
    assert all(key.startswith("lora_unet_blocks_") for key in keys)
    assert (said["modelspec.architecture"], said["ss_base_model_version"]) == ("anima-preview/lora", "anima")
    assert runner.journal.curves.read(bake.number, "lr_body", 1000).steps
    assert list((runner.folder(bake) / "samples").rglob("*.png"))
