from pathlib import Path

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.plan.saves import planned_files

EVERY = 'output_name = "x"\nsave_every_n_epochs = {}\n'


@pytest.mark.parametrize(
    ("settings", "total", "files"),
    [(EVERY.format(1), 240, 6), (EVERY.format(2), 240, 3), (EVERY.format(1), 230, 6), ("no = setting\n", 240, None)],
)
def test_a_bake_of_the_journal_says_how_many_loras_it_was_to_save(
    tmp_path: Path, settings: str, total: int, files: int | None
) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        bake = journal.bakes.add(
            NewBake(name="x", why="", settings_toml=settings, engine="", total_steps=total, steps_per_epoch=40)
        )
    assert planned_files(bake) == files
