import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.processes import process_alive, this_process
from trainer.journal.records import Bake, BakeState, NewBake, Stage
from trainer.machine.engines import register_engine

Queue = Callable[..., Bake]


def test_a_new_bake_is_queued_under_the_next_number_and_its_folder_is_named_by_it(queue: Queue) -> None:
    queue()
    bake = queue("school", parent=1)
    assert (bake.number, bake.folder, bake.state, bake.parent) == (2, "bakes/0002-school", BakeState.QUEUED, 1)


def test_a_bake_is_read_as_it_was_written(journal: Journal) -> None:
    written = journal.bakes.add(
        NewBake(
            name="[b]ö",
            why='"TE" a bit over; \x1b[31m',
            settings_toml="unet_lr = 1e-4\n",
            engine="k",
            total_steps=9,
            steps_per_epoch=3,
        )
    )
    assert journal.bakes.read(1) == written
    assert (written.why, written.settings_toml) == ('"TE" a bit over; \x1b[31m', "unet_lr = 1e-4\n")


def test_bakes_come_newest_first_up_to_the_limit(journal: Journal, queue: Queue) -> None:
    for _ in range(4):
        queue()
    assert [bake.number for bake in journal.bakes.latest(limit=3)] == [4, 3, 2]


def test_a_bake_that_is_not_there_is_named(journal: Journal) -> None:
    for ask in (
        lambda: journal.bakes.read(7),
        lambda: journal.bakes.set_stage(7, Stage.LOAD),
        lambda: journal.bakes.set_state(7, BakeState.DONE),
    ):
        with pytest.raises(WorkspaceError, match="no bake 7; `lora-tui bakes` lists them"):
            ask()


def test_a_parent_that_is_not_there_is_refused_and_nothing_is_written(journal: Journal, queue: Queue) -> None:
    with pytest.raises(WorkspaceError):
        queue(parent=12)
    assert journal.bakes.latest() == []


def test_an_engine_claims_the_oldest_of_its_own_queued_bakes(journal: Journal, queue: Queue) -> None:
    queue(engine="other")
    queue(engine="mine")
    queue(engine="mine")
    claimed = journal.queue.claim("mine", 42, 1000.0)
    assert claimed is not None
    assert (claimed.number, claimed.state, claimed.pid, claimed.pid_started) == (2, BakeState.STARTING, 42, 1000.0)
    assert claimed.started is not None


def test_an_engine_without_queued_bakes_claims_none(journal: Journal, queue: Queue) -> None:
    queue(engine="other")
    assert journal.queue.claim("mine", 42, 1000.0) is None


def test_no_bake_is_claimed_twice(journal: Journal, queue: Queue) -> None:
    for _ in range(24):
        queue()
    claimed: list[int] = []

    def claim_all() -> None:
        with Journal(journal.path) as mine:
            while (bake := mine.queue.claim("engine", os.getpid(), 0.0)) is not None:
                claimed.append(bake.number)

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == list(range(1, 25))


def test_the_time_of_the_start_outlives_a_pause_and_the_end_is_set_once_it_ended(
    journal: Journal, queue: Queue
) -> None:
    queue()
    started = journal.queue.claim("engine", 1, 0.0).started  # type: ignore[union-attr] # just queued
    for state in (BakeState.BAKING, BakeState.PAUSED, BakeState.BAKING):
        journal.bakes.set_state(1, state)
        assert (journal.bakes.read(1).started, journal.bakes.read(1).ended) == (started, None)
    journal.bakes.set_state(1, BakeState.DONE)
    bake = journal.bakes.read(1)
    assert bake.started == started
    assert bake.ended is not None and started is not None and bake.ended >= started


def test_a_failed_bake_keeps_its_error_and_the_stage_it_broke_in(journal: Journal, queue: Queue) -> None:
    queue()
    journal.bakes.set_stage(1, Stage.CACHE, 3, 16)
    journal.bakes.set_state(1, BakeState.FAILED, "stage cache: OSError: gone")
    bake = journal.bakes.read(1)
    assert (bake.stage, bake.stage_done, bake.stage_total, bake.error) == ("cache", 3, 16, "stage cache: OSError: gone")


def test_the_plan_in_force_can_change(journal: Journal, queue: Queue) -> None:
    queue()
    journal.bakes.set_plan(1, 480, 80)
    assert (journal.bakes.read(1).total_steps, journal.bakes.read(1).steps_per_epoch) == (480, 80)


def test_the_peak_only_rises(journal: Journal, queue: Queue) -> None:
    queue()
    assert journal.bakes.read(1).peak_vram is None
    for peak in (3, 5, 4):
        journal.bakes.set_peak(1, peak)
    assert journal.bakes.read(1).peak_vram == 5


def test_what_was_held_only_rises_too_and_a_prediction_is_the_last_one(journal: Journal, queue: Queue) -> None:
    queue()
    for held, predicted in ((4, 6), (3, 5)):
        journal.bakes.set_peak_allocated(1, held)
        journal.bakes.set_predicted_peak(1, predicted, f'{{"weights": {predicted}}}')
    bake = journal.bakes.read(1)
    assert (bake.measured_peak_allocated, bake.predicted_peak, bake.predicted_peak_parts) == (4, 5, '{"weights": 5}')


