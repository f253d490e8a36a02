from collections.abc import Callable

import pytest

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, Order

Queue = Callable[..., Bake]


def test_open_orders_come_oldest_first_and_only_of_the_bake(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    journal.orders.give(1, Order.PAUSE)
    journal.orders.give(2, Order.STOP)
    journal.orders.give(1, Order.RESUME)
    assert [given.order for given in journal.orders.pending(1)] == [Order.PAUSE, Order.RESUME]


def test_an_obeyed_order_is_no_longer_open_but_is_kept(journal: Journal, queue: Queue) -> None:
    queue()
    order_id = journal.orders.give(1, Order.SAVE)
    journal.orders.mark_obeyed(order_id)
    first = journal.orders.read(1)[0].obeyed
    journal.orders.mark_obeyed(order_id)
    assert journal.orders.pending(1) == []
    assert first is not None
    assert journal.orders.read(1)[0].obeyed == first


def test_an_order_to_no_bake_is_refused(journal: Journal) -> None:
    with pytest.raises(WorkspaceError):
        journal.orders.give(9, Order.STOP)


def test_an_order_of_another_program_changes_the_data_version(journal: Journal, queue: Queue) -> None:
    queue()
    before = journal.data_version()
    journal.orders.pending(1)
    journal.orders.give(1, Order.PAUSE)
    assert journal.data_version() == before  # reading and one's own writing do not
    with Journal(journal.path) as other:
        other.orders.give(1, Order.STOP)
    assert journal.data_version() != before


def test_an_order_is_kept_with_its_argument_and_its_answer(journal: Journal, queue: Queue) -> None:
    queue()
    first = journal.orders.give(1, Order.SET, "unet_lr=5e-5")
    journal.orders.give(1, Order.STOP)
    assert [given.argument for given in journal.orders.pending(1)] == ["unet_lr=5e-5", ""]
    journal.orders.mark_obeyed(first, "unet_lr is no live setting")
    journal.orders.mark_obeyed(first, "a later word")
    assert [given.answer for given in journal.orders.read(1)] == ["unet_lr is no live setting", ""]
