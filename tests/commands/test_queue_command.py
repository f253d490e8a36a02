"""`lora-tui queue`: bakes in line, their order, and working through them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime

import pytest
from preloaded import Program

from lora_tui.commands.queue import parse_time
from trainer.errors import SettingsError
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState
from trainer.machine.card_lock import CardHolder, acquire_card, device_key
from trainer.workspace import Workspace


@pytest.fixture
def queue(lora_tui, demo: Workspace) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs `lora-tui queue ARGS…` in the demo's workspace."""
    return lambda *arguments: lora_tui("queue", *arguments, folder=demo.root)


@pytest.fixture
def queue_here(lora_tui_here, demo: Workspace) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that does the same in this process."""
    return lambda *arguments: lora_tui_here("queue", *arguments, folder=demo.root)


def _line(demo: Workspace) -> list[int]:
    with Journal(demo.journal_path) as journal:
        return [bake.number for bake in journal.queue.waiting()]


def _bakes(demo: Workspace) -> dict[int, Bake]:
    with Journal(demo.journal_path) as journal:
        return {bake.number: bake for bake in journal.bakes.latest()}


def test_bakes_are_added_moved_held_and_removed(queue_here, demo: Workspace, short: list[str]) -> None:
    for why in ("one", "two", "three"):
        ran = queue_here("add", demo.root / "hifumi.toml", "--why", why, *short)
        assert ran.returncode == 0, ran.stderr
    assert "nothing is processing this queue" in ran.stdout
    assert queue_here("move", "3", "--before", "1").returncode == 0
    assert _line(demo) == [3, 1, 2]
    assert queue_here("move", "3", "--last").returncode == 0
    assert _line(demo) == [1, 2, 3]
    assert queue_here("remove", "2").returncode == 0
    assert queue_here("hold", "3").returncode == 0
    told = queue_here().stdout.splitlines()
    assert told[0].startswith("◦ 0001 hifumi  ")
    assert told[1].startswith("◌ 0003 hifumi  held")
    assert queue_here("release", "3").returncode == 0
    assert not _bakes(demo)[3].held
    again = queue_here("remove", "2")
    assert again.returncode == 2
    assert "bake 2 is stopped" in again.stderr


def test_status_says_held_and_leaves_out_what_was_withdrawn(queue_here, lora_tui_here, demo: Workspace, short) -> None:
    for _ in range(3):
        assert queue_here("add", demo.root / "hifumi.toml", *short).returncode == 0
    queue_here("hold", "2")
    queue_here("remove", "3")
    head, *listed, last = lora_tui_here("status", demo.root).stdout.splitlines()
    assert head.endswith(": 2 bakes")
    assert [line.split("  ")[:2] for line in listed] == [["◌ 0002 hifumi", "held"], ["◦ 0001 hifumi", "queued"]]
    assert last == "1 withdrawn from the queue: 0003 (`--all` lists them)"
    every = lora_tui_here("status", demo.root, "--all").stdout.splitlines()
    assert every[1].startswith("■ 0003 hifumi  withdrawn")
    assert len(every) == 4


def test_an_item_says_when_and_whom_it_holds(queue_here, demo: Workspace, short: list[str]) -> None:
    options = ["--not-before", "2099-01-01 22:30", "--if-fails", "hold", "--hold"]
    ran = queue_here("add", demo.root / "hifumi.toml", *options, *short)
    assert ran.returncode == 0, ran.stderr
    bake = _bakes(demo)[1]
    assert (bake.on_failure, bake.held) == ("hold", True)
    assert bake.not_before == datetime(2099, 1, 1, 22, 30).timestamp()
    told = json.loads(queue_here("--json").stdout)
    assert [(each["number"], each["orphaned"]) for each in told["waiting"]] == [(1, True)]


@pytest.mark.parametrize(
    "wrong",
    [["--not-before", "noon"], ["--not-before", "2001-01-01"], ["--set", "train_batch_size=0"]],
)
def test_what_is_wrong_is_found_before_anything_is_queued(queue_here, demo: Workspace, wrong: list[str]) -> None:
    assert queue_here("add", demo.root / "hifumi.toml", *wrong).returncode == 2
    assert _line(demo) == []


def test_of_several_files_none_is_queued_where_one_is_wrong(queue_here, demo: Workspace) -> None:
    (demo.root / "wrong.toml").write_text("unet_lr = -1\n")
    assert queue_here("add", demo.root / "hifumi.toml", demo.root / "wrong.toml").returncode == 2
    assert _line(demo) == []


def test_the_queue_is_worked_through_past_a_bake_that_fails(
    queue, queue_here, demo: Workspace, short: list[str]
) -> None:
    for _ in range(3):
        queue_here("add", demo.root / "hifumi.toml", *short)
    folder = demo.bakes / "0002-hifumi"
    folder.write_text("a file where the bake's folder should be")
    ran = queue("run")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert [bake.state for bake in _bakes(demo).values()] == [BakeState.DONE, BakeState.FAILED, BakeState.DONE]
    assert "nothing to do" in queue("run").stdout


@pytest.mark.long
def test_a_failure_holds_those_behind_it_where_that_was_asked(
    queue, queue_here, demo: Workspace, short: list[str]
) -> None:
    queue_here("add", demo.root / "hifumi.toml", "--if-fails", "hold", *short)
    queue_here("add", demo.root / "hifumi.toml", *short)
    (demo.bakes / "0001-hifumi").write_text("in the way")
    assert queue("run").returncode == 1
    second = _bakes(demo)[2]
    assert (second.state, second.held) == (BakeState.QUEUED, True)


@pytest.mark.long
def test_a_bake_added_while_the_queue_is_worked_on_is_taken_by_it(queue, demo: Workspace, short: list[str]) -> None:
    long = ["--set", "max_train_epochs=", "--set", "max_train_steps=400", "--set", "validation_data_dir="]
    queue("add", demo.root / "hifumi.toml", *long)
    worker = Program([sys.executable, "-m", "lora_tui", "queue", "run"], cwd=demo.root, env=dict(os.environ))
    try:
        _until(lambda: _bakes(demo)[1].state is BakeState.BAKING)
        added = queue("add", demo.root / "hifumi.toml", *short)
        assert "nothing is processing" not in added.stdout
        assert "baking, ends" in queue().stdout
        with Journal(demo.journal_path) as journal:
            from trainer.journal.records import Order

            journal.orders.give(1, Order.STOP)
        told, _ = worker.communicate(timeout=120)
    finally:
        worker.kill()
    assert _bakes(demo)[2].state is BakeState.DONE, told


@pytest.mark.long
def test_bakes_of_a_killed_worker_are_taken_over(queue, demo: Workspace, short: list[str]) -> None:
    for _ in range(2):
        queue("add", demo.root / "hifumi.toml", *short)
    with acquire_card(
        device_key(), CardHolder("a test", os.getpid(), "/elsewhere", "7 other", time.time())
    ) or pytest.fail("held"):
        worker = Program([sys.executable, "-m", "lora_tui", "queue", "run"], cwd=demo.root, env=dict(os.environ))
        _until(lambda: _bakes(demo)[1].engine != "")
        assert json.loads(queue("--json").stdout)["waiting"][0]["orphaned"] is False
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert json.loads(queue("--json").stdout)["waiting"][0]["orphaned"] is True
    assert queue("run").returncode == 0
    assert [bake.state for bake in _bakes(demo).values()] == [BakeState.DONE, BakeState.DONE]


@pytest.mark.long
def test_a_held_card_is_waited_for_or_named(lora_tui, demo: Workspace, short: list[str]) -> None:
    settings = demo.root / "hifumi.toml"
    claim = CardHolder("a test", os.getpid(), "/elsewhere", "7 other", time.time())
    held = acquire_card(device_key(), claim)
    assert held is not None
    refused = lora_tui("bake", settings, "--no-wait", *short)
    assert refused.returncode == 4
    assert f"in use by a test bake 7 other in /elsewhere (pid {os.getpid()}, since " in refused.stderr
    assert _bakes(demo) == {}
    waiting = Program([sys.executable, "-m", "lora_tui", "bake", str(settings), *short], env=dict(os.environ))
    try:
        _until(lambda: _bakes(demo) and any("is waiting for the GPU" in line for line in _log(demo)))
        assert _bakes(demo)[1].state is BakeState.QUEUED
        held.release()
        told, _ = waiting.communicate(timeout=120)
    finally:
        waiting.kill()
    assert waiting.returncode == 0, told
    assert "7 other in /elsewhere" in told


def test_a_time_of_day_is_the_next_one_to_come() -> None:
    now = datetime(2026, 3, 1, 21, 0)
    assert parse_time("22:30", now) == datetime(2026, 3, 1, 22, 30).timestamp()
    assert parse_time("06:00", now) == datetime(2026, 3, 2, 6, 0).timestamp()
    assert parse_time("21:00", now) == datetime(2026, 3, 2, 21, 0).timestamp()
    assert parse_time("2026-03-01T23:00", now) == datetime(2026, 3, 1, 23, 0).timestamp()
    with pytest.raises(SettingsError, match="has passed"):
        parse_time("2026-03-01 20:00", now)


def _log(demo: Workspace) -> list[str]:
    with Journal(demo.journal_path) as journal:
        return [line.text for line in journal.log.read(0)]


def _until(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_bake_given_minutes_is_queued_without_a_number_of_steps(queue_here, demo: Workspace) -> None:
    assert queue_here("add", demo.root / "hifumi.toml", "--set", "train_minutes=40").returncode == 0
    bake = _bakes(demo)[1]
    assert (bake.total_steps, bake.planned_seconds) == (0, 2400.0)
    changed = queue_here("change", "1", "train_minutes=30")
    assert changed.stdout.strip() == "changed bake 1: train_minutes=30; steps from a measurement at the start"
    assert _bakes(demo)[1].planned_seconds == 1800.0
    assert queue_here("change", "1", "train_minutes=", "max_train_epochs=2").stdout.strip().endswith("; 80 steps")
    assert _bakes(demo)[1].planned_seconds is None
