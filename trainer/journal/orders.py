"""The table of orders given to bakes."""

import sqlite3
import time

from trainer.journal.database import Store
from trainer.journal.records import GivenOrder, Order
from trainer.journal.rows import insert


class OrderStore(Store):
    """The orders given to bakes."""

    def give(self, bake: int, order: Order, argument: str = "") -> int:
        """Write an order to `bake` and return its id; the argument of SET is `name=value`."""
        with self._database.writing() as connection:
            values = {"bake": bake, "order": order, "given": time.time(), "argument": argument}
            return insert(connection, "orders", values)

    def read(self, bake: int) -> list[GivenOrder]:
        """Return every order to `bake`, oldest first."""
        return self._database.records(GivenOrder, "FROM orders WHERE bake = ? ORDER BY id", (bake,))

    def pending(self, bake: int) -> list[GivenOrder]:
        """Return the orders to `bake` that were not obeyed yet, oldest first."""
        return self._database.records(GivenOrder, "FROM orders WHERE bake = ? AND obeyed IS NULL ORDER BY id", (bake,))

    def mark_obeyed(self, order_id: int, answer: str = "") -> None:
        """Note that the engine took the order, and why it was refused if it was; the first answer is kept."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE orders SET obeyed = ?, answer = ? WHERE id = ? AND obeyed IS NULL",
                (time.time(), answer, order_id),
            )


def answer_open(connection: sqlite3.Connection, bake: int, answer: str) -> None:
    """Give every open order to `bake` the same answer, inside the caller's transaction."""
    connection.execute(
        "UPDATE orders SET obeyed = ?, answer = ? WHERE bake = ? AND obeyed IS NULL", (time.time(), answer, bake)
    )
