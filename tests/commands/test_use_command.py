import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from lora_on_disk import write_lora

from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def baked(demo: Workspace) -> Path:
    """The demo with a bake of one epoch; returns its LoRA."""
    path = demo.root / "hifumi.toml"
    with Journal(demo.journal_path) as journal:
        bake = journal.bakes.add(
            NewBake(
                name="hifumi",
                why="",
                settings_toml=settings_toml(resolve(load_settings(path), path)),
                engine="e",
                total_steps=40,
                steps_per_epoch=40,
            )
        )
        lora = write_lora(demo.root / bake.folder / "hifumi.safetensors")
        journal.results.add_checkpoint(
            1, Checkpoint(1, 40, lora.name, lora.stat().st_size, None, None, None, None, 0.0)
        )
    return lora


def test_an_epoch_is_used_in_a_folder(lora_tui: LoraTui, demo: Workspace, baked: Path, tmp_path: Path) -> None:
    (tmp_path / "Lora").mkdir()
    used = lora_tui("use", 1, 1, tmp_path / "Lora", "--name", "hifumi v1", "--weight", "0.8", folder=demo.root)
    assert (used.returncode, used.stderr) == (0, "")
    assert (tmp_path / "Lora" / "hifumi v1.safetensors").read_bytes() == baked.read_bytes()
    told = json.loads((tmp_path / "Lora" / "hifumi v1.json").read_text())
    assert (told["activation text"], told["preferred weight"]) == ("hifumi_chan", 0.8)
    assert "in a prompt: <lora:hifumi v1:0.8>" in used.stdout


def test_another_file_of_that_name_is_written_over_by_force_alone(
    lora_tui_here: LoraTui, demo: Workspace, baked: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.safetensors").write_text("mine")
    arguments = ("use", 1, "last", tmp_path, "--name", "x", "--in", demo.root)
    refused = lora_tui_here(*arguments)
    assert refused.returncode == 2
    assert "already has a different x.safetensors" in refused.stderr
    forced = lora_tui_here(*arguments, "--force")
    assert f"replaced {tmp_path}/x.safetensors" in forced.stdout
    assert f"wrote {tmp_path}/x.json" in forced.stdout
    again = lora_tui_here(*arguments)
    assert f"unchanged {tmp_path}/x.safetensors" in again.stdout


def test_an_epoch_that_is_not_there_is_refused_in_one_line(
    lora_tui_here: LoraTui, demo: Workspace, baked: Path
) -> None:
    refused = lora_tui_here("use", 1, 7, ".", folder=demo.root)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "lora-tui: bake 1: has no epoch 7; expected one of 1, last\n"


def test_a_folder_that_is_not_there_is_made_by_request_alone(
    lora_tui_here: LoraTui, demo: Workspace, baked: Path, tmp_path: Path
) -> None:
    target = tmp_path / "new" / "Lora"
    refused = lora_tui_here("use", 1, 1, target, folder=demo.root)
    assert refused.returncode == 2
    assert refused.stderr == f"lora-tui: {target}: no such folder; `--make-folder` makes it\n"
    assert not target.exists()
    assert lora_tui_here("use", 1, 1, target, "--make-folder", "--name", "x", folder=demo.root).returncode == 0
    assert (target / "x.safetensors").read_bytes() == baked.read_bytes()
