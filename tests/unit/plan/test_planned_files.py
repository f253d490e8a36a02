from pathlib import Path

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.plan.saves import planned_files

EVERY = 'output_name = "x"\nsave_every_n_epochs = {}\n'


@pytest.mark.parametrize(
    ("settings", "total", "files"),
    [
        (EVERY.format(1), 240, 6),
        (EVERY.format(2), 240, 3),
        (EVERY.format(1), 230, 6),
        (EVERY.format(1), 0, None),
        ("no = setting\n", 240, None),
    ],
)
def test_a_bake_of_the_journal_says_how_many_loras_it_was_to_save(
    tmp_path: Path, settings: str, total: int, files: int | None
) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        bake = journal.bakes.add(
            NewBake(name="x", why="", settings_toml=settings, engine="", total_steps=total, steps_per_epoch=40)
        )
    assert planned_files(bake) == files


@pytest.mark.parametrize(("after", "files"), [(0, 6), (39, 6), (40, 5), (200, 1), (239, 1)])
def test_a_fork_saves_what_comes_after_its_start(tmp_path: Path, after: int, files: int) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        new = NewBake(name="x", settings_toml=EVERY.format(1), engine="", total_steps=240, steps_per_epoch=40)
        assert planned_files(journal.bakes.add(new), after) == files
