"""Readings of the machine over time, one compact row each."""

import json
import sqlite3
from contextlib import suppress
from dataclasses import astuple, fields
from typing import Any

from trainer.journal.database import Store
from trainer.journal.rows import column_names, from_row, insert, to_row
from trainer.machine.readings import CardReading, HostReading, MachineReading
from trainer.typed_values import WrongValue, value_from_json, value_from_row

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
        readings = []
        for row in found:
            # Of two a minute a damaged one is not missed.
            with suppress(WrongValue):
                readings.append(_reading(row))
        return readings


def _reading(row: sqlite3.Row) -> MachineReading:
    names = [field.name for field in fields(CardReading)]
    cards = value_from_json(list[list[Any]], str(row["cards"]))
    return value_from_row(
        MachineReading,
        {
            "seconds": row["seconds"],
            "cards": [dict(zip(names, card, strict=False)) for card in cards],
            "no_card_because": row["no_card_because"],
            "host": from_row(HostReading, row),
        },
    )
