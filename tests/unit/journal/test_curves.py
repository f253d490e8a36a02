import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from charted_bakes import million_steps

from trainer.journal.curves import CurveStore, drop_points, write_points, write_series
from trainer.journal.database import Database
from trainer.journal.journal import Journal
from trainer.journal.records import Curve, NewBake

MILLION = 1_000_000
SPIKE = 654_321


def new_journal(path: Path) -> Database:
    with Journal(path) as journal:
        journal.bakes.add(NewBake(name="x", why="", settings_toml="", engine="e", total_steps=1, steps_per_epoch=1))
    return Database(path)


def write(database: Database, points: list[tuple[int, float]]) -> None:
    with database.writing() as connection:
        write_points(connection, 1, "loss", points)


def whole(database: Database, columns: int) -> Curve:
    return CurveStore(database).read(1, "loss", columns, first=None, last=None)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_journal(tmp_path / "journal.sqlite")
    yield database
    database.close()


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A million steps of a ramp with one spike, step 654321."""
    path = tmp_path_factory.mktemp("million") / "journal.sqlite"
    million_steps(path, steps=MILLION, spike=SPIKE)
    database = Database(path)
    yield database
    database.close()


@pytest.mark.parametrize("columns", [1, 60, 120, 500])
def test_a_million_steps_give_at_most_two_entries_a_column(million: Database, columns: int) -> None:
    entries = len(whole(million, columns).steps)
    assert columns / 2 <= entries <= 2 * columns


@pytest.mark.parametrize("window", [(None, None), (250_001, 260_000), (999_000, None)])
def test_drawing_a_million_steps_reads_few_rows(million: Database, window: tuple[int | None, int | None]) -> None:
    # SQLite's virtual machine takes some ten instructions a row; a scan of the million would take millions.
    instructions = 0

    def count() -> None:
        nonlocal instructions
        instructions += 10

    million._connection.set_progress_handler(count, 10)
    CurveStore(million).read(1, "loss", 120, first=window[0], last=window[1])
    million._connection.set_progress_handler(None, 10)
    assert 0 < instructions < 240 * 20


@pytest.mark.parametrize("columns", [1, 60, 120, 500])
def test_a_spike_of_one_step_survives_at_every_width(million: Database, columns: int) -> None:
    curve = whole(million, columns)
    at = curve.high.index(99.0)
    width = 4**curve.level
    assert curve.steps[at] <= SPIKE < curve.steps[at] + width
    assert sum(high > 1 for high in curve.high) == 1


def test_a_block_has_the_least_greatest_and_mean_of_its_steps(million: Database) -> None:
    curve = CurveStore(million).read(1, "loss", 60, first=100_000, last=100_999)
    width = 4**curve.level
    assert width == 16
    for step, low, high, mean in zip(curve.steps, curve.low, curve.high, curve.mean, strict=True):
        values = [number / MILLION for number in range(step, step + width)]
        assert (low, high) == (min(values), max(values))
        assert mean == pytest.approx(sum(values) / width)


def test_a_window_narrower_than_the_drawing_shows_single_steps(million: Database) -> None:
    curve = CurveStore(million).read(1, "loss", 60, first=SPIKE - 20, last=SPIKE + 20)
    assert curve.level == 0
    assert curve.steps == list(range(SPIKE - 20, SPIKE + 21))
    assert curve.mean[20] == curve.low[20] == curve.high[20] == 99.0


def test_a_window_outside_the_steps_is_empty(million: Database) -> None:
    assert CurveStore(million).read(1, "loss", 60, first=2 * MILLION, last=None).steps == []


def test_a_metric_never_written_is_an_empty_curve(database: Database) -> None:
    assert whole(database, 60) == Curve([], [], [], [], 0)


def test_what_is_no_number_counts_in_no_block_and_shows_as_nan_where_it_stands_alone(database: Database) -> None:
    nan = math.nan
    write(database, [(0, nan), (1, 2.0), (2, 4.0), (3, nan), (4, nan), (5, nan), (6, nan), (7, nan), (8, 1.0)])
    curve = whole(database, 2)
    assert curve.level == 1
    assert (curve.low[0], curve.high[0], curve.mean[0]) == (2.0, 4.0, 3.0)
    assert all(math.isnan(values[1]) for values in (curve.low, curve.high, curve.mean))
    assert (curve.low[2], curve.high[2], curve.mean[2]) == (1.0, 1.0, 1.0)
    assert math.isnan(whole(database, 20).mean[0])


def test_an_infinite_loss_is_kept(database: Database) -> None:
    write(database, [(step, math.inf if step == 5 else 1.0) for step in range(1, 41)])
    assert max(whole(database, 4).high) == math.inf


def test_the_first_block_starts_at_the_first_step(database: Database) -> None:
    write(database, [(step, 1.0) for step in range(501, 600)])
    curve = whole(database, 10)
    assert curve.level > 0
    assert curve.steps[0] == 501


def test_the_pyramid_does_not_depend_on_how_the_points_came(tmp_path: Path, database: Database) -> None:
    chance = random.Random(3)
    points = [(step, chance.random()) for step in range(1, 700)]
    write(database, points)
    other = new_journal(tmp_path / "other.sqlite")
    shuffled = chance.sample(points, len(points))
    # Some come twice, first with a wrong value: a bake that went back to a state and on again.
    write(other, [(step, 50.0) for step, _ in points[100:200]])
    while shuffled:
        size = chance.randrange(1, 40)
        write(other, shuffled[:size])
        shuffled = shuffled[size:]
    sql = "SELECT level, step, low, high, count FROM block ORDER BY level, step"
    assert [tuple(row) for row in other.rows(sql)] == [tuple(row) for row in database.rows(sql)]
    for columns in (2, 20, 100, 400):
        assert whole(other, columns).mean == pytest.approx(whole(database, columns).mean)
    other.close()


def test_the_last_value_of_each_metric_is_read(tmp_path: Path) -> None:
    database = new_journal(tmp_path / "journal.sqlite")
    with database.writing() as connection:
        write_points(connection, 1, "loss", [(1, 0.5), (3, math.nan), (2, 0.4)])
        write_points(connection, 1, "lr_unet", [(2, 1e-4)])
    database.close()
    with Journal(tmp_path / "journal.sqlite") as journal:
        last = journal.curves.last_values(1)
    assert last["lr_unet"] == (2, 1e-4)
    assert last["loss"][0] == 3
    assert math.isnan(last["loss"][1])


def test_several_metrics_written_at_once_are_those_written_one_by_one(tmp_path: Path) -> None:
    rng = random.Random(7)
    metrics = {
        name: [(step, math.nan if step % 9 == 0 else rng.random()) for step in range(first, 300, stride)]
        for name, first, stride in (("loss", 1, 1), ("grad_norm", 1, 1), ("vram", 40, 3), ("empty", 300, 1))
    }
    at_once, by_one = (new_journal(tmp_path / f"{name}.sqlite") for name in ("once", "one"))
    with at_once.writing() as connection:
        write_series(connection, 1, metrics)
    with by_one.writing() as connection:
        for name, points in metrics.items():
            write_points(connection, 1, name, points)
    for sql in ("SELECT * FROM point ORDER BY 1, 2", "SELECT * FROM block ORDER BY 1, 2, 3"):
        one, other = ([tuple(row) for row in each.rows(sql)] for each in (at_once, by_one))
        assert one == other and len(one) > 300
    at_once.close()
    by_one.close()


def test_each_metric_is_known_by_its_first_and_last_step(database: Database) -> None:
    with database.writing() as connection:
        write_series(connection, 1, {"loss": [(5, 1.0), (9, 2.0)], "vram": [(7, math.nan)]})
    assert CurveStore(database).extents(1) == {"loss": (5, 9), "vram": (7, 7)}
    assert CurveStore(database).extents(2) == {}
    with database.writing() as connection:
        drop_points(connection, 1, 6)
    # After a rewind a metric may have nothing left.
    assert CurveStore(database).extents(1) == {"loss": (5, 5)}


def test_a_step_is_read_exactly_else_the_one_before_it(database: Database) -> None:
    with database.writing() as connection:
        write_series(connection, 1, {"loss": [(1, 0.5), (2, 0.25), (9, math.nan)], "vram": [(4, 1e9)]})
    store = CurveStore(database)
    assert store.at(1, ["loss", "vram"], 2) == {"loss": (2, 0.25)}
    assert store.at(1, ["loss", "vram", "never"], 8) == {"loss": (2, 0.25), "vram": (4, 1e9)}
    step, value = store.at(1, ["loss"], 100)["loss"]
    assert step == 9 and math.isnan(value)
    assert store.at(1, ["loss"], 0) == {}
    assert store.at(2, ["loss"], 5) == {}
