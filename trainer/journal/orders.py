"""The orders given to bakes, and when they were obeyed."""

import sqlite3
import time

from trainer.journal.database import Database
from trainer.journal.records import GivenOrder, Order

_COLUMNS = 'id, bake, "order", given, obeyed'


def give_order(database: Database, bake: int, order: Order) -> int:
    """Write an order to `bake` and return its id."""
    with database.writing() as connection:
        given = connection.execute(
            'INSERT INTO orders (bake, "order", given) VALUES (?, ?, ?)', (bake, order, time.time())
        )
        return int(given.lastrowid or 0)


def read_orders(database: Database, bake: int) -> list[GivenOrder]:
    """Return every order to `bake`, oldest first."""
    return [_order(row) for row in database.rows(f"SELECT {_COLUMNS} FROM orders WHERE bake = ? ORDER BY id", (bake,))]


def open_orders(database: Database, bake: int) -> list[GivenOrder]:
    """Return the orders to `bake` that were not obeyed yet, oldest first."""
    found = database.rows(f"SELECT {_COLUMNS} FROM orders WHERE bake = ? AND obeyed IS NULL ORDER BY id", (bake,))
    return [_order(row) for row in found]


def mark_obeyed(database: Database, order_id: int) -> None:
    """Note that the engine took the order; the first time stands."""
    with database.writing() as connection:
        connection.execute("UPDATE orders SET obeyed = coalesce(obeyed, ?) WHERE id = ?", (time.time(), order_id))


def _order(row: sqlite3.Row) -> GivenOrder:
    return GivenOrder(row["id"], row["bake"], Order(row["order"]), row["given"], row["obeyed"])
