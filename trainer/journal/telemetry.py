"""Readings of the machine over time, one compact row each."""

import json
import sqlite3
from dataclasses import astuple

from trainer.journal.database import Store
from trainer.journal.rows import column_names, from_row, insert, to_row
from trainer.machine.readings import CardReading, HostReading, MachineReading

_HOST = column_names(HostReading)


class TelemetryStore(Store):
    """Readings of the machine."""

    def add(self, reading: MachineReading, bake: int | None) -> None:
        """Keep one reading of the machine, of `bake` if one runs."""
        # Lists, not objects: the names of ten fields would be twice the size of their values.
        cards = json.dumps([astuple(card) for card in reading.cards], separators=(",", ":"))
        with self._database.writing() as connection:
            values = {
                "seconds": reading.seconds,
                "bake": bake,
                "cards": cards,
                "no_card_because": reading.no_card_because,
            }
            insert(connection, "telemetry", {**values, **to_row(reading.host)})

    def read(self, since: float, bake: int | None = None) -> list[MachineReading]:
        """Return the readings from `since` (epoch seconds) on, oldest first; with or without a bake if `bake` is None."""
        of_bake, values = ("AND bake = ?", (since, bake)) if bake is not None else ("", (since,))
        found = self._database.rows(
            f"SELECT seconds, cards, no_card_because, {_HOST} FROM telemetry WHERE seconds >= ? {of_bake} ORDER BY seconds, id",
            values,
        )
        return [_reading(row) for row in found]


def _reading(row: sqlite3.Row) -> MachineReading:
    return MachineReading(
        seconds=row["seconds"],
        cards=tuple(CardReading(*card) for card in json.loads(row["cards"])),
        no_card_because=row["no_card_because"],
        host=from_row(HostReading, row),
    )
