"""A family of bases that only its own file and a line in the registry know is baked, resumed, foreseen and sampled."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_flow
from measured_memory import measured_step
from PIL import Image
from ready_steps import ENDLESS, planned_of
from run_engine import SHORT, STATED, EngineRunner
from safetensors import safe_open

from trainer.errors import GridError, SettingsError
from trainer.families.flow_matching import SAMPLERS
from trainer.families.registry import FAMILIES
from trainer.gallery.sidecar import read_sidecar
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec
from trainer.jobs.grids import check_grid, queue_grid
from trainer.journal.grid_records import CellNote
from trainer.journal.records import Bake, BakeState, Order, Stage
from trainer.judging.report import report
from trainer.measures.bands import BANDS
from trainer.measures.of_parts import OF_PARTS
from trainer.measures.of_validation import HELD_OUT_CHANGE
from trainer.measures.of_weights import DELTA_SHARE
from trainer.memory.predictor import PeakPredictor
from trainer.memory.request import request_of
from trainer.memory.simulate import predict

LAYERS = 6 * tiny_flow.DEPTH
PARTS_MEASURES = [record.key for record in OF_PARTS]


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Override that names a base of the family, which is known for the test's duration."""
    monkeypatch.setitem(FAMILIES, tiny_flow.FAMILY.key, tiny_flow.FAMILY)
    return f"pretrained_model_name_or_path={tiny_flow.write_base(tmp_path / 'flow.safetensors')}"


def losses(runner: EngineRunner, bake: Bake) -> list[float]:
    return runner.journal.curves.read(bake.number, "loss", 1000).mean


def test_it_is_baked_into_a_file_that_says_so(runner: EngineRunner, base: str) -> None:
    options = ("sample_every_n_steps=3", "timestep_sampling=logit_normal", "min_snr_gamma=5", "measure_parts=true")
    bake = runner.bake(*SHORT, base, *options)
    assert bake.state is BakeState.DONE, runner.log(bake)
    assert "the base predicts the velocity of a flow" in runner.log(bake)
    with safe_open(runner.folder(bake) / "hifumi.safetensors", "np") as file:
        said, keys = file.metadata(), list(file.keys())
    assert len(keys) == 3 * LAYERS
    assert all(key.startswith("lora_transformer_blocks_") for key in keys)
    assert (said["modelspec.architecture"], said["ss_base_model_version"]) == ("tiny-flow/lora", "tiny_flow")
    assert said["modelspec.prediction_type"] == "flow"
    assert runner.journal.curves.read(bake.number, "lr_transformer", 1000).steps
    assert list((runner.folder(bake) / "samples").rglob("*.png"))
    # It says nothing of block groups: they go by the numbers in its names.
    of_weights = runner.journal.measures.of_bake(bake.number, [DELTA_SHARE.key])
    assert {(value.part, value.scope) for value in of_weights} == {
        ("", ""),
        ("transformer", ""),
        *(("transformer", f"block {number}") for number in range(tiny_flow.DEPTH)),
    }
    # Its one part has nobody to share with.
    measured = {(value.name, value.part) for value in runner.journal.measures.of_bake(bake.number, PARTS_MEASURES)}
    assert measured == {("output_alone", ""), ("output_alone", "transformer"), ("output_last", "transformer")}


def test_what_shapes_the_noise_of_diffusion_is_said_to_have_no_effect_and_has_none(
    runner: EngineRunner, base: str
) -> None:
    runner.few_repeats()
    plain = runner.bake(*SHORT, base)
    shaped = runner.bake(*SHORT, base, "noise_offset=0.2", "multires_noise_iterations=4")
    assert shaped.state is BakeState.DONE, runner.log(shaped)
    assert runner.tensors(shaped) == runner.tensors(plain)
    for name in ("noise_offset", "multires_noise_iterations"):
        assert any(line.startswith(f"{name} has no effect: a flow starts from") for line in runner.log(shaped))


def test_a_shift_changes_which_times_it_learns(runner: EngineRunner, base: str) -> None:
    runner.few_repeats()
    plain, shifted = (runner.bake(*SHORT, base, f"discrete_flow_shift={shift}") for shift in (1, 3))
    assert runner.tensors(shifted) != runner.tensors(plain)
    with safe_open(runner.folder(shifted) / "hifumi.safetensors", "np") as file:
        assert file.metadata()["ss_discrete_flow_shift"] == "3.0"


def test_held_out_pictures_are_measured_in_every_band(runner: EngineRunner, base: str) -> None:
    bake = runner.bake(*STATED, base, "measure_validation=true")
    found = {value.scope for value in runner.journal.measures.of_bake(bake.number, [HELD_OUT_CHANGE])}
    assert {band.key for band in BANDS} <= found, runner.log(bake)


def test_it_is_resumed_bit_for_bit(runner: EngineRunner, base: str) -> None:
    runner.few_repeats()
    whole = runner.bake(*STATED, base)
    number = runner.queue(*STATED, base)
    runner.wait(number, lambda bake: bake.stage is Stage.STEP and bake.stage_done >= 4)
    runner.journal.orders.give(number, Order.STOP)
    stopped = runner.finish(number)
    assert stopped.state is BakeState.STOPPED
    done = runner.resume(number)
    assert done.state is BakeState.DONE, runner.log(done)
    assert runner.tensors(done) == runner.tensors(whole)
    assert losses(runner, done) == losses(runner, whole)
    assert runner.journal.results.validations(number) == runner.journal.results.validations(whole.number)


