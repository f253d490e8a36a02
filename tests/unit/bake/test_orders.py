import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from trainer.bake.orders import ChangeSetting, EndBake, MakeGrid, Orders, PauseBake, SaveNow
from trainer.bake.reporter import Reporter
from trainer.journal.grid_records import GridState
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Order


class Obeyer:
    """Stands in for the training loop: obeys, and keeps what it was ordered."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.done: list[str] = []
        self.has_stepped = True
        self.while_making: Callable[[], object] = lambda: None

    def obey(self, *, ends_epoch: bool = False) -> BakeState | None:
        for order in self.orders.take(BakeState.BAKING, step=7, ends_epoch=ends_epoch):
            match order:
                case SaveNow():
                    self.done.append("saved")
                case PauseBake():
                    self.done.append("ready for a pause")
                case ChangeSetting("wrong=1"):
                    self.orders.refuse("wrong: 1")
                case ChangeSetting(assignment):
                    self.done.append(assignment)
                case MakeGrid() if not self.has_stepped:
                    self.orders.postpone()
                case MakeGrid(number):
                    self.done.append(f"grid {number}")
                    self.while_making()
                    self.orders.refuse("" if number != "9" else "it broke")
                case EndBake(state):
                    return state
        return None


@pytest.fixture
def number(runner: Any, make_settings: Any) -> int:
    return int(runner.queue(make_settings()).number)


@pytest.fixture
def loop(runner: Any, number: int) -> Obeyer:
    return Obeyer(Orders(Reporter(runner.journal, number)))


@pytest.fixture
def other(runner: Any) -> Iterator[Journal]:
    """A second connection, as a screen or another program has."""
    with Journal(runner.journal.path) as journal:
        yield journal


def test_without_orders_the_bake_continues(loop: Obeyer) -> None:
    assert loop.obey() is None
    assert loop.obey() is None


def test_an_order_given_before_the_first_look_is_seen(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.STOP)
    assert loop.obey() is BakeState.STOPPED


def test_save_is_obeyed_once_and_marked(loop: Obeyer, other: Journal, number: int) -> None:
    loop.obey()
    other.orders.give(number, Order.SAVE)
    assert loop.obey() is None
    assert loop.obey() is None
    assert loop.done == ["saved"]
    assert other.orders.pending(number) == []
    assert [line.text for line in other.log.read(bake=number)] == ["order: save"]


def test_an_order_stands_in_the_log_above_what_came_of_it(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.GRID, "3")
    other.orders.give(number, Order.SET, "wrong=1")
    loop.while_making = lambda: other.log.write("12 of 12 pictures", bake=number)
    loop.has_stepped = False
    loop.obey()
    loop.has_stepped = True
    assert loop.obey() is None
    assert [line.text for line in other.log.read(bake=number)] == [
        "order: grid 3",
        "order: set wrong=1",
        "order refused: set wrong=1: wrong: 1",
        "12 of 12 pictures",
    ]


def test_orders_are_read_only_where_somebody_wrote(
    loop: Obeyer, other: Journal, number: int, runner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    open_orders = runner.journal.orders.pending

    def counted(bake: int) -> Any:
        read.append(bake)
        return open_orders(bake)

    monkeypatch.setattr(runner.journal.orders, "pending", counted)
    for _ in range(3):
        loop.obey()
    other.log.write("something")
    loop.obey()
    assert len(read) == 2


def test_orders_to_other_bakes_are_left_alone(
    loop: Obeyer, other: Journal, number: int, runner: Any, make_settings: Any
) -> None:
    another = runner.queue(make_settings()).number
    other.orders.give(another, Order.STOP)
    assert loop.obey() is None
    assert len(other.orders.pending(another)) == 1


def test_a_pause_lasts_until_going_on(loop: Obeyer, other: Journal, number: int, runner: Any) -> None:
    other.orders.give(number, Order.PAUSE)
    seen: list[BakeState] = []

    def let_go() -> None:
        with Journal(runner.journal.path) as journal:
            while journal.bakes.read(number).state is not BakeState.PAUSED:
                time.sleep(0.01)
            seen.append(journal.bakes.read(number).state)
            journal.orders.give(number, Order.SAVE)
            journal.orders.give(number, Order.RESUME)

    letting_go = threading.Thread(target=let_go)
    letting_go.start()
    assert loop.obey() is None
    letting_go.join()
    assert seen == [BakeState.PAUSED]
    assert runner.journal.bakes.read(number).state is BakeState.BAKING
    assert loop.done == ["ready for a pause", "saved"]


def test_a_paused_bake_can_be_stopped(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.PAUSE)
    other.orders.give(number, Order.STOP)
    assert loop.obey() is BakeState.STOPPED


def test_going_on_without_a_pause_changes_nothing(loop: Obeyer, other: Journal, number: int, runner: Any) -> None:
    other.orders.give(number, Order.RESUME)
    assert loop.obey() is None
    assert runner.journal.bakes.read(number).state is BakeState.STARTING


def test_freeing_the_card_parks_the_bake(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.PAUSE)
    other.orders.give(number, Order.FREE)
    assert loop.obey() is BakeState.PARKED


def test_a_stop_at_the_epoch_waits_for_its_end(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.STOP_AT_EPOCH)
    assert loop.obey() is None
    assert loop.obey() is None
    assert loop.obey(ends_epoch=True) is BakeState.STOPPED


def test_a_change_is_marked_at_its_step_and_a_wrong_one_is_answered(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.SET, "unet_lr=1e-5")
    other.orders.give(number, Order.SET, "wrong=1")
    assert loop.obey() is None
    assert loop.done == ["unet_lr=1e-5"]
    assert [given.answer for given in other.orders.read(number)] == ["", "wrong: 1"]
    assert [(mark.step, mark.kind, mark.text) for mark in other.results.marks(number)] == [(7, "set", "unet_lr=1e-5")]


def a_grid(journal: Journal, number: int) -> str:
    """Ask the bake for a grid as the screen does; return its number."""
    grid = journal.grids.add(name="g", spec="{}", bake=number).number
    journal.orders.give(number, Order.GRID, str(grid))
    return str(grid)


def test_a_grid_is_made_once_and_marked_at_its_step(loop: Obeyer, other: Journal, number: int) -> None:
    grid = a_grid(other, number)
    assert loop.obey() is None
    assert loop.obey() is None
    assert loop.done == [f"grid {grid}"]
    assert [(mark.step, mark.text) for mark in other.results.marks(number)] == [(7, f"grid {grid}")]


def test_a_grid_that_broke_is_answered_and_the_bake_continues(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.GRID, "9")
    assert loop.obey() is None
    assert [given.answer for given in other.orders.read(number)] == ["it broke"]


def test_an_order_to_a_grid_while_it_was_made_is_not_obeyed_twice(loop: Obeyer, other: Journal, number: int) -> None:
    a_grid(other, number)

    def hear() -> None:
        other.orders.mark_obeyed(other.orders.give(number, Order.CANCEL_GRID))
        other.orders.give(number, Order.SAVE)

    loop.while_making = hear
    assert loop.obey() is None
    assert loop.done[1:] == ["saved"]
    assert [given.answer for given in other.orders.read(number)] == ["", "", ""]


def test_a_grid_ordered_before_the_first_step_waits_for_it(loop: Obeyer, other: Journal, number: int) -> None:
    loop.has_stepped = False
    grid = a_grid(other, number)
    assert loop.obey() is None
    assert len(other.orders.pending(number)) == 1
    loop.has_stepped = True
    assert loop.obey() is None
    assert loop.done == [f"grid {grid}"]


def test_a_grid_that_waits_can_be_cancelled(loop: Obeyer, other: Journal, number: int) -> None:
    loop.has_stepped = False
    grid = a_grid(other, number)
    loop.obey()
    other.orders.give(number, Order.CANCEL_GRID)
    loop.obey()
    loop.has_stepped = True
    assert loop.obey() is None
    assert loop.done == []
    assert other.grids.read(int(grid)).state is GridState.CUT


def test_a_grid_that_is_cancelled_before_both_orders_are_read_is_not_made(
    loop: Obeyer, other: Journal, number: int
) -> None:
    cancelled = a_grid(other, number)
    other.orders.give(number, Order.SAVE)
    other.orders.give(number, Order.CANCEL_GRID)
    later = a_grid(other, number)
    assert loop.obey() is None
    assert loop.done == ["saved", f"grid {later}"]
    assert other.grids.read(int(cancelled)).state is GridState.CUT
    assert [given.answer for given in other.orders.read(number)] == ["cancelled before it started", "", "", ""]


def test_a_grid_is_not_cut_by_an_older_cancellation(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.CANCEL_GRID)
    grid = a_grid(other, number)
    assert loop.obey() is None
    assert loop.done == [f"grid {grid}"]
    assert [given.answer for given in other.orders.read(number)] == ["no grid is being made", ""]


def test_orders_about_a_grid_are_refused_where_none_is_made(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.CANCEL_GRID)
    other.orders.give(number, Order.DROP_EPOCH, "3")
    assert loop.obey() is None
    assert [given.answer for given in other.orders.read(number)] == ["no grid is being made"] * 2


def test_a_grid_the_bake_never_came_to_is_cut_at_its_end(loop: Obeyer, other: Journal, number: int) -> None:
    other.orders.give(number, Order.STOP)
    grid = a_grid(other, number)
    assert loop.obey() is BakeState.STOPPED
    loop.orders.close()
    assert other.grids.read(int(grid)).state is GridState.CUT
    assert other.orders.pending(number) == []
