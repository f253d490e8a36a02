"""What is kept of the grid builder: the changed fields alone, of the newest starts, whoever wrote the file."""

import json
from pathlib import Path

import pytest

from lora_tui.actions.kept_specs import KeptSpecs
from trainer.errors import WorkspaceError
from trainer.grid.spec import AxisSpec, EpochFile, GridSpec
from trainer.workspace import Workspace

FIRST = GridSpec(prompt="a hat", epochs=(EpochFile(label="1", file="x-000001.safetensors"),))
CHANGED = FIRST.model_copy(update={"steps": 9, "y": AxisSpec(kind="cfg_scale", values="3, 5")})


def kept_over_a_restart(root: Path, start: str, first: GridSpec) -> GridSpec:
    return KeptSpecs(Workspace(root)).restored(start, first)


def test_changes_come_back_upon_what_is_proposed_then(tmp_path: Path) -> None:
    kept = KeptSpecs(Workspace(tmp_path))
    kept.note("bake 3", FIRST, CHANGED)
    assert kept.restored("bake 3", FIRST) == CHANGED
    kept.write()
    later = FIRST.model_copy(update={"epochs": (*FIRST.epochs, EpochFile(label="2", file="x-000002.safetensors"))})
    back = kept_over_a_restart(tmp_path, "bake 3", later)
    assert (back.steps, back.y, back.epochs) == (9, CHANGED.y, later.epochs)
    assert kept_over_a_restart(tmp_path, "bake 4", FIRST) == FIRST


def test_what_is_as_proposed_again_leaves_the_file(tmp_path: Path) -> None:
    kept = KeptSpecs(Workspace(tmp_path))
    for now in (CHANGED, FIRST):
        kept.note("bake 3", FIRST, now)
        kept.write()
    assert json.loads((tmp_path / "grids" / ".builder.json").read_text()) == {}


def test_what_was_noted_before_the_file_is_read_comes_before_it(tmp_path: Path) -> None:
    earlier = KeptSpecs(Workspace(tmp_path))
    earlier.note("bake 3", FIRST, FIRST.model_copy(update={"steps": 5}))
    earlier.note("bake 4", FIRST, FIRST.model_copy(update={"steps": 6}))
    earlier.write()
    later = KeptSpecs(Workspace(tmp_path))
    later.note("bake 3", FIRST, CHANGED)
    later.write()
    assert kept_over_a_restart(tmp_path, "bake 3", FIRST) == CHANGED
    assert kept_over_a_restart(tmp_path, "bake 4", FIRST).steps == 6


def test_the_file_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptSpecs(Workspace(tmp_path))
    for number in range(60):
        monkeypatch.setattr("time.time", lambda number=number: float(number))
        kept.note(f"bake {number}", FIRST, CHANGED)
    kept.write()
    assert kept_over_a_restart(tmp_path, "bake 59", FIRST) == CHANGED
    assert kept_over_a_restart(tmp_path, "bake 0", FIRST) == FIRST
    assert len(json.loads((tmp_path / "grids" / ".builder.json").read_text())) == 40


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "grids").write_text("in the way")
    kept = KeptSpecs(Workspace(tmp_path))
    kept.note("bake 3", FIRST, CHANGED)
    with pytest.raises(WorkspaceError, match="cannot be kept") as refused:
        kept.write()
    assert "\n" not in refused.value.line()
    assert kept.restored("bake 3", FIRST) == CHANGED


def test_changes_of_another_bake_can_be_made_here_but_not_its_files(tmp_path: Path) -> None:
    kept = KeptSpecs(Workspace(tmp_path))
    files = {"epochs": (EpochFile(label="8", file="old.safetensors"),), "name": "old"}
    kept.note("bake 3", FIRST, CHANGED.model_copy(update=files))
    kept.note("bake 4", FIRST, FIRST)
    assert kept.others("bake 5") == ("bake 3",)
    assert kept.others("bake 3") == ()
    made = kept.restored("bake 5", FIRST, "bake 3")
    assert (made.steps, made.y, made.epochs, made.name) == (9, CHANGED.y, FIRST.epochs, FIRST.name)
