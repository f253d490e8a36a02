"""What a grid at work hears: in a bake, and as a job of its own."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from trainer.bake.pictures.grid_orders import GridControl, JobControl
from trainer.bake.reporter import Reporter
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Order


@pytest.fixture
def number(runner: Any, make_settings: Any) -> int:
    return int(runner.queue(make_settings()).number)


@pytest.fixture
def report(runner: Any, number: int) -> Reporter:
    return Reporter(runner.journal, number)


@pytest.fixture
def other(runner: Any) -> Iterator[Journal]:
    """A second connection, as a screen or another program has."""
    with Journal(runner.journal.path) as journal:
        yield journal


def test_without_orders_nothing_ends(report: Reporter) -> None:
    for control in (GridControl(report), JobControl(report)):
        assert not control.stop()
        assert not control.dropped()


def test_in_a_bake_a_cancelled_grid_ends_and_a_dropped_epoch_is_left_out(
    report: Reporter, other: Journal, number: int
) -> None:
    control = GridControl(report)
    other.orders.give(number, Order.DROP_EPOCH, "42:3")
    assert not control.stop()
    assert set(control.dropped()) == {"42:3"}
    other.orders.give(number, Order.CANCEL_GRID)
    assert control.stop()
    assert other.orders.pending(number) == []


@pytest.mark.parametrize("order", [Order.STOP, Order.FREE])
def test_in_a_bake_an_order_to_end_it_ends_the_grid_and_is_left_to_the_bake(
    report: Reporter, other: Journal, number: int, order: Order
) -> None:
    control = GridControl(report)
    other.orders.give(number, order)
    assert control.stop()
    assert [given.order for given in other.orders.pending(number)] == [order]


def test_in_a_bake_other_orders_wait_for_it(report: Reporter, other: Journal, number: int) -> None:
    control = GridControl(report)
    for order in (Order.SAVE, Order.PAUSE, Order.STOP_AT_EPOCH):
        other.orders.give(number, order)
    assert not control.stop()
    assert len(other.orders.pending(number)) == 3


@pytest.mark.parametrize(
    ("order", "end"),
    [(Order.STOP, BakeState.STOPPED), (Order.CANCEL_GRID, BakeState.STOPPED), (Order.FREE, BakeState.PARKED)],
)
def test_a_job_ends_as_ordered(report: Reporter, other: Journal, number: int, order: Order, end: BakeState) -> None:
    control = JobControl(report)
    other.orders.give(number, order)
    assert control.stop()
    assert control.end is end
    assert other.orders.pending(number) == []


def test_a_job_refuses_what_only_a_bake_can_do(report: Reporter, other: Journal, number: int) -> None:
    control = JobControl(report)
    other.orders.give(number, Order.SAVE)
    assert not control.stop()
    assert [given.answer for given in other.orders.read(number)] == ["this job only makes a grid"]


def test_a_paused_job_waits_until_it_is_resumed(report: Reporter, other: Journal, number: int, runner: Any) -> None:
    control = JobControl(report)
    other.orders.give(number, Order.PAUSE)

    def let_go() -> None:
        with Journal(runner.journal.path) as journal:
            while journal.bakes.read(number).state is not BakeState.PAUSED:
                time.sleep(0.01)
            journal.orders.give(number, Order.RESUME)

    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    assert not control.stop()
    letting_go.join()
    assert other.bakes.read(number).state is BakeState.BAKING


def test_a_paused_job_can_be_stopped(report: Reporter, other: Journal, number: int) -> None:
    control = JobControl(report)
    other.orders.give(number, Order.PAUSE)
    other.orders.give(number, Order.STOP)
    assert control.stop()
