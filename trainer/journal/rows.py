"""Records as table rows: the columns of a dataclass, their values, and the way back.

The fields of a record are the one list of its columns. `int`, `float`, `str`, `bool` and text enums are kept as they are, a mapping
as JSON; a field that may be None is a column that may be NULL, and a field's default is the column's.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import cache, partial
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from pydantic_core import from_json

from trainer.typed_values import WrongValue, shown, value_from_row, values_from_rows

T = TypeVar("T")

_SQL_TYPES: Mapping[type, str] = {bool: "INTEGER", int: "INTEGER", float: "REAL", str: "TEXT"}


@dataclass(frozen=True)
class _Column:
    name: str
    sql_type: str
    nullable: bool
    default: object
    to_row: Callable[[Any], object]
    from_row: Callable[[Any], object]

    @property
    def quoted(self) -> str:
        # A column may be called `order`.
        return f'"{self.name}"'

    @property
    def definition(self) -> str:
        required = "" if self.nullable else " NOT NULL"
        default = "" if self.default in (MISSING, None) else f" DEFAULT {_literal(self.default)}"
        return f"{self.quoted} {self.sql_type}{required}{default}"


def column_definitions(kind: type, constraints: Mapping[str, str] | None = None) -> str:
    """Return the columns of record class `kind` as they are written into CREATE TABLE.

    Args:
        kind: a dataclass.
        constraints: column name -> SQL to put behind its definition (PRIMARY KEY, REFERENCES …).
    """
    extra = constraints or {}
    return ", ".join(f"{column.definition} {extra.get(column.name, '')}".rstrip() for column in _columns(kind))


def column_names(kind: type) -> str:
    """Return the columns of record class `kind` as they are written into SELECT."""
    return ", ".join(column.quoted for column in _columns(kind))


def return_rows(connection: sqlite3.Connection) -> None:
    """Let a connection return rows for `from_row`, in which a text that is not UTF-8 is bytes, and damages no other row."""
    connection.row_factory = sqlite3.Row
    connection.text_factory = _decoded


def from_row(kind: type[T], row: sqlite3.Row) -> T:
    """Return the record that a row with the columns of `kind` holds; further columns are left out.

    Raises:
        WrongValue: a column holds what the record's field cannot: SQLite takes any value in any column.
    """
    try:
        values = {column.name: column.from_row(row[column.name]) for column in _columns(kind)}
    except IndexError:
        # SQLite takes the name of a column that is not there for a text.
        raise WrongValue("a column is missing") from None
    return value_from_row(kind, values)


def from_rows(kind: type[T], rows: Sequence[sqlite3.Row]) -> list[T]:
    """Return the records of rows that have the columns of `kind`, in their order, and no others.

    Raises:
        WrongValue: a column of one of them holds what the record's field cannot.
    """
    columns = _columns(kind)
    names = [column.name for column in columns]
    tables = [column.name for column in columns if column.from_row is not _as_it_is]
    values = [dict(zip(names, row, strict=True)) for row in rows]
    try:
        for name in tables:
            for each in values:
                each[name] = from_json(each[name])
    except (ValueError, TypeError) as error:
        raise WrongValue(str(error)) from None
    return values_from_rows(kind, values)


def number_or_nan(value: object) -> float:
    """Return a number as it was before SQLite, which stores nan as NULL; what is no number is nan too."""
    return float(value) if isinstance(value, int | float) else float("nan")


def to_row(record: object) -> dict[str, object]:
    """Return the values of a record by column."""
    return {column.name: column.to_row(getattr(record, column.name)) for column in _columns(type(record))}


def insert(connection: sqlite3.Connection, table: str, values: Mapping[str, object], *, replace: bool = False) -> int:
    """Write one row inside a transaction of the caller's, and return its row id.

    Args:
        connection: from `Database.writing`.
        table: where to.
        values: by column, from `to_row`.
        replace: put it in the place of a row with the same key.
    """
    columns = ", ".join(f'"{name}"' for name in values)
    marks = ", ".join("?" for _ in values)
    verb = "INSERT OR REPLACE" if replace else "INSERT"
    written = connection.execute(f"{verb} INTO {table} ({columns}) VALUES ({marks})", tuple(values.values()))
    return int(written.lastrowid or 0)


def _decoded(raw: bytes) -> str | bytes:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _read_columns(kind: Any) -> tuple[_Column, ...]:
    hints = get_type_hints(kind)
    return tuple(_column(field.name, hints[field.name], _default(field)) for field in fields(kind))


_columns: Callable[[Any], tuple[_Column, ...]] = cache(_read_columns)


def _default(field: Any) -> object:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _column(name: str, hint: Any, default: object) -> _Column:
    options: Iterable[Any] = get_args(hint)
    nullable = NoneType in options
    kind = next(option for option in options if option is not NoneType) if nullable else hint
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _Column(name, "TEXT", nullable, default, _as_it_is, _as_it_is)
    if get_origin(kind) is not None and issubclass(get_origin(kind), Mapping):
        return _Column(name, "TEXT", nullable, default, _json, partial(_from_json, name))
    return _Column(name, _SQL_TYPES[kind], nullable, default, _as_it_is, _as_it_is)


def _as_it_is(value: object) -> object:
    return value


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(dict(value), ensure_ascii=False)


def _from_json(name: str, text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        raise WrongValue(f"{name}: {shown(text)}; expected a table") from None


def _literal(default: object) -> str:
    if isinstance(default, Mapping):
        return _literal(_json(default))
    if isinstance(default, str):
        text = default.replace("'", "''")
        return f"'{text}'"
    return str(int(default) if isinstance(default, bool) else default)
