from collections.abc import Callable

import pytest

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, NewBake, Order, Stage

Queue = Callable[..., Bake]


def waiting(journal: Journal) -> list[int]:
    return [bake.number for bake in journal.queue.waiting()]


def claim(journal: Journal, engine: str = "engine", now: float | None = None) -> int | None:
    bake = journal.queue.claim(engine, 42, 1000.0, now)
    return None if bake is None else bake.number


def test_the_queue_has_the_waiting_bakes_of_every_engine_in_their_order(journal: Journal, queue: Queue) -> None:
    queue(), queue(engine="other"), queue(), queue()
    claim(journal)
    assert waiting(journal) == [2, 3, 4]


@pytest.mark.parametrize(
    ("before", "order"),
    [(1, [4, 1, 2, 3]), (2, [1, 4, 2, 3]), (3, [1, 2, 4, 3]), (4, [1, 2, 3, 4]), (None, [1, 2, 3, 4])],
)
def test_a_bake_is_moved_before_another(journal: Journal, queue: Queue, before: int | None, order: list[int]) -> None:
    for _ in range(4):
        queue()
    journal.queue.move(4, before)
    assert waiting(journal) == order
    assert claim(journal) == order[0]


def test_a_bake_is_moved_to_the_end_and_the_next_one_queued_stands_behind_it(journal: Journal, queue: Queue) -> None:
    for _ in range(3):
        queue()
    journal.queue.move(1, None)
    queue()
    assert waiting(journal) == [2, 3, 1, 4]


def test_any_number_of_moves_keeps_every_bake_in_line(journal: Journal, queue: Queue) -> None:
    for _ in range(3):
        queue()
    # Halving the space between two neighbours would run out of numbers after some fifty.
    for _ in range(70):
        journal.queue.move(waiting(journal)[2], waiting(journal)[1])
    first, second, third = waiting(journal)
    assert first == 1
    journal.queue.move(third, second)
    assert waiting(journal) == [1, third, second]


def test_a_held_bake_is_passed_over_until_it_is_released(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    journal.queue.set_held(1, True)
    assert claim(journal) == 2
    assert claim(journal) is None
    journal.queue.set_held(1, False)
    assert claim(journal) == 1


def test_a_bake_does_not_start_before_its_time(journal: Journal, queue: Queue) -> None:
    queue(not_before=5000.0), queue()
    assert claim(journal, now=4999.0) == 2
    assert claim(journal, now=4999.0) is None
    assert claim(journal, now=5000.0) == 1


def test_the_conditions_of_a_bake_are_kept_from_the_start(journal: Journal) -> None:
    bake = journal.bakes.add(
        NewBake(
            name="x",
            why="",
            settings_toml="",
            engine="engine",
            total_steps=1,
            steps_per_epoch=1,
            not_before=9e9,
            held=True,
            on_failure="hold",
            starts_from="bakes/0001-x/state/e000003",
            planned_seconds=3600.0,
        )
    )
    assert (bake.not_before, bake.held, bake.on_failure, bake.attempt) == (9e9, True, "hold", 1)
    assert (bake.starts_from, bake.planned_seconds) == ("bakes/0001-x/state/e000003", 3600.0)
    assert journal.bakes.read(bake.number) == bake
    assert claim(journal) is None


def test_a_bake_taken_out_of_the_queue_is_stopped_and_says_so(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    journal.queue.remove(1)
    bake = journal.bakes.read(1)
    assert (bake.state, bake.error) == (BakeState.STOPPED, "removed from the queue")
    assert bake.ended is not None and bake.started is None
    assert waiting(journal) == [2]


def test_what_does_not_wait_is_not_touched(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    claim(journal)
    for change in (
        lambda: journal.queue.move(1, None),
        lambda: journal.queue.move(2, 1),
        lambda: journal.queue.remove(1),
        lambda: journal.queue.set_held(1, True),
    ):
        with pytest.raises(WorkspaceError, match="bake 1 is starting"):
            change()
    with pytest.raises(WorkspaceError, match="no bake 9"):
        journal.queue.remove(9)
    assert journal.bakes.read(1).state is BakeState.STARTING


def test_bakes_of_an_engine_that_is_gone_are_taken_over_by_another(journal: Journal, queue: Queue) -> None:
    queue(engine="gone"), queue(engine="gone"), queue(engine="gone")
    claim(journal, "gone")
    assert journal.queue.take_over([1, 2, 3], "mine") == [2, 3]
    assert (claim(journal, "mine"), claim(journal, "mine"), claim(journal, "mine")) == (2, 3, None)
    assert journal.bakes.read(1).engine == "gone"


def test_the_bakes_after_a_failed_one_are_held_and_those_of_other_engines_are_not(
    journal: Journal, queue: Queue
) -> None:
    queue(), queue(), queue(engine="other"), queue()
    claim(journal)
    # In front of the one at work by its place, and behind it all the same.
    journal.queue.move(4, 2)
    assert journal.queue.hold_following(1) == [2, 4]
    assert claim(journal) is None
    assert claim(journal, "other") == 3


@pytest.mark.parametrize("state", [BakeState.PARKED, BakeState.LOST, BakeState.FAILED, BakeState.STOPPED])
def test_a_resumed_bake_comes_first_with_another_attempt(journal: Journal, queue: Queue, state: BakeState) -> None:
    queue(), queue(), queue()
    claim(journal)
    journal.bakes.set_stage(1, Stage.STEP, 3, 240)
    journal.bakes.set_state(1, state, "broke")
    again = journal.queue.requeue(1, "second")
    assert (again.state, again.attempt, again.engine) == (BakeState.QUEUED, 2, "second")
    assert (again.error, again.ended, again.stage) == ("", None, None)
    assert waiting(journal) == [1, 2, 3]
    assert claim(journal, "second") == 1


def test_a_resumed_bake_waits_for_nothing_it_once_waited_for(journal: Journal, queue: Queue) -> None:
    queue(not_before=9e9)
    journal.queue.set_held(1, True)
    journal.queue.remove(1)
    journal.queue.requeue(1, "engine")
    assert claim(journal) == 1


def test_orders_the_bake_never_saw_are_answered_when_it_is_resumed(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    claim(journal)
    journal.orders.mark_obeyed(journal.orders.give(1, Order.SAVE))
    journal.orders.give(1, Order.STOP)
    journal.orders.give(2, Order.PAUSE)
    journal.bakes.set_state(1, BakeState.LOST)
    journal.queue.requeue(1, "engine")
    assert journal.orders.pending(1) == []
    assert [given.answer for given in journal.orders.read(1)] == ["", "the bake had already ended"]
    assert len(journal.orders.pending(2)) == 1


@pytest.mark.parametrize("state", [BakeState.STARTING, BakeState.BAKING, BakeState.PAUSED, BakeState.QUEUED])
def test_a_bake_that_runs_or_waits_is_not_queued_again(journal: Journal, queue: Queue, state: BakeState) -> None:
    queue()
    journal.bakes.set_state(1, state)
    with pytest.raises(WorkspaceError, match=f"bake 1 is {state}"):
        journal.queue.requeue(1, "engine")
    assert journal.bakes.read(1).attempt == 1


def test_a_parked_bake_is_neither_live_nor_ended(journal: Journal, queue: Queue) -> None:
    queue()
    claim(journal)
    journal.bakes.set_state(1, BakeState.PARKED)
    assert journal.bakes.read(1).ended is None
    assert journal.bakes.mark_lost(lambda pid, started: False) == []
