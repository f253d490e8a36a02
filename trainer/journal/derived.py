"""Tables of what follows from other rows: facts of bakes, metadata of their LoRAs, tallies of grids. They may be made again at any time.

Triggers of the schema delete a row when what it follows from is written, so that one that is there is right.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from trainer.journal.bakes import ENDED
from trainer.journal.database import Store
from trainer.journal.derived_records import BakeFacts, FactSource, GridTally, MetadataText, NewestLora
from trainer.journal.notes import stamp
from trainer.journal.rows import insert, to_row

# Values that SQLite takes in one statement, of its 32,766.
_AT_ONCE = 10_000

NUMBERS_END = 2**63 - 1
"""Above the number of every bake."""


class DerivedStore(Store):
    """What follows from other rows of the journal."""

    def facts(self, bakes: Collection[int] | None = None) -> Mapping[int, BakeFacts]:
        """Return the facts there are by bake, of all (None) or of these."""
        if bakes is None:
            found = self._database.all_records(BakeFacts, "FROM bake_facts")
        else:
            found = [each for part in parts(bakes) for each in self._facts_of(part)]
        return {each.bake: each for each in found}

    def _facts_of(self, bakes: tuple[int, ...]) -> list[BakeFacts]:
        return self._database.all_records(BakeFacts, f"FROM bake_facts WHERE bake IN ({marks(bakes)})", bakes)

    def without_facts(self, made_by: str, most: int, below: int = NUMBERS_END) -> list[FactSource]:
        """Return the first `most` bakes with a number below `below`, newest first, that have no facts made by `made_by`.

        Grids' jobs have none.
        """
        return self._database.records(
            FactSource,
            """
            FROM bake LEFT JOIN bake_facts ON bake_facts.bake = bake.number AND bake_facts.made_by = ?
            WHERE number < ? AND bake.grid IS NULL AND bake_facts.bake IS NULL ORDER BY number DESC
            """,
            (made_by, below),
            most=most,
        )

    def keep_facts(self, made: Iterable[BakeFacts]) -> None:
        """Write facts in the place of former ones."""
        with self._database.writing() as connection:
            for facts in made:
                insert(connection, "bake_facts", to_row(facts), replace=True)

    def metadata(self, key: str) -> Mapping[int, str]:
        """Return an entry of the metadata by bake; a bake whose LoRA does not have it is left out."""
        found = self._database.all_records(MetadataText, "FROM bake_metadata WHERE key = ?", (key,))
        return {each.bake: each.text for each in found}

    def metadata_of(self, bake: int) -> Mapping[str, str]:
        """Return what is kept of the metadata of a bake's newest LoRA."""
        found = self._database.all_records(
            MetadataText, "FROM bake_metadata WHERE bake = ? AND key <> '' ORDER BY key", (bake,)
        )
        return {each.key: each.text for each in found}

    def metadata_keys(self) -> tuple[str, ...]:
        """Return the keys that are known, each once."""
        rows = self._database.rows("SELECT DISTINCT key FROM bake_metadata WHERE key <> '' ORDER BY key")
        return tuple(row["key"] for row in rows if isinstance(row["key"], str))

    def without_metadata(self, most: int, below: int = NUMBERS_END) -> list[NewestLora]:
        """Return the first `most` bakes below number `below` that ended, newest first, with the LoRA whose metadata are not kept yet."""
        return self._database.records(
            NewestLora,
            f"""
            FROM (
                SELECT number, folder,
                    (SELECT file FROM checkpoint WHERE bake = number ORDER BY step DESC, seconds DESC LIMIT 1) AS file
                FROM bake WHERE number < ? AND grid IS NULL AND +state IN ({marks(ENDED)})
            ) LEFT JOIN bake_metadata ON bake = number AND key = ''
            WHERE file IS NOT NULL AND text IS NOT file ORDER BY number DESC
            """,
            (below, *ENDED),
            most=most,
        )

    def keep_metadata(self, made: Iterable[tuple[NewestLora, Mapping[str, str]]]) -> None:
        """Write the metadata of bakes' newest LoRAs in the place of former ones'."""
        with self._database.writing() as connection:
            for lora, texts in made:
                connection.execute("DELETE FROM bake_metadata WHERE bake = ?", (lora.number,))
                for key, text in {**texts, "": lora.file}.items():
                    insert(connection, "bake_metadata", to_row(MetadataText(bake=lora.number, key=key, text=text)))

    def tallies(self, since: float = 0.0) -> list[GridTally]:
        """Return the tallies that were made at `since` (epoch seconds) or later, by grid."""
        return self._database.records(GridTally, "FROM grid_tally WHERE seconds >= ? ORDER BY grid", (since,))

    def without_tally(self, most: int) -> list[int]:
        """Return the first `most` grids, newest first, on which there are notes and no tally of them."""
        rows = self._database.rows(
            """
            SELECT DISTINCT grid FROM cell_note WHERE typeof(grid) = 'integer'
            AND grid NOT IN (SELECT grid FROM grid_tally) ORDER BY grid DESC LIMIT ?
            """,
            (most,),
        )
        return [row["grid"] for row in rows]

    def keep_tally(self, tally: GridTally) -> None:
        """Write a grid's tally in the place of a former one."""
        with self._database.writing() as connection:
            insert(
                connection, "grid_tally", to_row(replace(tally, seconds=stamp(connection, "grid_tally"))), replace=True
            )


def parts(numbers: Collection[int]) -> Iterable[tuple[int, ...]]:
    """Yield the numbers in parts that one statement can name."""
    listed = tuple(numbers)
    return (listed[start : start + _AT_ONCE] for start in range(0, len(listed), _AT_ONCE))


def marks(values: Collection[object]) -> str:
    """Return the question marks of as many values."""
    return ", ".join("?" * len(values))
