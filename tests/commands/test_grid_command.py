"""`lora-tui grid`: what it says, what it makes, and what it refuses before anything is made."""

import json
from pathlib import Path

import numpy as np
import pytest
from lora_on_disk import write_lora
from numpy.typing import NDArray
from safetensors.numpy import save_file

from trainer.gallery.sidecar import read_sidecar
from trainer.grid.spec import parse_spec
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.workspace import Workspace

SPEC = {
    "base": "demo",
    "prompt": "1girl, hifumi_chan",
    "seeds": "11, 12",
    "steps": 2,
    "width": 64,
    "height": 64,
    "x": {"kind": "cfg_scale", "values": "1-5 (+4)"},
}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(SPEC))
    return path


def nothing_written(workspace: Workspace) -> bool:
    with Journal(workspace.journal_path) as journal:
        return not (journal.grids.latest() or journal.bakes.latest()) and not workspace.grids.exists()


def test_a_dry_run_spells_the_grid_out_and_makes_nothing(lora_tui, demo: Workspace, spec: Path) -> None:
    ran = lora_tui("grid", spec, "--in", demo.root, "--dry-run", "--set", "y=sampler=Euler, Euler a")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "X CFG scale  2: 1 · 5",
        "Y Sampler  2: Euler · Euler a",
        "Seed  2: 11 · 12",
        "2 × 2 × 2 = 8 pictures · duration unknown",
    ]
    assert nothing_written(demo)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("x=cfg_scale=5-1", "X CFG scale: `5-1` is an empty range; write `5-1 (-1)`"),
        ("x=steps=", "X Steps: the axis has no values"),
        ("y=unet_weight", "Y U-Net weight: the axis has no values"),
        ("x=prompt_sr=cat,dog", "`cat` is neither in the prompt"),
        ("prompt=[cat:dog:0.5]", "prompt"),
        ("y=lora=nowhere", "nowhere"),
        ("y=weight=nan", "Y LoRA weight"),
        ("seeds=1-6000", "6,000 values"),
        ("steps", "expected FIELD=VALUE"),
        ("colour=red", "unknown field"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(
    lora_tui_here, demo: Workspace, spec: Path, setting: str, says: str
) -> None:
    ran = lora_tui_here("grid", spec, "--in", demo.root, "--set", setting)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert nothing_written(demo)


def _lora(path: Path, tensors: dict[str, NDArray[np.float16]]) -> Path:
    save_file(tensors, path)
    return path


def test_a_lora_with_a_weight_that_is_no_number_makes_no_picture(
    lora_tui_here, demo: Workspace, spec: Path, tmp_path: Path
) -> None:
    down, up = np.ones((2, 96), np.float16), np.ones((96, 2), np.float16)
    up[40, 1] = np.inf
    name = "lora_te_text_model_encoder_layers_0_self_attn_out_proj"
    path = _lora(tmp_path / "broken.safetensors", {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up})
    ran = lora_tui_here("grid", spec, "--in", demo.root, "--set", f"y=lora={path}")
    assert ran.returncode == 2
    assert f"broken.safetensors: holds infinity in module {name} (lora_up); expected finite numbers only" in ran.stderr
    assert nothing_written(demo)


def test_a_lora_in_diffusers_keys_and_one_on_the_first_layers_are_taken(
    lora_tui_here, demo: Workspace, spec: Path, tmp_path: Path
) -> None:
    shapes = {"conv_in": (4, 32), "time_embedding.linear_2": (128, 128)}
    tensors: dict[str, NDArray[np.float16]] = {}
    for name, (inputs, outputs) in shapes.items():
        kernel = (3, 3) if name == "conv_in" else ()
        tensors[f"unet.{name}.lora_A.weight"] = np.ones((2, inputs, *kernel), np.float16)
        tensors[f"unet.{name}.lora_B.weight"] = np.ones((outputs, 2, *(1 for _ in kernel)), np.float16)
    path = _lora(tmp_path / "whole.safetensors", tensors)
    ran = lora_tui_here("grid", spec, "--in", demo.root, "--dry-run", "--set", f"y=lora={path}")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("command", [("plan",), ("page",), ("grid",), ("bake",), ("convert", "alpha")])
def test_a_file_name_longer_than_any_ends_no_command_in_a_traceback(
    lora_tui_here, demo: Workspace, command: tuple[str, ...]
) -> None:
    ran = lora_tui_here(*command, demo.root / ("z" * 256))
    assert ran.returncode == 2, ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_a_bake_it_says_what_to_give(lora_tui_here, demo: Workspace) -> None:
    ran = lora_tui_here("grid", "--in", demo.root)
    assert ran.returncode == 2
    assert "no bake whose epochs could be compared" in ran.stderr


def test_two_grounds_at_once_are_refused(lora_tui_here, demo: Workspace, spec: Path) -> None:
    assert lora_tui_here("grid", spec, "--bake", "1", "--in", demo.root).returncode == 2


def test_it_can_wait_in_the_queue(lora_tui_here, demo: Workspace, spec: Path) -> None:
    ran = lora_tui_here("grid", spec, "--in", demo.root, "--queue", "--set", "name=waits")
    assert "queued grid 1 waits as job 1" in ran.stdout
    assert "◦ 0001 waits  waiting" in lora_tui_here("grid", "--list", "--in", demo.root).stdout
    with Journal(demo.journal_path) as journal:
        (job,) = journal.queue.waiting()
    assert job.grid == 1


def test_ready_made_grids_are_named(lora_tui_here, demo: Workspace, spec: Path) -> None:
    assert "noise" in lora_tui_here("grid", "--preset", "list", "--in", demo.root).stdout
    ran = lora_tui_here("grid", spec, "--preset", "noise", "--dry-run", "--in", demo.root)
    assert "X Repeat  2" in ran.stdout
    ran = lora_tui_here("grid", spec, "--preset", "nonsense", "--in", demo.root)
    assert ran.returncode == 2
    assert "epochs-weight" in ran.stderr


@pytest.mark.long
def test_a_grid_is_made_and_made_again_from_its_own_sidecar(lora_tui, demo: Workspace, spec: Path) -> None:
    ran = lora_tui("grid", spec, "--in", demo.root)
    assert ran.returncode == 0, ran.stderr
    assert "✓ grid 1 done: 4 of 4 pictures in grids/0001-grid" in ran.stdout
    folder = demo.root / "grids" / "0001-grid"
    made = read_sidecar(folder)
    assert made is not None
    assert all((folder / cell.file).is_file() for cell in made.cells)
    # Its own sidecar repeats it; every picture is there already.
    again = lora_tui("grid", folder / "grid.json", "--in", demo.root)
    assert "4 pictures · 0 to make" in again.stdout
    assert "✓ grid 2 done: 4 of 4 pictures, 4 of them from earlier grids" in again.stdout
    # So does one of its pictures.
    like = lora_tui("grid", "--like", folder / made.cells[0].file, "--dry-run", "--in", demo.root)
    assert like.returncode == 0, like.stderr
    assert "1 picture · 0 to make" in like.stdout


@pytest.mark.long
def test_a_grid_that_was_cut_continues(lora_tui, demo: Workspace, spec: Path) -> None:
    assert lora_tui("grid", spec, "--in", demo.root).returncode == 0
    folder = demo.root / "grids" / "0001-grid"
    (folder / "x2-y1-z1-s2.png").unlink()
    with Journal(demo.journal_path) as journal:
        journal.grids.set_state(1, GridState.CUT)
    ran = lora_tui("grid", "--resume", "1", "--in", demo.root)
    assert ran.returncode == 0, ran.stderr
    assert (folder / "x2-y1-z1-s2.png").is_file()
    with Journal(demo.journal_path) as journal:
        assert journal.grids.read(1).state is GridState.DONE
        assert [bake.state for bake in journal.bakes.latest()] == [BakeState.DONE, BakeState.DONE]


def test_the_test_grid_waits_behind_the_bakes_it_shows(lora_tui_here, demo: Workspace) -> None:
    refused = lora_tui_here("queue", "test-grid", "--in", demo.root)
    assert refused.returncode == 2
    assert "no bake is running or queued" in refused.stderr
    for _ in range(2):
        assert lora_tui_here("queue", "add", demo.root / "hifumi.toml").returncode == 0
    ran = lora_tui_here("queue", "test-grid", "--in", demo.root)
    assert "queued grid 1 hifumi as job 3" in ran.stdout, ran.stderr
    with Journal(demo.journal_path) as journal:
        grid, job = journal.grids.read(1), journal.queue.waiting()[-1]
    asked = parse_spec(grid.spec, "grid")
    assert (job.grid, job.why) == (1, "test grid of bakes 1, 2")
    assert asked.of_bakes == (1, 2)
    assert (asked.x and asked.x.kind, asked.y and asked.y.kind) == ("epoch", "prompt")


def test_our_own_picture_with_a_lora_from_outside_the_bakes_is_made_again(
    lora_tui, lora_tui_here, demo: Workspace, spec: Path, tmp_path: Path
) -> None:
    lora = write_lora(tmp_path / "far away" / "mine.safetensors")
    table = json.loads(spec.read_text()) | {"loras": [{"file": str(lora), "weight": 0.7}], "seeds": "3"}
    spec.write_text(json.dumps({key: value for key, value in table.items() if key not in ("x", "y", "z")}))
    assert lora_tui("grid", spec, "--in", demo.root).returncode == 0
    picture = demo.root / "grids" / "0001-grid" / "x1-y1-z1-s1.png"
    like = lora_tui_here("grid", "--like", picture, "--dry-run", "--in", demo.root)
    assert like.returncode == 0, like.stderr
    assert "left out" not in like.stdout
    assert "1 picture · 0 to make" in like.stdout


def test_a_spec_with_a_name_no_file_can_have_is_refused_in_one_line(lora_tui_here, demo: Workspace, spec: Path) -> None:
    table = json.loads(spec.read_text()) | {"epochs": [{"label": "1", "file": f"bakes/{'x' * 300}.safetensors"}]}
    spec.write_text(json.dumps(table | {"x": {"kind": "epoch", "values": "all"}, "loras": [{"file": ""}]}))
    refused = lora_tui_here("grid", spec, "--dry-run", "--in", demo.root)
    assert refused.returncode == 2
    assert refused.stderr.startswith("lora-tui: ") and refused.stderr.count("\n") == 1
