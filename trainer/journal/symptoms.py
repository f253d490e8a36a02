"""Table of the symptoms that users see in bakes."""

import time
from collections.abc import Collection

from trainer.journal.database import Store
from trainer.journal.measure_records import SymptomTick
from trainer.journal.rows import insert, to_row


class SymptomStore(Store):
    """The symptoms that were ticked, by the number of the bake."""

    def of_bake(self, bake: int) -> list[SymptomTick]:
        """Return the symptoms that the user sees in a bake, in the order of their keys."""
        return self._database.records(SymptomTick, "FROM symptom_tick WHERE bake = ? ORDER BY symptom", (bake,))

    def keep(self, bake: int, symptoms: Collection[str]) -> None:
        """Write which symptoms the user sees in a bake, in the place of those that were ticked before; the others keep their moment."""
        known = {tick.symptom for tick in self.of_bake(bake)}
        now = time.time()
        with self._database.writing() as connection:
            for gone in known - set(symptoms):
                connection.execute("DELETE FROM symptom_tick WHERE bake = ? AND symptom = ?", (bake, gone))
            for new in sorted(set(symptoms) - known):
                row = SymptomTick(bake=bake, symptom=new, seconds=now)
                insert(connection, "symptom_tick", to_row(row), replace=True)