@pytest.mark.parametrize("options", ["train_batch_size=4", "train_batch_size=8 gradient_checkpointing=yes"])
def test_its_memory_is_predicted(runner: EngineRunner, base: str, options: str) -> None:
    planned = planned_of(runner.workspace.root, (*ENDLESS, base, *options.split()))
    peak = predict(request_of(planned, "cpu")).of("step")
    assert peak is not None
    assert peak.bytes == pytest.approx(measured_step(planned).peak, rel=0.05)


def test_its_memory_is_predicted_by_the_process_that_only_the_request_tells_of_it(
    runner: EngineRunner, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    planned = planned_of(runner.workspace.root, (*ENDLESS, base, "train_batch_size=4"))
    with PeakPredictor(None) as predictor:
        peak = predictor.predict(request_of(planned, "cpu")).of("step")
    assert peak is not None
    assert peak.bytes == pytest.approx(measured_step(planned).peak, rel=0.05)


def test_a_vae_is_refused_where_its_bases_take_none(runner: EngineRunner, base: str) -> None:
    with pytest.raises(
        SettingsError, match=r"vae: .*other\.safetensors; expected blank: Tiny Flow takes no separate VAE"
    ):
        planned_of(runner.workspace.root, (*ENDLESS, base, "vae=other.safetensors"))


def flow_grid(runner: EngineRunner, base: str, bake: Bake, **changes: object) -> GridSpec:
    """Two seeds at two strengths of the bake's LoRA."""
    asked: dict[str, object] = {
        "name": "flow",
        "base": base.partition("=")[2],
        "prompt": "1girl, smile",
        "seeds": "1,2",
        "steps": 3,
        "width": 64,
        "height": 48,
        "sampler": "Euler",
        "loras": (LoraSpec(file=str(runner.folder(bake) / "hifumi.safetensors")),),
        "x": AxisSpec(kind="weight", values="0,1"),
    }
    return GridSpec.model_validate({**asked, **changes})


def test_a_grid_of_it_is_made(runner: EngineRunner, base: str) -> None:
    spec = flow_grid(runner, base, runner.bake(*SHORT, base, "unet_lr=0.1"))
    with pytest.raises(GridError, match="DDIM, which is not for Tiny Flow"):
        check_grid(spec.model_copy(update={"sampler": "DDIM"}), runner.journal, runner.workspace)
    planned = check_grid(spec, runner.journal, runner.workspace)
    grid, job = queue_grid(runner.journal, runner.workspace, planned, engine=runner.engine.key)
    runner.engine.wake()
    done = runner.finish(job.number)
    assert done.state is BakeState.DONE, runner.log(done)
    folder = runner.workspace.root / runner.journal.grids.read(grid.number).folder
    pictures = [Image.open(path) for path in sorted(folder.glob("x*.png"))]
    assert [picture.size for picture in pictures] == [(64, 48)] * 4
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert "Prediction: flow" in pictures[0].info["parameters"]
    made = read_sidecar(folder)
    assert made is not None and made.family == tiny_flow.FAMILY.key
    notes = {"x1-y1-z1-s1": CellNote(grid.number, "x1-y1-z1-s1", unet="over")}
    lines = [line for section in report(made, notes, ()) for line in section.lines]
    assert any(line.startswith("transformer over; rated under ×0, right ×0, over ×1") for line in lines)
    assert "0: transformer over 1" in lines


def test_every_sampler_of_flows_makes_a_picture_of_its_own_at_every_shift(
    runner: EngineRunner, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shifted = replace(tiny_flow.FAMILY, sampling=replace(tiny_flow.FAMILY.sampling, shift=3.0))
    monkeypatch.setitem(FAMILIES, shifted.key, shifted)
    samplers = AxisSpec(kind="sampler", values=", ".join(SAMPLERS))
    spec = flow_grid(
        runner, base, runner.bake(*SHORT, base), seeds="1", steps=4, x=samplers, y=AxisSpec(kind="shift", values="1,3")
    )
    grid, job = queue_grid(
        runner.journal,
        runner.workspace,
        check_grid(spec, runner.journal, runner.workspace),
        engine=runner.engine.key,
    )
    runner.engine.wake()
    done = runner.finish(job.number)
    assert done.state is BakeState.DONE, runner.log(done)
    folder = runner.workspace.root / runner.journal.grids.read(grid.number).folder
    pictures = [Image.open(path) for path in sorted(folder.glob("x*.png"))]
    assert len({picture.tobytes() for picture in pictures}) == 2 * len(SAMPLERS)
    said = [picture.info["parameters"] for picture in pictures]
    assert all("Schedule type: Simple, CFG scale: 7.0, Shift: " in text for text in said)


def test_an_axis_over_its_part_is_titled_as_its_record_has_it(runner: EngineRunner, base: str) -> None:
    part = AxisSpec(kind="unet_weight", values="0,1")
    spec = flow_grid(runner, base, runner.bake(*SHORT, base), x=part)
    planned = check_grid(spec, runner.journal, runner.workspace)
    assert planned.expanded.x.title == "Transformer weight"
    assert [len(cell.recipe.loras) for cell in planned.expanded.cells] == [0, 0, 1, 1]


def test_a_size_that_its_latents_cannot_have_is_refused(
    runner: EngineRunner, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    coarse = replace(tiny_flow.FAMILY, sampling=replace(tiny_flow.FAMILY.sampling, grain=32))
    monkeypatch.setitem(FAMILIES, coarse.key, coarse)
    spec = flow_grid(runner, base, runner.bake(*SHORT, base))
    with pytest.raises(GridError, match="64x48; expected sides of 32 to 8192 px, multiples of 32, as Tiny Flow needs"):
        check_grid(spec, runner.journal, runner.workspace)
