"""What a record's fields say of its columns, and that a row gives the record back."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

import pytest

from trainer.journal.grid_records import CellNote, Grid
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.journal.rows import column_definitions, column_names, from_row, insert, to_row

Queue = Callable[..., Bake]


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Pot:
    number: int
    order: str
    colour: Colour
    lid: bool = True
    litres: float | None = None
    second: Colour | None = None
    herbs: Mapping[str, bool] = field(default_factory=dict)
    label: str = "it's full"


@pytest.fixture
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute(f"CREATE TABLE pot ({column_definitions(Pot, {'number': 'PRIMARY KEY'})})")
    return connection


@pytest.mark.parametrize(
    "pot",
    [
        Pot(1, "first", Colour.RED),
        Pot(2, "second", Colour.BLUE, False, 1.5, Colour.RED, {"thyme": True, "小豆": False}, ""),
    ],
)
def test_a_record_comes_back_as_it_was(database: sqlite3.Connection, pot: Pot) -> None:
    insert(database, "pot", to_row(pot))
    row = database.execute(f"SELECT {column_names(Pot)} FROM pot").fetchone()
    again = from_row(Pot, row)
    assert again == pot
    assert [type(value) for value in asdict(again).values()] == [type(value) for value in asdict(pot).values()]


def test_a_field_that_may_be_none_is_a_column_that_may_be_null(database: sqlite3.Connection) -> None:
    listed = {row["name"]: (row["type"], row["notnull"]) for row in database.execute("PRAGMA table_info(pot)")}
    assert listed["litres"] == ("REAL", 0)
    assert listed["second"] == ("TEXT", 0)
    assert listed["lid"] == ("INTEGER", 1)


def test_the_default_of_a_field_is_the_columns(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO pot (number, \"order\", colour) VALUES (1, 'first', 'red')")
    row = database.execute("SELECT * FROM pot").fetchone()
    assert from_row(Pot, row) == Pot(1, "first", Colour.RED)


@pytest.mark.parametrize(("table", "kind"), [("bake", Bake), ("grid", Grid), ("cell_note", CellNote)])
def test_a_table_of_the_journal_has_the_fields_of_its_record(journal: Journal, table: str, kind: type) -> None:
    listed = [row[1] for row in sqlite3.connect(journal.path).execute(f"PRAGMA table_info({table})")]
    assert ", ".join(f'"{name}"' for name in listed) == column_names(kind)