def test_the_peak_to_compare_with_is_the_cards_and_without_one_the_growth_of_the_process(
    journal: Journal, queue: Queue
) -> None:
    queue()
    assert journal.bakes.read(1).measured_peak is None
    journal.bakes.set_peak_allocated(1, 4)
    assert journal.bakes.read(1).measured_peak == 4
    journal.bakes.set_peak(1, 5)
    assert journal.bakes.read(1).measured_peak == 5


def test_live_bakes_without_their_process_are_lost_and_the_others_stay(journal: Journal, queue: Queue) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    born = psutil.Process(child.pid).create_time()
    for engine in ("child", "mine", "child"):
        queue(engine=engine)
    journal.queue.claim("child", child.pid, born)
    journal.queue.claim("mine", *this_process())
    assert journal.bakes.mark_lost() == []
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert journal.bakes.mark_lost() == [1]
    states = [bake.state for bake in journal.bakes.latest()]
    assert states == [BakeState.QUEUED, BakeState.STARTING, BakeState.LOST]
    assert journal.bakes.read(1).ended is not None
    assert "its process died" in journal.log.read(bake=1)[-1].text


def test_in_a_copy_the_bakes_that_run_in_the_original_are_lost(journal: Journal, queue: Queue, tmp_path: Path) -> None:
    queue()
    held = register_engine("engine", tmp_path, takes_queue=True)
    assert held is not None
    journal.queue.claim("engine", *this_process())
    (tmp_path / "copy").mkdir()
    with sqlite3.connect(journal.path) as original, sqlite3.connect(tmp_path / "copy" / "journal.sqlite") as copied:
        original.backup(copied)
    with Journal(tmp_path / "copy" / "journal.sqlite") as copy:
        assert copy.bakes.mark_lost() == [1]
    assert journal.bakes.mark_lost() == []
    # The same folder, reached another way.
    (tmp_path / "link").symlink_to(tmp_path)
    with Journal(tmp_path / "link" / "journal.sqlite") as same:
        assert same.bakes.mark_lost() == []
    held.release()


def test_a_lost_bake_is_marked_once(journal: Journal, queue: Queue) -> None:
    queue()
    journal.queue.claim("engine", 1, 0.0)
    assert journal.bakes.mark_lost(lambda pid, started: False) == [1]
    assert journal.bakes.mark_lost(lambda pid, started: False) == []


def test_a_bake_that_ends_while_its_process_is_looked_for_is_not_lost(journal: Journal, queue: Queue) -> None:
    queue()
    journal.queue.claim("engine", 1, 0.0)

    def ends_meanwhile(pid: int, started: float) -> bool:
        with Journal(journal.path) as other:
            other.bakes.set_state(1, BakeState.DONE)
        return False

    assert journal.bakes.mark_lost(ends_meanwhile) == []
    assert journal.bakes.read(1).state == BakeState.DONE


def test_this_process_is_alive_but_not_under_another_start() -> None:
    pid, started = this_process()
    assert process_alive(pid, started)
    assert not process_alive(pid, started - 60)


def test_a_process_that_ended_and_was_not_waited_for_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    born = psutil.Process(child.pid).create_time()
    child.kill()
    # Waits for the end without reaping: the process stays a zombie.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert not process_alive(child.pid, born)
    finally:
        child.communicate()


def test_the_last_that_ran_is_the_one_started_last_and_never_one_that_waits_or_makes_a_grid(
    journal: Journal, queue: Queue
) -> None:
    assert journal.bakes.last_that_ran() is None
    first, second = queue(), queue()
    assert journal.bakes.last_that_ran() is None
    journal.queue.move(second.number, first.number)
    for number in (second.number, first.number):
        journal.queue.claim("engine", 42, 1000.0)
        journal.bakes.set_state(number, BakeState.DONE)
    grid = journal.grids.add(name="g", spec="{}")
    job = journal.bakes.add(
        NewBake(name="g", settings_toml="", engine="engine", total_steps=1, steps_per_epoch=0, grid=grid.number)
    )
    journal.queue.claim("engine", 42, 1000.0)
    queue()
    last = journal.bakes.last_that_ran()
    assert last is not None and last.number == first.number
    assert [bake.ran for bake in journal.bakes.latest()] == [False, True, True, True]
    assert journal.bakes.read(job.number).ran


def test_neighbours_are_bakes_that_are_still_there(journal: Journal, queue: Queue) -> None:
    queue(), queue(), queue()
    journal.queue.remove(2)
    assert journal.bakes.read(2).withdrawn
    above, below = journal.bakes.neighbour(1, 1), journal.bakes.neighbour(3, -1)
    assert above is not None and below is not None
    assert (above.number, below.number) == (3, 1)
    assert journal.bakes.neighbour(3, 1) is journal.bakes.neighbour(1, -1) is None
