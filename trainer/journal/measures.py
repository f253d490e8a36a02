"""Table of what was measured of bakes' epochs."""

import sqlite3
from collections.abc import Collection, Iterable

from trainer.journal.database import Store
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.rows import insert, to_row


class MeasureStore(Store):
    """What was measured, by the number of the bake."""

    def add(self, bake: int, values: Iterable[MeasuredValue]) -> None:
        """Note values; one measured again takes the place of the first."""
        with self._database.writing() as connection:
            for value in values:
                insert(connection, "measure", {"bake": bake, **to_row(value)}, replace=True)

    def of_bake(self, bake: int, names: Collection[str] = (), *, scope: str | None = None) -> list[MeasuredValue]:
        """Return a bake's values by step, name, part and scope.

        Args:
            bake: its number.
            names: of the measures wanted; empty for all.
            scope: the only one wanted, "" for what is about the whole; None for all.
        """
        among = f"AND name IN ({', '.join('?' * len(names))})" if names else ""
        within = "" if scope is None else "AND scope = ?"
        return self._database.records(
            MeasuredValue,
            f"FROM measure WHERE bake = ? {among} {within} ORDER BY step, name, part, scope",
            (bake, *names, *(() if scope is None else (scope,))),
        )

    def kinds(self, bake: int) -> frozenset[tuple[str, str]]:
        """Return the (name, part) of what was measured of a bake as a whole, not of a part of its data or blocks."""
        rows = self._database.rows("SELECT DISTINCT name, part FROM measure WHERE bake = ? AND scope = ''", (bake,))
        texts = ((row["name"], row["part"]) for row in rows)
        return frozenset((name, part) for name, part in texts if isinstance(name, str) and isinstance(part, str))

    def kinds_by_scope(self, bake: int, names: Collection[str]) -> frozenset[tuple[str, str, str]]:
        """Return the (name, part, scope) of what was measured of a bake: of everything as a whole, and of `names` by scope too."""
        among = ", ".join("?" * len(names))
        rows = self._database.rows(
            f"SELECT DISTINCT name, part, scope FROM measure WHERE bake = ? AND (scope = '' OR name IN ({among}))",
            (bake, *names),
        )
        texts = ((row["name"], row["part"], row["scope"]) for row in rows)
        return frozenset(kind for kind in texts if all(isinstance(word, str) for word in kind))

    def steps(self, bake: int, name: str) -> frozenset[int]:
        """Return the steps after which a measure was made."""
        rows = self._database.rows("SELECT DISTINCT step FROM measure WHERE bake = ? AND name = ?", (bake, name))
        return frozenset(row["step"] for row in rows if isinstance(row["step"], int))

    def counts(self, bakes: Collection[int]) -> dict[int, int]:
        """Return how many values there are of each of these bakes; one without any is left out."""
        rows = self._database.rows(
            f"SELECT bake, count(*) AS count FROM measure WHERE bake IN ({', '.join('?' * len(bakes))}) GROUP BY bake",
            tuple(bakes),
        )
        return {row["bake"]: row["count"] for row in rows if isinstance(row["bake"], int)}


def drop_measures(connection: sqlite3.Connection, bake: int, step: int) -> None:
    """Delete what was measured after `step`, inside the caller's transaction."""
    connection.execute("DELETE FROM measure WHERE bake = ? AND step > ?", (bake, step))
