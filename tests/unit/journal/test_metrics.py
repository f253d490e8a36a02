import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.journal import database, metrics
from trainer.journal.journal import Journal
from trainer.journal.metrics import MetricWriter
from trainer.journal.records import Bake

Queue = Callable[..., Bake]


def test_what_was_put_is_there_after_a_flush(journal: Journal, queue: Queue) -> None:
    queue()
    with MetricWriter(journal.path, 1) as writer:
        writer.put(1, {"loss": 0.5, "lr_unet": 1e-4})
        writer.flush()
        assert journal.curves.last_values(1) == {"loss": (1, 0.5), "lr_unet": (1, 1e-4)}


def test_what_was_put_is_written_without_a_flush(journal: Journal, queue: Queue) -> None:
    queue()
    with MetricWriter(journal.path, 1) as writer:
        before = journal.data_version()
        writer.put(1, {"loss": 0.5})
        waited = threading.Event()
        for _ in range(200):
            if journal.data_version() != before:
                break
            waited.wait(0.05)
        assert journal.curves.last_values(1) == {"loss": (1, 0.5)}


def test_close_writes_what_waits(journal: Journal, queue: Queue) -> None:
    queue()
    writer = MetricWriter(journal.path, 1)
    for step in range(1, 1001):
        writer.put(step, {"loss": float(step)})
    writer.close()
    writer.close()
    assert journal.curves.read(1, "loss", 600).mean == [float(step) for step in range(1, 1001)]


def test_values_put_from_several_threads_are_all_written(journal: Journal, queue: Queue) -> None:
    queue()
    with MetricWriter(journal.path, 1) as writer:

        def put_every_fourth(offset: int) -> None:
            for step in range(offset, 4000, 4):
                writer.put(step, {"loss": float(step)})

        threads = [threading.Thread(target=put_every_fourth, args=(offset,)) for offset in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert journal.curves.read(1, "loss", 2000).steps == list(range(4000))


def test_putting_does_not_wait_for_a_locked_journal(
    journal: Journal, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue()
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    lock = sqlite3.connect(journal.path, isolation_level=None)
    with MetricWriter(journal.path, 1) as writer:
        lock.execute("BEGIN IMMEDIATE")
        writer.put(1, {"loss": 0.5})  # would never return if it waited: the lock falls only below
        with pytest.raises(WorkspaceError, match="another program"):
            writer.flush()
        lock.execute("ROLLBACK")
        writer.put(2, {"loss": 0.4})
        writer.flush()
    assert journal.curves.read(1, "loss", 10).mean == [0.5, 0.4]


def test_a_journal_still_locked_at_the_end_is_reported_by_close(
    journal: Journal, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue()
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    writer = MetricWriter(journal.path, 1)
    writer.flush()
    lock = sqlite3.connect(journal.path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    writer.put(1, {"loss": 0.5})
    with pytest.raises(WorkspaceError, match="another program"):
        writer.close()


def test_a_journal_that_cannot_be_opened_is_reported_by_flush_and_by_close(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("no database " * 100)
    writer = MetricWriter(path, 1)
    writer.put(1, {"loss": 0.5})
    for ask in (writer.flush, writer.flush, writer.close):
        with pytest.raises(WorkspaceError, match="not a lora-tui journal"):
            ask()


def test_a_mistake_in_the_thread_is_reported(journal: Journal, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue()

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(metrics, "write_series", broken)
    writer = MetricWriter(journal.path, 1)
    writer.put(1, {"loss": 0.5})
    for ask in (writer.flush, writer.close):
        with pytest.raises(ZeroDivisionError):
            ask()


def test_metrics_of_no_bake_are_refused(journal: Journal) -> None:
    writer = MetricWriter(journal.path, 5)
    writer.put(1, {"loss": 0.5})
    with pytest.raises(WorkspaceError):
        writer.close()


def test_putting_into_a_closed_writer_is_a_mistake(journal: Journal, queue: Queue) -> None:
    queue()
    writer = MetricWriter(journal.path, 1)
    writer.close()
    with pytest.raises(RuntimeError):
        writer.put(1, {"loss": 0.5})


def test_a_second_writer_continues_the_pyramid_of_the_first(journal: Journal, queue: Queue) -> None:
    queue()
    queue()
    for bake, parts in ((1, [range(1, 301)]), (2, [range(1, 151), range(151, 152), range(152, 301)])):
        for part in parts:
            with MetricWriter(journal.path, bake) as writer:
                for step in part:
                    writer.put(step, {"loss": 1.0 / step})
    for columns in (2, 10, 40, 200):
        assert journal.curves.read(2, "loss", columns) == journal.curves.read(1, "loss", columns)


def test_a_writer_that_repeats_steps_replaces_them(journal: Journal, queue: Queue) -> None:
    queue()
    for steps, value in ((range(1, 101), 1.0), (range(61, 121), 2.0)):
        with MetricWriter(journal.path, 1) as writer:
            for step in steps:
                writer.put(step, {"loss": value})
    assert journal.curves.read(1, "loss", 200).mean == [1.0] * 60 + [2.0] * 60
    coarse = journal.curves.read(1, "loss", 1)
    # Blocks of 64: steps 1 to 63, 61 to 63 of them new, and 64 to 120. A step counted twice would shift the means.
    assert coarse.steps == [1, 64]
    assert coarse.mean == pytest.approx([(60 * 1.0 + 3 * 2.0) / 63, 2.0])
