"""Table of which bakes are twins. Triggers of the schema delete a row when what it follows from is written."""

from collections.abc import Iterable

from trainer.journal.database import Store
from trainer.journal.family_records import BakeFamily, FamilySource, KinFamily
from trainer.journal.rows import insert, to_row


class FamilyStore(Store):
    """Families of bakes."""

    def without_row(
        self,
        made_by: str,
        *,
        as_long_as: int | None = None,
        length: tuple[int, int] | None = None,
        most: int | None = None,
    ) -> list[FamilySource]:
        """Return the bakes whose data are known and that have no row made by `made_by`.

        Args:
            made_by: the mark of the rules.
            as_long_as: number of a bake: those of as many steps alone, for only they can be of one family or kin; None for all.
            length: (optimizer steps, of them in an epoch) of the bakes asked for, in place of a bake's number.
            most: how many at the most; None for all.
        """
        own = "SELECT total_steps, steps_per_epoch FROM bake WHERE number = ?" if length is None else "SELECT ?, ?"
        which: tuple[int, ...] = () if as_long_as is None else (as_long_as,)
        which = which if length is None else length
        alike = f"AND (total_steps, steps_per_epoch) = ({own})"
        return self._database.records(
            FamilySource,
            f"""
            FROM bake WHERE grid IS NULL {alike if which else ""}
            AND EXISTS (SELECT 1 FROM manifest WHERE manifest.bake = number)
            AND NOT EXISTS (SELECT 1 FROM bake_family WHERE bake_family.bake = number AND made_by = ?)
            """,
            (*which, made_by),
            most=most,
        )

    def keep(self, rows: Iterable[BakeFamily]) -> None:
        """Write rows in the place of former ones."""
        with self._database.writing() as connection:
            for row in rows:
                insert(connection, "bake_family", to_row(row), replace=True)

    def of(self, bake: int, made_by: str) -> BakeFamily | None:
        """Return a bake's row, None where none was made by `made_by`, or it is damaged."""
        found = self._database.records(BakeFamily, "FROM bake_family WHERE bake = ? AND made_by = ?", (bake, made_by))
        return found[0] if found else None

    def members(self, family: str, made_by: str) -> list[BakeFamily]:
        """Return the bakes of a family, by number."""
        return self._database.records(
            BakeFamily, "FROM bake_family WHERE family = ? AND made_by = ? ORDER BY bake", (family, made_by)
        )

    def kin(self, kin: str, made_by: str) -> list[KinFamily]:
        """Return the families of a kin that have bakes with different random numbers."""
        return self._database.records(
            KinFamily,
            """
            FROM (
                SELECT family, min(bake) AS bake, rates FROM bake_family WHERE kin = ? AND made_by = ?
                GROUP BY family HAVING count(DISTINCT seeds) > 1
            ) ORDER BY bake
            """,
            (kin, made_by),
        )

    def first_step(self, bake: int) -> int | None:
        """Return the first step of a bake's curves, None before it has any."""
        row = self._database.row(
            f"""
            SELECT min(step) AS step FROM series JOIN point ON point.series = series.id
            WHERE bake = ? AND step BETWEEN 0 AND {2**63 - 1}
            """,
            (bake,),
        )
        return row["step"] if row is not None and isinstance(row["step"], int) else None
