"""`lora-tui bake`: what it prints, what it leaves, and how it ends."""

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import preloaded
import pytest
from preloaded import Program
from run_engine import FOUR_STEPS, small_demo
from safetensors.numpy import load_file
from small_base import ENCODER_LORAS, UNET_LORAS

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Stage
from trainer.workspace import Workspace


def _start(workspace: Workspace) -> Program:
    command = [sys.executable, "-m", "lora_tui", "bake", str(workspace.root / "hifumi.toml")]
    sets = ["--set", "save_every_n_steps=4", "--set", "validation_data_dir="]
    return Program([*command, *sets], env=dict(os.environ))


def _wait_for_saves(workspace: Workspace, count: int) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if len(list(workspace.bakes.glob("*/*.safetensors"))) >= count:
            return
        time.sleep(0.05)
    raise AssertionError("no saves")


def _bake(workspace: Workspace) -> Bake:
    with Journal(workspace.journal_path) as journal:
        return journal.bakes.read(1)


EVIL = "1girl, [bold red]x[/bold red], \x1b[2J\x1b]0;owned\x07, ${HOME}, {a|b}"
SAVES = ("--set", "save_every_n_steps=1")


@pytest.fixture(scope="module")
def baked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, subprocess.CompletedProcess[str]]:
    """A bake of four steps that saves each and has a caption full of markup and escape codes, and what its process wrote."""
    workspace = small_demo(tmp_path_factory.mktemp("baked") / "demo")
    pictures = workspace.root / "data" / "10_hifumi_chan"
    (pictures / "01.txt").write_text(EVIL)
    (pictures / "[red]\x1b[31mevil.txt").write_text("no picture")
    sets = [part for override in FOUR_STEPS for part in ("--set", override)]
    settings = str(workspace.root / "hifumi.toml")
    command = [sys.executable, "-m", "lora_tui", "bake", settings, "--why", "to see it run", *sets, *SAVES]
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}
    return workspace, preloaded.run(command, env=env)


def test_a_bake_without_a_terminal_prints_plain_lines_and_exits_0(baked) -> None:
    workspace, ran = baked
    assert ran.returncode == 0, ran.stderr
    assert "\r" not in ran.stdout
    assert f"✓ bake 1 done: 4 LoRA files in {workspace.bakes / '0001-hifumi'}" in ran.stdout
    assert _bake(workspace).why == "to see it run"


def test_a_caption_full_of_markup_and_escape_codes_is_data(baked) -> None:
    workspace, ran = baked
    assert "\x1b" not in ran.stdout + ran.stderr
    with Journal(workspace.journal_path) as journal:
        manifest = journal.results.manifest(1)
    assert manifest is not None
    assert EVIL in [picture["caption"] for picture in json.loads(gzip.decompress(manifest))["pictures"]]


def test_n_saves_leave_n_files_under_sd_scripts_names(baked) -> None:
    workspace, _ = baked
    assert sorted(path.name for path in workspace.bakes.glob("*/*.safetensors")) == [
        "hifumi-step00000001.safetensors",
        "hifumi-step00000002.safetensors",
        "hifumi-step00000003.safetensors",
        "hifumi.safetensors",
    ]


def test_status_shows_how_it_ended(lora_tui_here, baked) -> None:
    workspace, _ = baked
    told = json.loads(lora_tui_here("status", workspace.root, "--json").stdout)
    assert [(bake["number"], bake["state"], len(bake["checkpoints"])) for bake in told["bakes"]] == [(1, "done", 4)]
    assert "✓ 0001 hifumi  done  step 4/4" in lora_tui_here("status", workspace.root).stdout


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.long)]
)
def test_a_signal_stops_after_the_step_and_saves(demo: Workspace, number: signal.Signals, code: int) -> None:
    process = _start(demo)
    _wait_for_saves(demo, 1)
    process.send_signal(number)
    assert process.wait(60) == code
    assert _bake(demo).state is BakeState.STOPPED
    with Journal(demo.journal_path) as journal:
        newest = journal.results.checkpoints(1)[0]
    assert (demo.bakes / "0001-hifumi" / newest.file).is_file()


@pytest.mark.long
def test_a_killed_bake_leaves_a_readable_journal_and_only_whole_files(lora_tui, demo: Workspace) -> None:
    process = _start(demo)
    _wait_for_saves(demo, 3)
    process.kill()
    process.wait()
    assert sqlite3.connect(demo.journal_path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    files = sorted(demo.bakes.glob("*/*.safetensors"))
    assert [len(load_file(path)) for path in files] == [(UNET_LORAS + ENCODER_LORAS) * 3] * len(files)
    assert "! 0001 hifumi  lost" in lora_tui("status", demo.root).stdout


def test_a_failed_bake_exits_1_and_names_the_stage(lora_tui, demo: Workspace, short: list[str], tmp_path: Path) -> None:
    import shutil

    import trainer.demo

    base = tmp_path / "base"
    shutil.copytree(Path(trainer.demo.__file__).parent / "model", base)
    config = base / "unet" / "config.json"
    blocks = len(json.loads(config.read_text())["down_block_types"])
    config.write_text(json.dumps({**json.loads(config.read_text()), "down_block_types": ["NoSuchBlock"] * blocks}))
    ran = lora_tui("bake", demo.root / "hifumi.toml", *short, "--set", f"pretrained_model_name_or_path={base}")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "✗" in ran.stdout
    assert _bake(demo).state is BakeState.FAILED
    assert _bake(demo).stage is Stage.LOAD


def test_nothing_reaches_the_network(no_network, demo: Workspace) -> None:
    """Demo, plan and bake in this process, every socket refused."""
    from trainer.engine.engine import Engine
    from trainer.jobs.bakes import check, queue_bake
    from trainer.settings.toml_file import apply_overrides, load_settings

    path = demo.root / "hifumi.toml"
    ready = check(apply_overrides(load_settings(path), ["max_train_epochs=", "max_train_steps=2"]), path)
    engine = Engine(demo)
    with Journal(demo.journal_path) as journal:
        number = queue_bake(journal, demo, ready, why="", engine=engine.key).number
        engine.start()
        while (bake := journal.bakes.read(number)).state.live or bake.state is BakeState.QUEUED:
            assert engine.alive, engine.libraries
            time.sleep(0.05)
        assert bake.state is BakeState.DONE, bake.error
    engine.close(wait=30)
