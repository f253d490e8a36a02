"""Checkpoints in the original layout, SD1.x and SDXL, bake, go on, and their LoRAs load back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from encode_text import encode_text
from real_shapes import write_real
from run_engine import EngineRunner
from safetensors import safe_open
from tiny_bases import write_tiny

from trainer.demo.workspace import make_demo
from trainer.journal.records import BakeState
from trainer.journal.state_files import read_state_header, states_of
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.model import load_base
from trainer.network.lora_file import network_from_file

# Two epochs of four steps. Random weights tell nothing of what they predict, so the setting says it.
TINY = (
    "max_train_epochs=2",
    "train_batch_size=4",
    "keep_states=epochs",
    "save_state_every_n_steps=2",
    "lr_warmup_steps=0",
    "network_dim=4",
    "bucket_reso_steps=64",
    "min_bucket_reso=64",
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        runner = EngineRunner(make_demo(tmp_path_factory.mktemp("bases") / "demo"))
        runner.few_repeats()
        yield runner
        runner.close()


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def base(request, tmp_path_factory) -> Path:
    markers = {"sd1": (), "sdxl": ("v_pred", "ztsnr")}[request.param]
    return write_tiny(tmp_path_factory.mktemp("tiny") / f"{request.param}.safetensors", request.param, markers=markers)


@pytest.fixture(scope="module")
def options(base: Path) -> tuple[str, ...]:
    """Overrides that bake on the base, with a stop of SDXL's second encoder in mid-bake."""
    told = ("v_parameterization=no",) if base.stem == "sd1" else ("text_encoder_stop2=5", "shuffle_caption=no")
    return (*TINY, *told, f"pretrained_model_name_or_path={base}")


@pytest.fixture(scope="module")
def whole(runner, options):
    bake = runner.bake(*options)
    assert bake.state is BakeState.DONE, bake.error
    return bake


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "numpy") as file:
        return dict(file.metadata())


def test_every_part_that_has_a_share_in_the_loss_learns(runner, whole, base: Path) -> None:
    tensors = runner.tensors(whole)
    prefixes = {"sd1": ("lora_unet_", "lora_te_"), "sdxl": ("lora_unet_", "lora_te1_", "lora_te2_")}[base.stem]
    for prefix in prefixes:
        ups = [any(bits) for name, bits in tensors.items() if name.startswith(prefix) and "lora_up" in name]
        # SDXL's first encoder gives its last layer but one; the tiny one has two.
        assert sum(ups) >= len(ups) / 2, prefix
    assert {name.split("_")[1] for name in tensors} == {prefix.split("_")[1] for prefix in prefixes}


def test_resumed_it_gives_the_same_bits(runner, whole) -> None:
    kept = runner.tensors(whole)
    for path in states_of(runner.folder(whole)):
        if read_state_header(path).step > 4:
            path.unlink()
    runner.journal.bakes.set_state(whole.number, BakeState.LOST)
    assert runner.tensors(runner.resume(whole.number)) == kept


def test_its_lora_loads_back_onto_its_base(runner, whole, base: Path) -> None:
    model = load_base(identify_base(str(base)), device="cpu", dtype=torch.float32)
    noisy, times = torch.randn(1, 4, 8, 8), torch.tensor([500])
    sizes = torch.tensor([[64, 64, 0, 0, 64, 64]])
    with torch.no_grad():
        before = model.predict(noisy, times, encode_text(model, ["1girl"], 1), sizes)
        network = network_from_file(model, runner.folder(whole) / "hifumi.safetensors")
        after = model.predict(noisy, times, encode_text(model, ["1girl"], 1), sizes)
    assert len(network) * 3 == len(runner.tensors(whole))
    assert not torch.equal(before, after)


def test_its_file_says_what_it_was_baked_on(runner, whole, base: Path) -> None:
    told = metadata(runner.folder(whole) / "hifumi.safetensors")
    wanted = {"sd1": ("sd_v1", "epsilon", "None"), "sdxl": ("sdxl_base_v1-0", "v", "5")}[base.stem]
    stop = told["ss_text_encoder_stop2"]
    assert (told["ss_base_model_version"], told["modelspec.prediction_type"], stop) == wanted
    assert told["ss_sd_model_name"] == base.name
    assert len(told["ss_new_sd_model_hash"]) == 64


def test_zero_terminal_snr_is_found_in_the_file_and_reported(runner, whole, base: Path) -> None:
    line = next(line for line in runner.log(whole) if "the base predicts" in line)
    assert ("with zero terminal SNR" in line) == (base.stem == "sdxl")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_real_sized_sd15_bakes_two_steps_and_saves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a process of its own, whose peak memory is printed; random weights, bf16, 256²."""
    workspace = make_demo(tmp_path / "demo")
    base = write_real(tmp_path / "sd15.safetensors", "sd1")
    sets = (
        *("max_train_epochs=", "max_train_steps=2", "resolution=256", "max_bucket_reso=256", "bucket_reso_steps=64"),
        *("train_batch_size=1", "network_dim=32", "network_alpha=16", "mixed_precision=bf16", "validation_data_dir="),
        *("v_parameterization=no", f"pretrained_model_name_or_path={base}"),
    )
    options = [part for one in sets for part in ("--set", one)]
    with (tmp_path / "said.txt").open("w+") as said:
        settings = str(workspace.root / "hifumi.toml")
        process = subprocess.Popen(
            [sys.executable, "-m", "lora_tui", "bake", settings, *options], stdout=said, stderr=said
        )
        # wait4 tells what this one process took, at its peak.
        _, status, used = os.wait4(process.pid, 0)
        base.unlink()
        said.seek(0)
        assert os.waitstatus_to_exitcode(status) == 0, said.read()
    with capsys.disabled():
        print(
            f"\nSD1.5 in its real size, bf16, two steps at 256²: peak resident memory {used.ru_maxrss / 2**20:.2f} GiB"
        )
    (saved,) = (workspace.bakes / "0001-hifumi").glob("*.safetensors")
    with safe_open(saved, "numpy") as file:
        assert len(file.keys()) == 792
    # Weights of 2.0 GiB in bf16, the VAE of 0.3 in fp32, activations; sd-scripts peaks at 6.8.
    assert used.ru_maxrss / 2**20 < 5
