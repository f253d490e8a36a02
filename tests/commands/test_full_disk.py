"""A disk that fills up under a bake: it waits, goes on when there is room, and nothing is lost."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import preloaded
import pytest
from full_disk import digest_of

from trainer.demo.workspace import make_demo
from trainer.journal.journal import NO_ROOM, Journal

PROGRAM = Path(__file__).parents[1] / "support" / "full_disk.py"


def _on_a_small_disk(folder: Path, command: list[str]) -> list[str]:
    """Return `command` as run where `folder` is a disk of 48 MB of its own."""
    script = f'mount -t tmpfs -o size=48m tmpfs "{folder}" && exec "$@"'
    return ["unshare", "-Urm", "sh", "-c", script, "sh", *command]


def _small_disk(folder: Path) -> None:
    """Make the folder, on which `_on_a_small_disk` may mount one."""
    folder.mkdir()
    allowed = shutil.which("unshare") and not subprocess.run(_on_a_small_disk(folder, ["true"]), check=False).returncode
    if not allowed:
        pytest.skip("this machine lets nobody mount a disk in a namespace")


def test_the_state_of_a_workspace_is_shown_on_a_full_disk(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    _small_disk(folder)
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.log.write("what was noted last")
    script = f"""
        cp "{tmp_path}/journal.sqlite" "{folder}"
        cat /dev/zero > "{folder}/filler" 2> /dev/null
        for way in --once --json; do "$@" status {folder} $way || exit; done
        "$@" status {folder} && rm "{folder}/filler" && "$@" status {folder}
    """
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "lora_tui"]
    ran = subprocess.run(_on_a_small_disk(folder, command), capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr.count("\n")) == (0, 1), ran.stderr
    assert NO_ROOM in ran.stderr
    assert "what was noted last" in ran.stdout
    assert ran.stdout.count("0 bakes") == 2


@pytest.mark.long
def test_a_bake_waits_for_room_on_a_full_disk_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    _small_disk(folder)
    answer = tmp_path / "answer.json"
    command = [sys.executable, str(PROGRAM), str(folder), str(answer)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(_on_a_small_disk(folder, command), capture_output=True, text=True, env=env, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(answer.read_text())
    assert (told["code"], told["state"]) == (0, "done")
    assert told["waited"][0] == "paused"
    assert any("free some space and the bake continues by itself" in line for line in told["log"])
    assert "there is disk space again: continuing" in told["log"]
    assert told["steps"] == list(range(1, 33))
    assert told["lora"] == _lora_where_there_is_room(tmp_path / "plain", told["settings"])


def _lora_where_there_is_room(root: Path, settings: list[str]) -> str:
    workspace = make_demo(root)
    (workspace.root / "data" / "10_hifumi_chan").rename(workspace.root / "data" / "2_hifumi_chan")
    options = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, "-m", "lora_tui", "bake", str(workspace.root / "hifumi.toml"), *options]
    assert preloaded.run(command, env=dict(os.environ)).returncode == 0
    return digest_of(workspace.root / "bakes/0001-hifumi/hifumi.safetensors")
