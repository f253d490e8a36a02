import sqlite3
from collections.abc import Callable

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Checkpoint, Mark, MarkKind, NewBake

Queue = Callable[..., Bake]


def begin(journal: Journal) -> int:
    bake = journal.queue.claim("engine", 42, 1000.0)
    assert bake is not None
    return bake.number


def at(journal: Journal, bake: int, **columns: float) -> None:
    """Set a bake's times, which no method gives away."""
    connection = sqlite3.connect(journal.path, isolation_level=None)
    for column, value in columns.items():
        connection.execute(f"UPDATE bake SET {column} = ? WHERE number = ?", (value, bake))
    connection.close()


def test_a_night_is_summed_up_by_how_each_bake_ended(journal: Journal, queue: Queue) -> None:
    for state in (BakeState.DONE, BakeState.FAILED, BakeState.STOPPED, BakeState.LOST):
        queue(state.value)
        journal.bakes.set_state(begin(journal), state)
    queue("at work"), queue("waits")
    begin(journal)
    digest = journal.digests.read(0.0)
    listed = (digest.done, digest.failed, digest.stopped, digest.lost, digest.live, digest.waiting)
    assert [[bake.name for bake in bakes] for bakes in listed] == [
        ["done"],
        ["failed"],
        ["stopped"],
        ["lost"],
        ["at work"],
        ["waits"],
    ]
    assert not digest.empty


def test_what_was_seen_is_not_reported_again(journal: Journal, queue: Queue) -> None:
    queue()
    journal.bakes.set_state(begin(journal), BakeState.DONE)
    journal.log.write("low on disk", level="warning")
    journal.results.add_mark(1, Mark(3, 1000.0, MarkKind.SKIP, ""))
    assert not journal.digests.read(999.0).empty
    assert journal.digests.read(9e9).empty


def test_a_bake_that_only_continues_is_not_news(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    begin(journal)
    digest = journal.digests.read(0.0)
    assert (len(digest.live), len(digest.waiting)) == (1, 1)
    assert digest.empty


def test_warnings_are_in_the_digest_and_plain_lines_are_not(journal: Journal) -> None:
    journal.log.write("saved")
    journal.log.write("the disk is nearly full", level="warning")
    assert [line.text for line in journal.digests.read(0.0).warnings] == ["the disk is nearly full"]


def test_steps_left_out_are_counted_by_bake(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    for step in (3, 4, 5):
        journal.results.add_mark(1, Mark(step, 1000.0 + step, MarkKind.SKIP, ""))
    journal.results.add_mark(2, Mark(9, 1000.0, MarkKind.ROLL_BACK, ""))
    digest = journal.digests.read(1003.5)
    assert digest.skipped == {1: 2}
    assert digest.surprises == ("bake 1 skipped 2 steps: the gradient was NaN or infinite",)
    assert "bake 2 rolled back to an earlier state" in journal.digests.read(0.0).surprises


@pytest.mark.parametrize(("seconds", "surprising"), [(1190.0, False), (1210.0, True)])
def test_a_bake_that_took_twice_its_time_is_a_surprise(
    journal: Journal, queue: Queue, seconds: float, surprising: bool
) -> None:
    queue()
    begin(journal)
    journal.bakes.set_state(1, BakeState.DONE)
    at(journal, 1, planned_seconds=600.0, started=5000.0, ended=5000.0 + seconds)
    assert ("bake 1 hifumi took 20 min, planned: 10 min" in journal.digests.read(0.0).surprises) == surprising


def test_the_line_of_error_is_in_the_digest(journal: Journal, queue: Queue) -> None:
    queue()
    journal.bakes.set_state(begin(journal), BakeState.FAILED, "stage cache: OSError: gone")
    assert journal.digests.read(0.0).surprises == ("bake 1 hifumi failed: stage cache: OSError: gone",)


def test_fewer_files_than_planned_are_in_the_digest(journal: Journal, queue: Queue) -> None:
    queue()
    begin(journal)
    journal.results.add_checkpoint(1, Checkpoint(1, 40, "x", 1, None, None, None, None, 0.0))
    journal.bakes.set_state(1, BakeState.STOPPED)
    assert journal.digests.read(0.0, lambda bake, after: 6).surprises == ("bake 1 hifumi saved 1 of 6 LoRA files",)
    assert journal.digests.read(0.0, lambda bake, after: 1).surprises == ()


def test_a_fork_does_not_lack_the_files_of_its_parent(journal: Journal) -> None:
    state = "bakes/.fork-1.safetensors"
    journal.bakes.add(
        NewBake(
            name="hifumi", settings_toml="", engine="engine", total_steps=240, steps_per_epoch=40, starts_from=state
        )
    )
    begin(journal)
    for step in (80, 90):
        # Where it started, and where it was resumed later.
        journal.results.add_mark(1, Mark(step, 1000.0, MarkKind.RESUME, ""))
    journal.bakes.set_state(1, BakeState.STOPPED)
    digest = journal.digests.read(0.0, lambda bake, after: (240 - after) // 40)
    assert digest.surprises == ("bake 1 hifumi saved 0 of 4 LoRA files",)


def test_a_bake_taken_out_of_the_queue_is_no_surprise(journal: Journal, queue: Queue) -> None:
    queue()
    journal.queue.remove(1)
    digest = journal.digests.read(0.0, lambda bake, after: 6)
    assert (len(digest.withdrawn), digest.stopped, digest.surprises) == (1, (), ())
    assert digest.empty


def test_the_latest_look_stands(journal: Journal) -> None:
    assert journal.digests.last_viewed() is None
    for seconds in (5.0, 9.0, 7.0):
        journal.digests.set_last_viewed(seconds)
    assert journal.digests.last_viewed() == 9.0
