"""Going on from a bake, each command a process of its own."""

import os
import signal
import sys
import time

import pytest
from preloaded import Program
from safetensors.numpy import load_file

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.workspace import Workspace

FOUR_STEPS_AN_EPOCH = ("max_train_epochs=3", "train_batch_size=4", "lr_scheduler=cosine", "keep_states=epochs")
OPTIONS = [part for setting in FOUR_STEPS_AN_EPOCH for part in ("--set", setting)]


def _bake(demo: Workspace, number: int) -> Bake:
    with Journal(demo.journal_path) as journal:
        return journal.bakes.read(number)


def _lora(demo: Workspace, number: int) -> dict[str, bytes]:
    path = demo.bakes / f"{number:04d}-hifumi" / "hifumi.safetensors"
    return {name: tensor.tobytes() for name, tensor in load_file(path).items()}


@pytest.mark.long
def test_resume_fork_and_extend_across_processes(lora_tui, demo: Workspace) -> None:
    (demo.root / "data" / "10_hifumi_chan").rename(demo.root / "data" / "1_hifumi_chan")
    assert lora_tui("bake", "hifumi.toml", *OPTIONS, folder=demo.root).returncode == 0
    command = [sys.executable, "-m", "lora_tui", "bake", "hifumi.toml", *OPTIONS]
    stopped = Program(command, cwd=demo.root, env=dict(os.environ))
    end = time.monotonic() + 90
    while len(list(demo.bakes.glob("0002-*/hifumi-000001.safetensors"))) == 0:
        assert time.monotonic() < end
        time.sleep(0.02)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait(60) == 143
    assert _bake(demo, 2).state is BakeState.STOPPED

    again = lora_tui("resume", "2", folder=demo.root)
    assert again.returncode == 0, again.stderr
    assert "resumed after step" in again.stdout
    assert _lora(demo, 2) == _lora(demo, 1)

    refused = lora_tui("resume", "2", folder=demo.root)
    assert refused.returncode == 2
    assert "lora-tui extend 2 --epochs N" in refused.stderr

    same = lora_tui("fork", "1", "--epoch", "2", "--why", "nothing changed", folder=demo.root)
    assert same.returncode == 0, same.stderr
    assert _lora(demo, 3) == _lora(demo, 1)
    assert (_bake(demo, 3).parent, _bake(demo, 3).why) == (1, "nothing changed")

    longer = lora_tui("extend", "1", "--epochs", "4", folder=demo.root)
    assert longer.returncode == 0, longer.stderr
    assert "the U-Net's rate changes from" in longer.stdout
    assert (_bake(demo, 4).total_steps, _bake(demo, 4).state) == (16, BakeState.DONE)

    wrong = lora_tui("fork", "1", "--set", "network_dim=4", folder=demo.root)
    assert wrong.returncode == 2
    assert "network_dim" in wrong.stderr
    assert not (demo.bakes / "0005-hifumi").exists()
