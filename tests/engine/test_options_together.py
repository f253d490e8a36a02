"""Options of data, network, noise and loss all at once: the bake runs, goes on exactly, and another begins from its file."""

import shutil

import numpy as np
import pytest
from run_engine import SHORT, EngineRunner, small_demo
from small_base import ENCODER_LORAS, UNET_LORAS

from trainer.journal.records import BakeState
from trainer.journal.state_files import read_state_header, states_of


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        runner = EngineRunner(small_demo(tmp_path_factory.mktemp("options") / "demo"))
        runner.few_repeats()
        yield runner
        runner.close()


@pytest.fixture(scope="module")
def many(runner):
    """A bake of six steps with a regularisation folder, masks, dropouts of all kinds, conv layers, other noise and another loss."""
    root = runner.workspace.root
    shutil.copytree(root / "validation", root / "reg" / "1_1girl")
    shutil.copytree(root / "data" / "1_hifumi_chan", root / "masks", ignore=shutil.ignore_patterns("*.txt"))
    bake = runner.bake(
        *SHORT,
        f"reg_data_dir={root / 'reg'}",
        f"conditioning_data_dir={root / 'masks'}",
        *("masked_loss=yes", "prior_loss_weight=0.5", "caption_prefix=drawn", "caption_tag_dropout_rate=0.2"),
        *("caption_dropout_rate=0.1", "token_warmup_step=50%", "max_token_length=150"),
        *("conv_dim=2", "network_dropout=0.1", "rank_dropout=0.1", "module_dropout=0.1", "scale_weight_norms=0.5"),
        *("loraplus_lr_ratio=4", "timestep_sampling=logit_normal", "min_timestep=20", "noise_offset=0.05"),
        *("multires_noise_iterations=3", "ip_noise_gamma=0.1", "loss_type=huber", "min_snr_gamma=5"),
        *("text_encoder_lr_scheduler=cosine", "save_state_every_n_steps=1", "keep_states=9"),
    )
    assert bake.state is BakeState.DONE, bake.error
    return bake


def test_resumed_it_gives_the_same_bits(runner, many) -> None:
    kept = runner.tensors(many)
    for path in states_of(runner.folder(many)):
        if read_state_header(path).step > 3:
            path.unlink()
    runner.journal.bakes.set_state(many.number, BakeState.LOST)
    assert runner.tensors(runner.resume(many.number)) == kept


def test_wide_convolutions_have_layers_in_its_file(runner, many) -> None:
    modules = {name.partition(".")[0] for name in runner.tensors(many)}
    assert len(modules) > UNET_LORAS + ENCODER_LORAS
    assert any("resnets_0_conv1" in name for name in modules)


@pytest.mark.parametrize("override", ["conv_dim=2", "dim_from_weights=yes"])
def test_a_bake_from_its_file_starts_with_its_weights(runner, many, override: str) -> None:
    """The first step of a warm-up has the rate 0, so a bake of one step saves what it began with."""
    file = runner.folder(many) / "hifumi.safetensors"
    begun = runner.bake(
        *(*SHORT, "max_train_steps=1", "lr_scheduler=constant_with_warmup", "lr_warmup_steps=1"),
        *(f"network_weights={file}", override),
    )
    assert begun.state is BakeState.DONE, begun.error
    ours, theirs = (
        {name: np.frombuffer(bits, np.float16) for name, bits in runner.tensors(bake).items()} for bake in (begun, many)
    )
    assert ours.keys() == theirs.keys()
    # By value: what the file rounded to -0 a step makes 0.
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []


def test_both_parts_rates_follow_their_own_schedules(runner, many) -> None:
    unet, encoder = (
        runner.journal.curves.read(many.number, f"lr_{part}", 100).mean for part in ("unet", "text_encoder")
    )
    assert len(set(unet[1:])) == 1
    assert encoder[-1] < encoder[1] / 2
