"""A bake whose resumption fails before it continues is what it was before."""

import re
import sqlite3
from collections.abc import Callable

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Stage
from trainer.journal.schema import _UPGRADES

Queue = Callable[..., Bake]
ENDS = [BakeState.LOST, BakeState.STOPPED, BakeState.FAILED, BakeState.PARKED]


def ended(journal: Journal, queue: Queue, state: BakeState) -> Bake:
    """Return a bake that ran and ended."""
    queue()
    journal.queue.claim("engine", 42, 1000.0)
    journal.bakes.set_state(1, BakeState.BAKING)
    journal.bakes.set_stage(1, Stage.STEP, 7, 240)
    journal.bakes.set_state(1, state, "its process died")
    return journal.bakes.read(1)


def begin_again(journal: Journal) -> None:
    """Do what is done to the row of a bake that is resumed, as far as its first step."""
    journal.queue.requeue(1, "another engine")
    assert journal.queue.claim("another engine", 43, 2000.0) is not None
    journal.bakes.set_device(1, "cpu")
    journal.bakes.set_stage(1, Stage.CACHE, 3, 9)
    journal.bakes.set_plan(1, 99, 33)


def as_it_ended(bake: Bake, now: Bake) -> bool:
    # Its engine and its place among those that wait mean nothing once it has ended.
    return {**vars(bake), "engine": "", "place": 0} == {**vars(now), "engine": "", "place": 0}


@pytest.mark.parametrize("state", ENDS)
def test_an_attempt_that_fails_before_the_bake_continues_leaves_it_as_it_was(
    journal: Journal, queue: Queue, state: BakeState
) -> None:
    before = ended(journal, queue, state)
    for _ in range(2):
        begin_again(journal)
        journal.queue.give_up(1, "base model /gone: no such file")
        assert as_it_ended(before, journal.bakes.read(1))
    assert f"it is {state}, as before" in journal.log.read(bake=1)[-1].text


def test_a_bake_that_continued_and_then_fails_has_failed(journal: Journal, queue: Queue) -> None:
    ended(journal, queue, BakeState.LOST)
    begin_again(journal)
    journal.bakes.set_state(1, BakeState.BAKING)
    journal.queue.give_up(1, "the disk is on fire")
    bake = journal.bakes.read(1)
    assert (bake.state, bake.error, bake.attempt) == (BakeState.FAILED, "the disk is on fire", 2)


def test_a_bake_that_never_ran_and_fails_has_failed(journal: Journal, queue: Queue) -> None:
    queue()
    journal.queue.claim("engine", 42, 1000.0)
    journal.queue.give_up(1, "base model /gone: no such file")
    assert journal.bakes.read(1).state is BakeState.FAILED


def test_a_resumption_taken_out_of_the_queue_leaves_the_bake_as_it_was(journal: Journal, queue: Queue) -> None:
    before = ended(journal, queue, BakeState.PARKED)
    journal.queue.requeue(1, "another engine")
    journal.queue.remove(1)
    assert as_it_ended(before, journal.bakes.read(1))


def test_a_bake_killed_while_it_was_resumed_is_lost(journal: Journal, queue: Queue) -> None:
    ended(journal, queue, BakeState.STOPPED)
    begin_again(journal)
    assert journal.bakes.mark_lost(lambda pid, started: False) == [1]
    journal.queue.give_up(1, "too late")
    assert journal.bakes.read(1).state is BakeState.FAILED


@pytest.mark.parametrize("columns", ["", "{}", "[1]", b"\xff", '{"state": "lost"}'])
def test_a_damaged_note_of_what_it_was_is_one_of_nothing(journal: Journal, queue: Queue, columns: object) -> None:
    ended(journal, queue, BakeState.LOST)
    begin_again(journal)
    with sqlite3.connect(journal.path) as connection:
        connection.execute("UPDATE before_resume SET columns = ?", (columns,))
    journal.queue.give_up(1, "no")
    assert journal.bakes.read(1).state is BakeState.FAILED


def test_a_journal_of_the_first_version_learns_to_keep_it(journal: Journal, queue: Queue) -> None:
    before = ended(journal, queue, BakeState.LOST)
    journal.close()
    with sqlite3.connect(journal.path) as connection:
        # What later versions brought is taken away again, the last first.
        for statement in reversed([each for version in sorted(_UPGRADES) for each in _UPGRADES[version]]):
            if made := re.search(r"CREATE (TABLE|TRIGGER|INDEX) (\w+)", statement):
                connection.execute(f"DROP {made[1]} IF EXISTS {made[2]}")
            elif added := re.search(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", statement):
                connection.execute(f"ALTER TABLE {added[1]} DROP COLUMN {added[2]}")
        connection.execute("PRAGMA user_version = 1")
    with Journal(journal.path) as again:
        begin_again(again)
        again.queue.give_up(1, "no")
        assert as_it_ended(before, again.bakes.read(1))
