"""Grids on a tiny Anima: samplers and shifts, axes by its own parts' names, sizes, and what stands in the pictures."""

from pathlib import Path

import pytest
from PIL import Image
from run_engine import SHORT, EngineRunner
from tiny_anima import tiny_anima

from trainer.errors import GridError
from trainer.exchange.recreate import recreate
from trainer.families.flow_matching import SAMPLERS
from trainer.formats.picture_recipe import read_picture
from trainer.grid.model_files import ModelFiles
from trainer.grid.spec import AxisSpec, GridSpec, LoraSpec
from trainer.jobs.grids import check_grid, queue_grid
from trainer.journal.records import BakeState


def spec_of(**changes: object) -> GridSpec:
    asked: dict[str, object] = {
        "base": str(tiny_anima()),
        "prompt": "1girl, (smile:1.2)",
        "seeds": "1",
        "steps": 3,
        "width": 64,
        "height": 48,
        "cfg_scale": 4.0,
        "sampler": "Euler",
    }
    return GridSpec.model_validate({**asked, **changes})


def made(runner: EngineRunner, spec: GridSpec) -> list[Path]:
    planned = check_grid(spec, runner.journal, runner.workspace)
    grid, job = queue_grid(runner.journal, runner.workspace, planned, engine=runner.engine.key)
    runner.engine.wake()
    done = runner.finish(job.number)
    assert done.state is BakeState.DONE, runner.log(done)
    folder = runner.workspace.root / runner.journal.grids.read(grid.number).folder
    return sorted(folder.glob("x*.png"))


def test_every_sampler_makes_a_picture_of_its_own_at_every_shift(runner: EngineRunner) -> None:
    axes = {"x": AxisSpec(kind="sampler", values=", ".join(SAMPLERS)), "y": AxisSpec(kind="shift", values="1,3")}
    pictures = made(runner, spec_of(**axes))
    assert len({Image.open(path).tobytes() for path in pictures}) == 2 * len(SAMPLERS)
    like = recreate(read_picture(pictures[0]), ModelFiles(runner.workspace.root), str(tiny_anima()))
    first = Image.open(pictures[0]).info["parameters"]
    assert "Schedule type: Simple, CFG scale: 4.0, Shift: 1.0, Seed: 1, Size: 64x48" in first
    assert (like.spec.shift, like.spec.sampler, like.spec.width, like.spec.height) == (1.0, "Euler", 64, 48)


def test_axes_and_details_have_its_parts_names(runner: EngineRunner) -> None:
    bake = runner.bake(*SHORT, f"pretrained_model_name_or_path={tiny_anima()}", "unet_lr=0.1")
    loras = (LoraSpec(file=str(runner.folder(bake) / "hifumi.safetensors")),)
    axes = {
        "x": AxisSpec(kind="unet_weight", values="0,1"),
        "y": AxisSpec(kind="text_encoder_weight", values="0,1"),
    }
    planned = check_grid(spec_of(loras=loras, **axes), runner.journal, runner.workspace)
    assert (planned.expanded.x.title, planned.expanded.y.title) == ("Body weight", "Conditioner weight")
    assert any("changes nothing: hifumi.safetensors has no" in note for note in planned.expanded.notes)
    (use,) = planned.expanded.cells[-1].recipe.loras
    assert use.factors(planned.expanded.family) == "body 1, conditioner 1"
    plain, with_lora = (Image.open(path).tobytes() for path in made(runner, spec_of(loras=loras, x=axes["x"])))
    assert plain != with_lora


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 72}, "72x48; expected sides of 16 to 8192 px, multiples of 16, as Anima needs"),
        ({"sampler": "DPM++ 2M Karras"}, "DPM\\+\\+ 2M Karras, which is not for Anima"),
        ({"precision": "fp16"}, "fp16 with Anima; expected bf16 or fp32"),
        ({"shift": 3.0, "prediction": "v", "zero_terminal_snr": "yes"}, "zero_terminal_snr: yes"),
    ],
)
def test_what_it_cannot_make_is_refused_in_one_line(
    runner: EngineRunner, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(GridError, match=said):
        check_grid(spec_of(**changes), runner.journal, runner.workspace)
