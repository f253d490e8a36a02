"""A picture of NaN is an error that names it and its LoRA; the grid's other pictures are made and kept."""

import re
from pathlib import Path

import pytest
import torch
from load_sampler import load_sampler
from make_recipe import make_recipe
from random_loras import write_random_lora

from trainer.errors import GridError
from trainer.grid.recipe import ComputeSetup
from trainer.grid.spec import AxisSpec, GridSpec, spec_json
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.sampling.make_grid import Progress, make_grid
from trainer.sampling.standalone import StandaloneProvider
from trainer.workspace import Workspace

torch.set_num_threads(1)

RECIPE = make_recipe(prompt="a hat")


class NobodyStopsIt:
    """Nothing is said to a grid."""

    def stop(self) -> bool:
        return False

    def dropped(self) -> tuple[str, ...]:
        return ()


@pytest.fixture(scope="module")
def loras(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a LoRA of plain size, and one whose finite weights give infinite values."""
    folder = tmp_path_factory.mktemp("loras")
    model = load_sampler(RECIPE, ComputeSetup("cpu", "fp32")).model
    write_random_lora(folder / "gentle.safetensors", model)
    write_random_lora(folder / "wild.safetensors", model, size=1e30)
    return folder


def make(root: Path, spec: GridSpec) -> tuple[GridError, Path]:
    """Make a grid that must fail; return its error and its folder."""
    with Journal(root / "journal.sqlite") as journal, StandaloneProvider() as provider:
        row = journal.grids.add(name="g", spec=spec_json(spec))
        progress = Progress(lambda done, total: None, lambda line: None)
        with pytest.raises(GridError) as refused:
            make_grid(row.number, journal, Workspace(root), provider, NobodyStopsIt(), progress)
        row = journal.grids.read(row.number)
        assert (row.state, row.error) == (GridState.FAILED, refused.value.line())
        return refused.value, root / row.folder


def spec_of(loras: Path, files: list[str], **changes: object) -> GridSpec:
    asked: dict[str, object] = {
        "base": "demo",
        "prompt": "a hat",
        "seeds": "3, 4",
        "steps": 1,
        "cfg_scale": 1,
        "width": 64,
        "height": 64,
        "x": AxisSpec(kind="lora", values=", ".join(str(loras / file) for file in files)),
    }
    return GridSpec.model_validate({**asked, **changes})


def test_the_pictures_of_one_lora_are_named_and_the_others_are_kept(tmp_path: Path, loras: Path) -> None:
    spec = spec_of(loras, ["gentle.safetensors", "wild.safetensors"])
    error, folder = make(tmp_path, spec)
    assert "2 pictures with wild.safetensors have NaN or infinite values and were not written" in error.line()
    assert "LoRA wild, seed 3; LoRA wild, seed 4" in error.line()
    assert "gentle" not in error.line()
    assert error.line().endswith("; the other pictures are kept")
    made = sorted(path.name for path in folder.glob("x*.png"))
    assert made == ["x1-y1-z1-s1.png", "x1-y1-z1-s2.png"]


def test_where_none_is_finite_the_rest_is_not_tried(tmp_path: Path, loras: Path) -> None:
    error, folder = make(tmp_path, spec_of(loras, ["wild.safetensors"], seeds="1-9", batch_size=2))
    assert re.search(r"grid 1: [45] pictures with wild.safetensors have NaN", error.line())
    assert re.search(r"seed 3; and [12] more;", error.line())
    assert "kept" not in error.line()
    assert list(folder.glob("x*.png")) == []
