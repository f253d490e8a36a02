"""The orders given to bakes, and when they were obeyed."""

import sqlite3
import time

from trainer.journal.database import Database
from trainer.journal.records import GivenOrder, Order

_COLUMNS = 'id, bake, "order", given, obeyed, argument, answer'


def give_order(database: Database, bake: int, order: Order, argument: str) -> int:
    """Write an order to `bake` and return its id."""
    with database.writing() as connection:
        given = connection.execute(
            'INSERT INTO orders (bake, "order", given, argument) VALUES (?, ?, ?, ?)',
            (bake, order, time.time(), argument),
        )
        return int(given.lastrowid or 0)


def read_orders(database: Database, bake: int) -> list[GivenOrder]:
    """Return every order to `bake`, oldest first."""
    return [_order(row) for row in database.rows(f"SELECT {_COLUMNS} FROM orders WHERE bake = ? ORDER BY id", (bake,))]


def open_orders(database: Database, bake: int) -> list[GivenOrder]:
    """Return the orders to `bake` that were not obeyed yet, oldest first."""
    found = database.rows(f"SELECT {_COLUMNS} FROM orders WHERE bake = ? AND obeyed IS NULL ORDER BY id", (bake,))
    return [_order(row) for row in found]


def mark_obeyed(database: Database, order_id: int, answer: str) -> None:
    """Note that the engine took the order, and why it was refused if it was; the first time stands."""
    with database.writing() as connection:
        connection.execute(
            "UPDATE orders SET obeyed = ?, answer = ? WHERE id = ? AND obeyed IS NULL", (time.time(), answer, order_id)
        )


def answer_open(connection: sqlite3.Connection, bake: int, answer: str) -> None:
    """Give every open order to `bake` the same answer, inside a transaction of the caller's."""
    connection.execute(
        "UPDATE orders SET obeyed = ?, answer = ? WHERE bake = ? AND obeyed IS NULL", (time.time(), answer, bake)
    )


def _order(row: sqlite3.Row) -> GivenOrder:
    return GivenOrder(**{**dict(row), "order": Order(row["order"])})
