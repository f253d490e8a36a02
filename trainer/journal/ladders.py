"""Tables of ladders and of the bakes that belong to them."""

import time
from collections.abc import Iterable
from dataclasses import replace

from trainer.journal.database import Store
from trainer.journal.ladder_records import LadderBakeRow, LadderRow
from trainer.journal.rows import insert, to_row


class LadderStore(Store):
    """The ladders, by number."""

    def add(
        self,
        *,
        title: str,
        spec_toml: str,
        settings_toml: str,
        of_bake: int | None = None,
        least_number: int = 1,
    ) -> LadderRow:
        """Note a new ladder and return it.

        Args:
            title, spec_toml, settings_toml, of_bake: as in LadderRow.
            least_number: its number is the next one, this or above.
        """
        with self._database.writing() as connection:
            highest = "SELECT max(number) FROM ladder WHERE typeof(number) = 'integer'"
            number = max(least_number, 1 + (connection.execute(highest).fetchone()[0] or 0))
            row = LadderRow(
                number=number,
                title=title,
                spec_toml=spec_toml,
                settings_toml=settings_toml,
                of_bake=of_bake,
                created=time.time(),
            )
            insert(connection, "ladder", to_row(row))
        return row

    def change(self, number: int, *, title: str, spec_toml: str) -> None:
        """Write another spec in the place of a ladder's: one with more rungs or twins, or fewer."""
        with self._database.writing() as connection:
            connection.execute(
                "UPDATE ladder SET title = ?, spec_toml = ? WHERE number = ?", (title, spec_toml, number)
            )

    def find(self, number: int) -> LadderRow | None:
        """Return a ladder, None where there is none of that number."""
        return self._database.record(LadderRow, "FROM ladder WHERE number = ?", (number,))

    def all(self) -> list[LadderRow]:
        """Return every ladder, the newest first."""
        return self._database.records(LadderRow, "FROM ladder ORDER BY number DESC")

    def keep_bakes(self, bakes: Iterable[LadderBakeRow]) -> None:
        """Note bakes of ladders; one that stands at the same ladder, rung and twin is replaced."""
        with self._database.writing() as connection:
            for bake in bakes:
                insert(connection, "ladder_bake", to_row(bake), replace=True)

    def bakes_of(self, number: int) -> list[LadderBakeRow]:
        """Return the bakes of a ladder, by rung and twin."""
        return self._database.records(LadderBakeRow, "FROM ladder_bake WHERE ladder = ? ORDER BY rung, twin", (number,))

    def restore(self, row: LadderRow, bakes: Iterable[LadderBakeRow]) -> None:
        """Put a ladder with its bakes into a new journal, under the number it had; of a bake that is not there the place is open."""
        with self._database.writing() as connection:
            known = {each[0] for each in connection.execute("SELECT number FROM bake").fetchall()}
            insert(connection, "ladder", to_row(replace(row, of_bake=row.of_bake if row.of_bake in known else None)))
            for bake in bakes:
                place = bake if bake.bake in known else replace(bake, bake=None, reused=False)
                insert(connection, "ladder_bake", to_row(place), replace=True)

    def open_places(self, bake: int) -> list[int]:
        """Take a bake out of every ladder, whose places then stand open; return the numbers of these ladders."""
        with self._database.writing() as connection:
            rows = connection.execute(
                "UPDATE ladder_bake SET bake = NULL, reused = 0 WHERE bake = ? AND NOT cut RETURNING ladder", (bake,)
            ).fetchall()
        return sorted({row["ladder"] for row in rows if isinstance(row["ladder"], int)})

    def with_bake(self, bake: int) -> list[int]:
        """Return the numbers of the ladders that a bake belongs to."""
        rows = self._database.rows("SELECT DISTINCT ladder FROM ladder_bake WHERE bake = ? ORDER BY ladder", (bake,))
        return [row["ladder"] for row in rows if isinstance(row["ladder"], int)]

    def members(self) -> dict[int, tuple[int, ...]]:
        """Return the ladders of every bake that belongs to any, by its number; what was cut belongs to none."""
        rows = self._database.rows(
            "SELECT DISTINCT bake, ladder FROM ladder_bake WHERE bake IS NOT NULL AND cut = 0 ORDER BY bake, ladder"
        )
        found: dict[int, tuple[int, ...]] = {}
        for row in rows:
            if isinstance(row["bake"], int) and isinstance(row["ladder"], int):
                found[row["bake"]] = (*found.get(row["bake"], ()), row["ladder"])
        return found
