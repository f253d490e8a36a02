"""One bake over several processes: the curve of one process with the larger batch, exact resume, and a process that dies."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from preloaded import Program
from run_engine import SMALL, EngineRunner, small_demo
from safetensors.numpy import load_file

from trainer.formats.safetensors_header import read_header
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState
from trainer.journal.state_files import states_of
from trainer.workspace import Workspace

# An epoch of sixteen pictures in two buckets: batches of 4, and a last one of fewer.
SETTINGS = (
    *SMALL,
    "max_train_epochs=",
    "max_train_steps=6",
    "validation_data_dir=",
    "save_state_every_n_steps=2",
    "lr_scheduler=cosine",
    "network_dropout=0.1",
    "mixed_precision=no",
)


def options(settings: tuple[str, ...]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


class Launch:
    """A demo workspace, and processes started in it as a launcher starts them."""

    def __init__(self, root: Path) -> None:
        self.root = small_demo(root).root

    def start(self, *words: str, processes: int = 2, launched: Any = Program) -> list[Program]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        meeting = {"WORLD_SIZE": str(processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        command = [sys.executable, "-m", "lora_tui", *words]
        return [
            launched(command, cwd=self.root, env={**os.environ, **meeting, "RANK": str(rank), "LOCAL_RANK": str(rank)})
            for rank in range(processes)
        ]

    def run(self, *words: str, processes: int = 2) -> tuple[list[int], list[str]]:
        """Run a command in so many processes; return their exit codes and what each printed."""
        started = self.start(*words, processes=processes)
        told = [process.communicate(timeout=120)[0] for process in started]
        return [process.wait(30) for process in started], told

    def bake(self, number: int) -> Any:
        with Journal(Workspace(self.root).journal_path) as journal:
            return journal.bakes.read(number)

    def losses(self, number: int) -> list[float]:
        with Journal(Workspace(self.root).journal_path) as journal:
            return journal.curves.read(number, "loss", 10_000).mean

    def folder(self, number: int) -> Path:
        return self.root / self.bake(number).folder

    def lora(self, number: int) -> dict[str, np.ndarray[Any, Any]]:
        return load_file(self.folder(number) / "hifumi.safetensors")

    def await_state(self, number: int, step: int, processes: list[Program]) -> None:
        end = time.monotonic() + 120
        while not any(path.stem >= f"step{step:08d}" for path in states_of(self.root / f"bakes/{number:04d}-hifumi")):
            assert all(process.poll() is None for process in processes), [each.communicate()[0] for each in processes]
            assert time.monotonic() < end
            time.sleep(0.02)


def test_two_processes_train_what_one_with_the_doubled_batch_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    launch = Launch(tmp_path / "demo")
    codes, told = launch.run("bake", "hifumi.toml", *options((*SETTINGS, "train_batch_size=2")))
    assert codes == [0, 0], told
    # One of them writes and prints.
    assert "2 processes × 2 pictures" in told[0]
    assert told[1] == ""
    engine = EngineRunner(Workspace(launch.root))
    assert engine.bake(*SETTINGS, "train_batch_size=4").state is BakeState.DONE
    engine.close()
    assert len(launch.losses(1)) == 6
    assert np.allclose(launch.losses(1), launch.losses(2), rtol=1e-4)
    one, two = launch.lora(2), launch.lora(1)
    apart = sum(float(np.sum((one[name] - two[name]).astype(np.float64) ** 2)) for name in one)
    learned = sum(float(np.sum(two[name].astype(np.float64) ** 2)) for name in one if "lora_up" in name)
    assert apart < 1e-6 * learned
    said = read_header(launch.folder(1) / "hifumi.safetensors").metadata
    assert (said["ss_batch_size_per_device"], said["ss_total_batch_size"]) == ("2", "4")
    with Journal(Workspace(launch.root).journal_path) as journal:
        assert len(journal.bakes.latest()) == 2
        # The state is that of either.
        sizes = [journal.results.states(number)[-1].size for number in (1, 2)]
        # But for numbers of the header that are longer in one.
        assert abs(sizes[0] - sizes[1]) < 100


@pytest.mark.long
def test_a_bake_of_two_processes_whose_second_dies_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = options((*SETTINGS, "train_batch_size=2", "max_train_steps=30"))
    whole, killed = Launch(tmp_path / "whole"), Launch(tmp_path / "killed")
    codes, told = whole.run("bake", "hifumi.toml", *settings)
    assert codes == [0, 0], told
    started = killed.start("bake", "hifumi.toml", *settings)
    killed.await_state(1, 6, started)
    started[1].kill()
    said = started[0].communicate(timeout=60)[0]
    assert started[0].wait(30) == 1
    assert "process 1 of 2" in said or "another process of 2" in said
    bake = killed.bake(1)
    assert bake.state is BakeState.FAILED and "of 2" in bake.error
    assert states_of(killed.folder(1))
    # One process alone is refused, and nothing is lost by it.
    alone = subprocess.run(
        [sys.executable, "-m", "lora_tui", "resume", "1"], cwd=killed.root, capture_output=True, text=True, check=False
    )
    assert alone.returncode == 2 and "--num_processes 2" in alone.stderr
    codes, told = killed.run("resume", "1")
    assert codes == [0, 0], told
    assert killed.losses(1) == whole.losses(1)
    for name, weight in whole.lora(1).items():
        assert weight.tobytes() == killed.lora(1)[name].tobytes()


@pytest.mark.long
def test_accelerate_launch_trains_on_two_cpus_is_killed_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    launch = Launch(tmp_path / "demo")
    settings = options((*SETTINGS, "train_batch_size=2", "max_train_steps=30"))
    accelerate = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    accelerate += ["--num_processes", "2", "--main_process_port", "0", "-m", "lora_tui"]
    run = subprocess.Popen(
        [*accelerate, "bake", "hifumi.toml", *settings],
        cwd=launch.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    end = time.monotonic() + 200
    while not states_of(launch.root / "bakes" / "0001-hifumi"):
        assert run.poll() is None and time.monotonic() < end, run.stdout.read() if run.stdout else ""
        time.sleep(0.1)
    # The launcher gives each process a session of its own.
    for process in (*psutil.Process(run.pid).children(recursive=True), psutil.Process(run.pid)):
        process.kill()
        process.wait(30)
    assert launch.bake(1).state is not BakeState.DONE
    again = subprocess.run([*accelerate, "resume", "1"], cwd=launch.root, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout + again.stderr
    engine = EngineRunner(Workspace(launch.root))
    assert engine.bake(*SETTINGS, "train_batch_size=4", "max_train_steps=30").state is BakeState.DONE
    engine.close()
    assert np.allclose(launch.losses(1), launch.losses(2), rtol=1e-3)


def test_a_command_that_bakes_nothing_is_refused_in_several_processes(tmp_path: Path) -> None:
    launch = Launch(tmp_path / "demo")
    codes, told = launch.run("plan", "hifumi.toml")
    assert codes == [2, 0]
    assert "start this one without `accelerate launch`" in told[0] and told[1] == ""
