"""Tables of searches and of the bakes that belong to them."""

import time

from trainer.journal.database import Store
from trainer.journal.rows import insert, to_row
from trainer.journal.search_records import SearchBakeRow, SearchRow


class SearchStore(Store):
    """The searches, by number."""

    def add(self, *, spec: str, settings_toml: str, of_bake: int | None = None) -> SearchRow:
        """Note a new search and return it."""
        with self._database.writing() as connection:
            highest = "SELECT max(number) FROM search WHERE typeof(number) = 'integer'"
            number = 1 + (connection.execute(highest).fetchone()[0] or 0)
            row = SearchRow(number=number, spec=spec, settings_toml=settings_toml, of_bake=of_bake, created=time.time())
            insert(connection, "search", to_row(row))
        return row

    def find(self, number: int) -> SearchRow | None:
        """Return a search, None where there is none of that number."""
        return self._database.record(SearchRow, "FROM search WHERE number = ?", (number,))

    def all(self) -> list[SearchRow]:
        """Return every search, the newest first."""
        return self._database.records(SearchRow, "FROM search ORDER BY number DESC")

    def keep_bake(self, bake: SearchBakeRow) -> None:
        """Note a bake of a search, or in the place of one of its trial."""
        with self._database.writing() as connection:
            insert(connection, "search_bake", to_row(bake), replace=True)

    def bakes_of(self, number: int) -> list[SearchBakeRow]:
        """Return the bakes of a search, by trial."""
        return self._database.records(SearchBakeRow, "FROM search_bake WHERE search = ? ORDER BY trial", (number,))
