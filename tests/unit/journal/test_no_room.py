"""A journal on a disk without room for SQLite's logs: it is read as it lies there, and freeing some is enough to write it."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.journal import database
from trainer.journal.journal import NO_ROOM, Journal
from trainer.journal.records import Bake, BakeState


@pytest.fixture
def disk() -> Iterator[pytest.MonkeyPatch]:
    """A disk on which no log of SQLite finds room, as a tmpfs filled to the last page; `undo` frees some."""

    def refuse(_: database.Database, mode: str) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
        raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database.Database, "_set_journal_mode", refuse)
        yield patch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a line in its log."""
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.log.write("early")
    return tmp_path / "journal.sqlite"


def lines(journal: Journal) -> list[str]:
    return [line.text for line in journal.log.read()]


def test_it_is_read_and_says_why_nothing_is_written(path: Path, disk: pytest.MonkeyPatch) -> None:
    with Journal(path) as journal:
        assert lines(journal) == ["early"]
        assert (journal.unwritable, journal.caution()) == (NO_ROOM, NO_ROOM)
        with pytest.raises(WorkspaceError, match="disk is full") as caught:
            journal.log.write("late")
        assert caught.value.full
        assert lines(journal) == ["early"]


def test_it_is_written_as_soon_as_there_is_room(path: Path, disk: pytest.MonkeyPatch) -> None:
    with Journal(path) as journal:
        before = journal.data_version()
        disk.undo()
        journal.log.write("late")
        assert lines(journal) == ["early", "late"]
        assert journal.unwritable == journal.warning == ""
        assert journal.data_version() != before
        assert journal.own_changes() == 1


def test_a_bake_whose_process_is_gone_is_marked_once_there_is_room(
    journal: Journal, queue: Callable[..., Bake], disk: pytest.MonkeyPatch
) -> None:
    queue()
    journal.queue.claim("engine", 1, 0.0)
    # Closed last, it takes its logs along.
    journal.close()
    with Journal(journal.path) as looking:
        assert looking.unwritable
        assert looking.bakes.mark_lost(lambda pid, started: False) == []
        assert looking.bakes.read(1).state is BakeState.STARTING
        disk.undo()
        assert looking.bakes.mark_lost(lambda pid, started: False) == [1]


def test_a_journal_that_is_not_there_cannot_be_made(tmp_path: Path, disk: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkspaceError, match="disk is full"):
        Journal(tmp_path / "journal.sqlite")


def test_another_failure_is_told_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(database.Database, "_set_journal_mode", refuse)
    with pytest.raises(WorkspaceError, match="cannot be used"):
        Journal(path)
