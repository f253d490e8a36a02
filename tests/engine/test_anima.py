"""Anima is baked, killed, resumed bit for bit, forked, foreseen and sampled through the ordinary engine."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from measured_memory import measured_step
from preloaded import Program
from ready_steps import ENDLESS, planned_of
from run_engine import SHORT, STATED, EngineRunner
from safetensors import safe_open
from tiny_anima import BLOCKS, LAYERS_OF_A_BLOCK, tiny_anima, tiny_files

from trainer.dataset.manifest import FILE, read_manifest
from trainer.errors import ModelError
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec
from trainer.jobs.fork import fork
from trainer.jobs.grids import check_grid, order_grid, queue_grid
from trainer.jobs.same_content import check_resumable
from trainer.journal.bake_settings import settings_of
from trainer.journal.grid_records import GridState
from trainer.journal.records import Bake, BakeState, MarkKind, Order, Stage
from trainer.memory.request import request_of
from trainer.memory.simulate import predict

SMALL_SAMPLES = ("sample_resolution=64", "sample_steps=3")
FOLDER = f"pretrained_model_name_or_path={tiny_anima()}"
KILLED = Path(__file__).parents[1] / "support" / "killed_bake.py"
WHOLE = (*STATED, FOLDER, "unet_lr=1e-2", "network_dropout=0.1")


def losses(runner: EngineRunner, bake: Bake) -> list[float]:
    return runner.journal.curves.read(bake.number, "loss", 1000).mean


def same(runner: EngineRunner, one: Bake, other: Bake) -> bool:
    return runner.tensors(one) == runner.tensors(other) and losses(runner, one) == losses(runner, other)


def test_it_is_baked_into_a_file_that_says_so(runner: EngineRunner) -> None:
    options = ("sample_every_n_steps=3", "timestep_sampling=logit_normal", "discrete_flow_shift=2")
    bake = runner.bake(*SHORT, FOLDER, *SMALL_SAMPLES, *options)
    assert bake.state is BakeState.DONE, runner.log(bake)
    with safe_open(runner.folder(bake) / "hifumi.safetensors", "np") as file:
        said, keys = file.metadata(), list(file.keys())
    assert len(keys) == 3 * BLOCKS * LAYERS_OF_A_BLOCK
    assert all(key.startswith("lora_unet_blocks_") for key in keys)
    assert (said["modelspec.architecture"], said["ss_base_model_version"]) == ("anima-preview/lora", "anima")
    assert runner.journal.curves.read(bake.number, "lr_body", 1000).steps
    assert list((runner.folder(bake) / "samples").rglob("*.png"))


def test_single_files_are_baked_on_with_what_lies_around_them_or_is_named(runner: EngineRunner, tmp_path: Path) -> None:
    base = tiny_files()
    found = runner.bake(*SHORT, f"pretrained_model_name_or_path={base}")
    assert found.state is BakeState.DONE, runner.log(found)
    alone = tmp_path / "alone" / base.name
    alone.parent.mkdir()
    alone.symlink_to(base)
    around = base.parents[2]
    named = runner.bake(
        *SHORT,
        f"pretrained_model_name_or_path={alone}",
        f"qwen3={around / 'models/text_encoders/qwen_3_06b_base.safetensors'}",
        f"vae={around / 'models/vae/qwen_image_vae.safetensors'}",
        f"qwen3_tokenizer={around / 'comfy/text_encoders/qwen25_tokenizer'}",
        f"t5_tokenizer_path={around / 'comfy/text_encoders/t5_tokenizer'}",
    )
    assert named.state is BakeState.DONE, runner.log(named)
    assert same(runner, named, found)


def test_the_conditioner_trains_where_it_is_asked_for(runner: EngineRunner) -> None:
    plain = runner.bake(*SHORT, FOLDER, "text_encoder_lr=1e-2")
    both = runner.bake(*SHORT, FOLDER, "text_encoder_lr=1e-2", "train_llm_adapter=yes")
    assert both.state is BakeState.DONE, runner.log(both)
    tensors = runner.tensors(both)
    adapter = {name for name in tensors if name.startswith("lora_unet_llm_adapter_blocks_")}
    assert len(adapter) == 3 * 2 * LAYERS_OF_A_BLOCK
    assert tensors.keys() - adapter == runner.tensors(plain).keys()
    assert all(any(tensors[name]) for name in adapter)
    assert runner.journal.curves.read(both.number, "lr_conditioner", 1000).steps


@pytest.fixture
def whole(runner: EngineRunner) -> Bake:
    runner.few_repeats()
    bake = runner.bake(*WHOLE)
    assert bake.state is BakeState.DONE, runner.log(bake)
    return bake


def test_it_is_stopped_forked_and_resumed_to_the_same_bits(runner: EngineRunner, whole: Bake) -> None:
    number = runner.queue(*WHOLE)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 4)
    runner.journal.orders.give(number, Order.STOP)
    stopped = runner.finish(number)
    assert stopped.state is BakeState.STOPPED
    done = runner.resume(number)
    assert done.state is BakeState.DONE, runner.log(done)
    assert same(runner, done, whole)
    assert runner.journal.results.validations(number) == runner.journal.results.validations(whole.number)
    forked = fork(runner.journal, runner.workspace, whole.number, epoch=1, engine=runner.engine.key)
    again = runner.finish(forked.bake.number)
    assert runner.tensors(again) == runner.tensors(whole)


def test_it_is_killed_and_resumed_to_the_same_bits(runner: EngineRunner, whole: Bake) -> None:
    root = runner.workspace.root
    environment = {**os.environ, "STEP_TIMES": str(root / "steps.txt")}
    options = [word for change in WHOLE for word in ("--set", change)]
    begun = [sys.executable, str(KILLED), "step:5", "bake", "hifumi.toml", *options]
    killed = Program(begun, cwd=root, env=environment)
    told, _ = killed.communicate(timeout=120)
    assert killed.returncode == -9, told
    again = Program([sys.executable, str(KILLED), "never", "resume", str(whole.number + 1)], cwd=root, env=environment)
    told, _ = again.communicate(timeout=120)
    assert again.returncode == 0, told
    assert same(runner, runner.journal.bakes.read(whole.number + 1), whole)


def test_settings_are_changed_while_it_runs(runner: EngineRunner) -> None:
    runner.few_repeats()
    number = runner.queue(*WHOLE)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 2)
    runner.journal.orders.give(number, Order.SET, "unet_lr=1e-4")
    done = runner.finish(number)
    assert done.state is BakeState.DONE, runner.log(done)
    (mark,) = [mark for mark in runner.journal.results.marks(number) if mark.kind is MarkKind.SET]
    rates = runner.journal.curves.read(number, "lr_body", 1000).mean
    assert rates[mark.step] < rates[mark.step - 1] / 5


def test_captions_that_vary_are_encoded_ahead_to_the_same_bits(runner: EngineRunner) -> None:
    varied = (*SHORT, FOLDER, "shuffle_caption=yes", "caption_dropout_rate=0.3")
    beside, ahead = (runner.bake(*varied, f"encoder_off_card={off}") for off in ("no", "yes"))
    assert ahead.state is BakeState.DONE, runner.log(ahead)
    assert same(runner, ahead, beside)


def test_a_grid_in_the_middle_leaves_it_as_it_was(runner: EngineRunner, whole: Bake) -> None:
    number = runner.queue(*WHOLE)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 5)
    spec = grid_spec(loras=(LoraSpec(),), of_bakes=(number,), x=AxisSpec(kind="epoch", values="all"))
    order_grid(runner.journal, runner.workspace, check_grid(spec, runner.journal, runner.workspace), number)
    done = runner.finish(number)
    grid = runner.journal.grids.read(1)
    assert (done.state, grid.state) == (BakeState.DONE, GridState.DONE), (grid.error, runner.log(done))
    assert len(list((runner.workspace.root / grid.folder).glob("x*.png"))) >= 1
    assert same(runner, done, whole)


def grid_spec(**changes: object) -> GridSpec:
    asked: dict[str, object] = {
        "name": "anima",
        "base": str(tiny_anima()),
        "prompt": "1girl, (smile:1.2)",
        "negative_prompt": "worst quality",
        "seeds": "1",
        "steps": 3,
        "width": 64,
        "height": 48,
        "sampler": "Euler",
    }
    return GridSpec.model_validate({**asked, **changes})


def test_a_grid_of_single_files_names_what_they_lack(runner: EngineRunner) -> None:
    bake = runner.bake(*SHORT, FOLDER, "unet_lr=0.1")
    lora = LoraSpec(file=str(runner.folder(bake) / "hifumi.safetensors"))
    spec = grid_spec(base=str(tiny_files()), loras=(lora,), x=AxisSpec(kind="weight", values="0,1"))
    planned = check_grid(spec, runner.journal, runner.workspace)
    assert {name for name, _ in planned.expanded.cells[0].recipe.components} == {
        "qwen3",
        "vae",
        "qwen3_tokenizer",
        "t5_tokenizer_path",
    }
    grid, job = queue_grid(runner.journal, runner.workspace, planned, engine=runner.engine.key)
    runner.engine.wake()
    done = runner.finish(job.number)
    assert done.state is BakeState.DONE, runner.log(done)
    folder = runner.workspace.root / runner.journal.grids.read(grid.number).folder
    assert len({path.read_bytes() for path in folder.glob("x*.png")}) == 2


@pytest.mark.parametrize(
    "options",
    [
        "train_batch_size=4",
        "train_batch_size=8 gradient_checkpointing=yes",
        "train_batch_size=4 mixed_precision=bf16",
        "train_batch_size=4 int8_base=yes",
    ],
)
def test_its_memory_is_predicted(runner: EngineRunner, options: str) -> None:
    planned = planned_of(runner.workspace.root, (*ENDLESS, FOLDER, *options.split()))
    peak = predict(request_of(planned, "cpu")).of("step")
    assert peak is not None
    assert peak.bytes == pytest.approx(measured_step(planned).peak, rel=0.02)


def test_what_was_found_around_the_base_is_hashed_with_it_and_no_other_is_taken_up(
    runner: EngineRunner, tmp_path: Path
) -> None:
    shutil.copytree(tiny_files().parents[2], tmp_path / "ComfyUI")
    base = tmp_path / "ComfyUI" / "models" / "diffusion_models" / tiny_files().name
    number = runner.queue(*STATED, f"pretrained_model_name_or_path={base}")
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 4)
    runner.journal.orders.give(number, Order.STOP)
    stopped = runner.finish(number)
    manifest = read_manifest((runner.folder(stopped) / FILE).read_bytes(), "the bake")
    assert {"qwen3", "vae", "qwen3_tokenizer", "t5_tokenizer_path"} <= manifest.models.keys()
    encoder = base.parents[1] / "text_encoders" / "qwen_3_06b_base.safetensors"
    encoder.write_bytes(encoder.read_bytes()[:-4] + b"\1\0\1\0")
    with pytest.raises(ModelError, match="qwen_3_06b_base"):
        check_resumable(runner.journal, stopped, settings_of(runner.journal, stopped))
