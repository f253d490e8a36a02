"""Reads of all bakes at once, a few columns of each: what a list of ten thousand is made of, and what tells that one has changed."""

from collections.abc import Collection, Mapping

from trainer.journal.database import Store
from trainer.journal.derived import marks, parts
from trainer.journal.derived_records import ListedBake, SavedCount
from trainer.journal.measure_records import BakeNote
from trainer.journal.records import Duration
from trainer.journal.rows import number_or_nan

_STEP_METRIC = "loss"
_SPEED_METRIC = "seconds_per_step"
# A damaged step may be a text, which is above every number; so the index still gives the ends at once.
_IS_STEP = f"step BETWEEN 0 AND {2**63 - 1}"
# The highest level of the pyramid has one row for a million steps.
_TOP_LEVEL = 10


class ListingStore(Store):
    """The bakes as a list shows them; grids' jobs are left out."""

    def bakes(self, numbers: Collection[int] | None = None) -> list[ListedBake]:
        """Return all bakes (None) or these, by number."""
        if numbers is None:
            return self._database.all_records(ListedBake, "FROM bake WHERE grid IS NULL ORDER BY number")
        return [
            each
            for part in parts(sorted(numbers))
            for each in self._database.all_records(
                ListedBake, f"FROM bake WHERE grid IS NULL AND number IN ({marks(part)}) ORDER BY number", part
            )
        ]

    def sums(self) -> tuple[tuple[object, ...], ...]:
        """Return sums over the states and places of all rows, which are others where a bake is new or was run since."""
        rows = self._database.rows("SELECT state, count(*), total(number), total(place) FROM bake GROUP BY state")
        return tuple(tuple(row) for row in rows)

    def imported_files(self) -> int:
        """Return how many LoRA files were imported."""
        return int(self._database.rows("SELECT count(*) FROM imported_file")[0][0])

    def stamps(self) -> Mapping[int, tuple[object, object]]:
        """Return the state and place of every row, which an index holds: a bake whose two are what they were has not been run since."""
        rows = self._database.rows("SELECT number, state, place FROM bake")
        return {row["number"]: (row["state"], row["place"]) for row in rows}

    def saved(self, numbers: Collection[int] | None = None) -> Mapping[int, SavedCount]:
        """Return what is known of the LoRAs by bake, of all (None) or of these; a bake without one is left out."""
        # With max() SQLite takes the other columns from the row that has it.
        columns = "bake, count(*) AS saved, max(step) AS step, loss, val"
        grouped = "FROM (SELECT {} FROM checkpoint {} GROUP BY bake)"
        if numbers is None:
            found = self._database.all_records(SavedCount, grouped.format(columns, ""))
        else:
            found = [
                each
                for part in parts(numbers)
                for each in self._database.all_records(
                    SavedCount, grouped.format(columns, f"WHERE bake IN ({marks(part)})"), part
                )
            ]
        return {each.bake: each for each in found}

    def reached(self, numbers: Collection[int] | None = None) -> Mapping[int, int]:
        """Return the last step of the curves by bake, of all (None) or of these; a bake without curves is left out."""
        wanted = [()] if numbers is None else parts(numbers)
        steps: dict[int, int] = {}
        for part in wanted:
            among = f"AND bake IN ({marks(part)})" if part else ""
            rows = self._database.rows(
                f"""
                SELECT bake, (SELECT max(step) FROM point WHERE series = series.id AND {_IS_STEP}) AS step
                FROM series WHERE metric = ? {among}
                """,
                (_STEP_METRIC, *part),
            )
            steps |= {row["bake"]: row["step"] for row in rows if isinstance(row["step"], int)}
        return steps

    def training_seconds(self, numbers: Collection[int]) -> Mapping[int, Duration]:
        """Return the time that the steps of these bakes took, by bake; one without curves is left out."""
        seconds: dict[int, float] = {}
        for part in parts(numbers):
            rows = self._database.rows(
                f"""
                SELECT bake, sum(total) AS seconds FROM series JOIN block ON block.series = series.id AND level = ?
                WHERE metric = ? AND bake IN ({marks(part)}) GROUP BY bake
                """,
                (_TOP_LEVEL, _SPEED_METRIC, *part),
            )
            found = {row["bake"]: number_or_nan(row["seconds"]) for row in rows}
            seconds |= {bake: value for bake, value in found.items() if 0 <= value < float("inf")}
        return seconds

    def notes(self, since: float = 0.0) -> Mapping[int, BakeNote]:
        """Return the notes that were written at `since` (epoch seconds) or later, by bake."""
        found = self._database.all_records(BakeNote, "FROM bake_note WHERE seconds >= ?", (since,))
        return {note.bake: note for note in found}
