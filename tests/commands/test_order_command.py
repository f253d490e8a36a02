"""`lora-tui order`: a bake told something from another terminal."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from preloaded import Program

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, MarkKind, Stage
from trainer.machine.engines import register_engine
from trainer.workspace import Workspace


@pytest.fixture
def baking(demo: Workspace) -> Iterator[Program]:
    """A long bake at work in a process of its own."""
    sets = ["--set", "max_train_epochs=", "--set", "max_train_steps=4000", "--set", "validation_data_dir="]
    command = [sys.executable, "-m", "lora_tui", "bake", str(demo.root / "hifumi.toml"), *sets]
    process = Program(command, env=dict(os.environ))
    try:
        _until(lambda: _bakes(demo) and _bake(demo).stage is Stage.STEP and _bake(demo).stage_done > 0)
        yield process
    finally:
        process.kill()
        process.communicate()


def _bakes(demo: Workspace) -> list[Bake]:
    with Journal(demo.journal_path) as journal:
        return journal.bakes.latest()


def _bake(demo: Workspace) -> Bake:
    return _bakes(demo)[-1]


def _until(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_bake_obeys_and_the_answer_is_printed(lora_tui, lora_tui_here, demo: Workspace, baking: Program) -> None:
    def order(*arguments: str) -> subprocess.CompletedProcess[str]:
        return lora_tui_here("order", "1", *arguments, folder=demo.root)

    paused = lora_tui("order", "1", "pause", folder=demo.root)
    assert paused.stdout == "bake 1: pause, obeyed\n", paused.stderr
    _until(lambda: _bake(demo).state is BakeState.PAUSED)
    assert order("set", "unet_lr=1e-5").stdout == "bake 1: set unet_lr=1e-5, obeyed\n"
    stopped = order("set", "text_encoder_stop=now")
    assert stopped.stdout == "bake 1: set text_encoder_stop=now, obeyed\n", stopped.stderr
    assert order("resume").stdout == "bake 1: resume, obeyed\n"
    assert "save, obeyed" in order("save").stdout
    for wrong, word in (("unet_lr=-1", "unet_lr"), ("seed=3", "a live setting"), ("unet_lr", "NAME=VALUE")):
        refused = order("set", wrong)
        assert refused.returncode == 2
        assert word in refused.stderr
        assert "--set" not in refused.stderr or "lora-tui fork 1 --set" in refused.stderr
    with Journal(demo.journal_path) as journal:
        assert len(journal.orders.read(1)) == 5
        changed = [mark.text for mark in journal.results.marks(1) if mark.kind is MarkKind.SET]
        assert changed == ["unet_lr=1e-5", "text_encoder_stop=now"]
        assert len(journal.results.checkpoints(1)) == 1
    assert order("stop").returncode == 0
    baking.communicate(timeout=60)
    assert _bake(demo).state is BakeState.STOPPED
    late = order("pause")
    assert late.returncode == 2
    assert "is stopped" in late.stderr


def test_a_killed_bake_takes_no_orders_and_says_how_it_continues(
    lora_tui_here, demo: Workspace, short: list[str]
) -> None:
    assert lora_tui_here("queue", "add", demo.root / "hifumi.toml", *short).returncode == 0
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with Journal(demo.journal_path) as journal:
        # As its process left it, which is not there any more.
        assert journal.queue.claim(journal.bakes.read(1).engine, gone.pid, time.time()) is not None
        journal.bakes.set_state(1, BakeState.BAKING)
    refused = lora_tui_here("order", "1", "pause", folder=demo.root)
    assert refused.returncode == 2
    assert "is lost" in refused.stderr
    assert "lora-tui resume 1" in refused.stderr


def test_a_bake_in_line_is_the_queues(lora_tui_here, demo: Workspace, short: list[str]) -> None:
    lora_tui_here("queue", "add", demo.root / "hifumi.toml", *short)
    refused = lora_tui_here("order", "1", "stop", folder=demo.root)
    assert refused.returncode == 2
    assert "`lora-tui queue`" in refused.stderr


@pytest.mark.long
def test_a_parked_bake_continues_where_somebody_takes_it(lora_tui, demo: Workspace, short: list[str]) -> None:
    lora_tui("queue", "add", demo.root / "hifumi.toml", *short)
    with Journal(demo.journal_path) as journal:
        journal.bakes.set_state(1, BakeState.PARKED)
    refused = lora_tui("order", "1", "resume", folder=demo.root)
    assert refused.returncode == 2
    assert "lora-tui resume 1" in refused.stderr
    held = register_engine("there", demo.root, takes_queue=True)
    assert held is not None
    taken = lora_tui("order", "1", "resume", folder=demo.root)
    assert taken.returncode == 0, taken.stderr
    assert (_bake(demo).state, _bake(demo).engine) == (BakeState.QUEUED, "there")


@pytest.mark.parametrize("arguments", [["set"], ["pause", "unet_lr=1"], ["dance"]])
def test_words_that_are_no_order_are_refused(lora_tui_here, demo: Workspace, arguments: list[str]) -> None:
    refused = lora_tui_here("order", "1", *arguments, folder=demo.root)
    assert refused.returncode == 2
    if arguments != ["dance"]:
        assert "`lora-tui order 1 " in refused.stderr
