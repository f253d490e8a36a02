"""What is forgotten where a bake goes back to an earlier step?"""

from trainer.journal.curves import drop_points
from trainer.journal.database import Database


def rewind(database: Database, bake: int, step: int) -> None:
    """Forget what was noted after `step`, because the steps behind it are done again.

    Marks stay: they are the bake's history, and its changes of live settings are made again at their steps. So does the log.
    """
    with database.writing() as connection:
        drop_points(connection, bake, step)
        for sql in (
            "DELETE FROM validation WHERE bake = ? AND step > ?",
            "DELETE FROM checkpoint WHERE bake = ? AND step > ?",
            """
            DELETE FROM folder_loss WHERE bake = ?1
                AND epoch * (SELECT steps_per_epoch FROM bake WHERE number = ?1) > ?2
            """,
        ):
            connection.execute(sql, (bake, step))
