import random
from collections.abc import Callable

import pytest

from trainer.journal.database import Database
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake, Checkpoint, Mark, MarkKind, NewBake

Queue = Callable[..., Bake]

BLOCKS = "SELECT metric, level, step, low, high, count FROM block JOIN series ON series.id = series ORDER BY metric, level, step"


def write(journal: Journal, bake: int, steps: range, loss: Callable[[int], float]) -> None:
    with MetricWriter(journal.path, bake) as metrics:
        for step in steps:
            metrics.put(step, {"loss": loss(step), "lr_unet": 1e-4})


def rows(journal: Journal, sql: str) -> list[tuple[object, ...]]:
    database = Database(journal.path)
    try:
        return [tuple(row) for row in database.rows(sql)]
    finally:
        database.close()


@pytest.mark.parametrize("step", [1, 3, 4, 15, 16, 63, 64, 100, 255, 256, 299])
def test_after_going_back_the_curves_are_those_of_a_bake_that_came_just_so_far(
    journal: Journal, queue: Queue, step: int
) -> None:
    queue()
    write(journal, 1, range(1, 301), lambda at: 100.0 / at)
    journal.rewind(1, step)
    with Journal(journal.path.with_name("short.sqlite")) as short:
        short.bakes.add(NewBake(name="x", why="", settings_toml="", engine="e", total_steps=1, steps_per_epoch=1))
        write(short, 1, range(1, step + 1), lambda at: 100.0 / at)
        assert rows(journal, BLOCKS) == rows(short, BLOCKS)
        assert journal.curves.read(1, "loss", 400) == short.curves.read(1, "loss", 400)
        assert journal.curves.last_values(1) == short.curves.last_values(1)


def test_steps_done_again_stand_once_with_the_values_of_the_second_time(journal: Journal, queue: Queue) -> None:
    queue()
    chance = random.Random(5)
    write(journal, 1, range(1, 201), lambda at: 99.0)
    done = 200
    while done < 400:
        back = chance.randrange(max(1, done - 70), done)
        journal.rewind(1, back)
        done = back + chance.randrange(1, 110)
        write(journal, 1, range(back + 1, done + 1), float)
    curve = journal.curves.read(1, "loss", done)
    assert curve.steps == list(range(1, done + 1))
    with Journal(journal.path.with_name("plain.sqlite")) as plain:
        plain.bakes.add(NewBake(name="x", why="", settings_toml="", engine="e", total_steps=1, steps_per_epoch=1))
        with MetricWriter(plain.path, 1) as metrics:
            for step, value in zip(curve.steps, curve.mean, strict=True):
                metrics.put(step, {"loss": value, "lr_unet": 1e-4})
        assert rows(journal, BLOCKS) == rows(plain, BLOCKS)


def test_going_back_to_the_start_leaves_empty_curves(journal: Journal, queue: Queue) -> None:
    queue()
    write(journal, 1, range(1, 50), float)
    journal.rewind(1, 0)
    assert journal.curves.read(1, "loss", 60).steps == []
    assert journal.curves.last_values(1) == {}
    assert rows(journal, BLOCKS) == []


def test_another_bake_keeps_its_curves(journal: Journal, queue: Queue) -> None:
    queue(), queue()
    for bake in (1, 2):
        write(journal, bake, range(1, 50), float)
    journal.rewind(1, 10)
    assert len(journal.curves.read(2, "loss", 100).steps) == 49


def test_results_of_later_steps_are_forgotten_and_earlier_ones_stay(journal: Journal, queue: Queue) -> None:
    queue()  # 40 steps an epoch
    for step in (40, 80, 120):
        journal.results.add_validation(1, step, 0.2, None, None)
        journal.results.add_folder_losses(1, step // 40, {"3_school": (0.1, 9)})
        journal.results.add_checkpoint(1, Checkpoint(step // 40, step, f"x-{step}", 1, None, None, None, None, 0.0))
    journal.rewind(1, 80)
    assert [step for step, _ in journal.results.validations(1)] == [40, 80]
    assert [epoch for epoch, *_ in journal.results.folder_losses(1)] == [1, 2]
    assert [saved.step for saved in journal.results.checkpoints(1)] == [80, 40]
    journal.rewind(1, 79)
    assert [epoch for epoch, *_ in journal.results.folder_losses(1)] == [1]


def test_marks_stay_for_the_changes_are_made_again_and_the_rest_is_history(journal: Journal, queue: Queue) -> None:
    queue()
    marks = [Mark(step, 0.0, kind, "") for step in (5, 15) for kind in MarkKind]
    for mark in marks:
        journal.results.add_mark(1, mark)
    journal.rewind(1, 10)
    assert journal.results.marks(1) == marks
