"""A fault in any stage is said in the log and the journal, and the next bake in the same process runs."""

import gzip
import json
import os
import time
from pathlib import Path

import pytest
from run_engine import EngineRunner, small_demo

from trainer.atomic_file import atomic_path
from trainer.errors import DatasetError, ExitCode
from trainer.journal.records import BakeState

FAULTS = {
    "load": "trainer.bake.session.acquire_base_for",
    "cache": "trainer.bake.run.encode_pictures",
    "step": "trainer.bake.loop.train_step",
    "save": "trainer.bake.saving.lora_files.save_lora",
}


def _break(*_: object, **__: object) -> None:
    raise RuntimeError("injected fault")


@pytest.mark.long
@pytest.mark.parametrize("stage", FAULTS)
def test_a_fault_is_reported_and_the_next_bake_runs(stage: str, runner, short, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(FAULTS[stage], _break)
        failed = runner.bake(*short)
    assert failed.state is BakeState.FAILED
    assert failed.stage == stage
    assert f"stage {stage}: RuntimeError: injected fault" in failed.error
    assert any("injected fault" in line for line in runner.log(failed))
    assert "Traceback" in (runner.folder(failed) / "bake.log").read_text()
    assert runner.engine.exit_codes[failed.number] is ExitCode.BAKE_FAILED
    assert not list(runner.folder(failed).glob("*.safetensors"))

    assert runner.bake(*short).state is BakeState.DONE


def test_a_picture_that_broke_since_the_scan_is_named(runner, short) -> None:
    victim = runner.workspace.root / "data" / "10_hifumi_chan" / "03.png"
    whole = victim.read_bytes()
    ready = runner.ready(*short)
    victim.write_bytes(whole[: len(whole) // 2])
    failed = runner.finish(runner.queue_ready(ready))
    assert (failed.state, "03.png" in failed.error) == (BakeState.FAILED, True)
    victim.write_bytes(whole)
    assert runner.bake(*short).state is BakeState.DONE


def test_a_picture_broken_before_the_bake_is_named_and_nothing_is_queued(runner, short) -> None:
    victim = runner.workspace.root / "data" / "10_hifumi_chan" / "03.png"
    victim.write_bytes(victim.read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"03\.png: unreadable picture"):
        runner.queue(*short)
    assert runner.journal.bakes.latest() == []


def test_a_bake_leaves_its_settings_data_and_numbers(runner, short) -> None:
    bake = runner.bake(*short)
    folder = runner.folder(bake)
    # bake.json is written once more after the end; until it is complete another file lies beside it.
    end = time.monotonic() + 30
    while any(path.suffix == ".part" for path in folder.iterdir()) and time.monotonic() < end:
        time.sleep(0.02)
    assert {path.name for path in folder.iterdir()} == {
        "settings.toml",
        "data.json.gz",
        "metrics.npz",
        "state",
        "bake.json",
        "bake.log",
        "hifumi.safetensors",
    }
    manifest = json.loads(gzip.decompress((folder / "data.json.gz").read_bytes()))
    assert len(manifest["pictures"]) == 16


def test_the_machine_is_read_while_a_bake_runs(runner, short) -> None:
    bake = runner.bake(*short)
    readings = runner.journal.telemetry.read(0, bake.number)
    assert readings
    assert readings[0].host.process_memory > 0


def test_what_killed_processes_left_in_the_workspace_is_removed_as_an_engine_starts(tmp_path: Path) -> None:
    workspace = small_demo(tmp_path / "demo")
    files = (
        "bakes/0001-x/state/step.safetensors",
        "grids/0001-x/0001-x.html",
        "subjects/hifumi.toml",
        "journal.sqlite",
    )
    for file in files:
        path = workspace.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        child = os.fork()
        if not child:
            with atomic_path(path):
                os._exit(9)
        os.waitpid(child, 0)
    left = [path for path in workspace.root.rglob(".*.part")]
    assert len(left) == len(files)
    with atomic_path(workspace.subjects / "other.toml") as being_written:
        runner = EngineRunner(workspace)
        end = time.monotonic() + 30
        while any(path.exists() for path in left) and time.monotonic() < end:
            time.sleep(0.02)
        runner.close()
        assert [path for path in workspace.root.rglob(".*.part")] == [being_written]
