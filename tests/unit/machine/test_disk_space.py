"""Room on the disk."""

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.machine.disk_space import Reserve, free_bytes, is_full


def caused(error: Exception, cause: Exception) -> Exception:
    """Return `error` as raised from `cause`."""
    try:
        raise error from cause
    except Exception as raised:
        return raised


def met_in(error: Exception, before: Exception) -> Exception:
    """Return `error` as raised while `before` was being handled."""
    try:
        try:
            raise before
        except Exception:
            raise error  # noqa: B904  # the point is the error that is not named
    except Exception as raised:
        return raised


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "error",
    [
        FULL,
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        caused(WorkspaceError("x", found="cannot be written"), FULL),
        caused(RuntimeError("outer"), caused(WorkspaceError("x", found="cannot be written"), FULL)),
        met_in(RuntimeError("outer"), FULL),
    ],
)
def test_a_full_disk_is_known_however_it_is_wrapped(error: Exception) -> None:
    assert is_full(error)


def test_the_journals_own_full_disk_is_known() -> None:
    error = WorkspaceError("journal.sqlite", found="the disk is full")
    error.full = True
    assert is_full(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, "Permission denied"),
        RuntimeError("No space left on device"),
        sqlite3.OperationalError("database is locked"),
        WorkspaceError("x", found="cannot be written"),
    ],
)
def test_other_errors_are_no_full_disk(error: Exception) -> None:
    assert not is_full(error)


def test_errors_that_lead_to_each_other_end() -> None:
    one, other = RuntimeError("one"), RuntimeError("other")
    one.__cause__, other.__cause__ = other, one
    assert not is_full(one)


def test_a_folder_to_come_has_the_room_of_where_it_will_be(tmp_path: Path) -> None:
    there, to_come = free_bytes(tmp_path), free_bytes(tmp_path / "bakes" / "0001")
    assert there > 0
    assert abs(there - to_come) < 1 << 30  # others write meanwhile


def test_a_reserve_takes_room_and_gives_it_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / ".reserve", 1 << 20)
    assert not reserve.held
    assert reserve.make()
    assert reserve.held
    assert (tmp_path / ".reserve").stat().st_blocks * 512 >= 1 << 20
    reserve.release()
    assert os.listdir(tmp_path) == []
    assert not reserve.held
    reserve.release()


def test_a_reserve_that_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    Reserve(tmp_path / ".reserve", 4096).make()
    later = Reserve(tmp_path / ".reserve", 4096)
    assert later.held
    assert later.make()


def test_where_there_is_no_room_there_is_no_reserve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise FULL

    monkeypatch.setattr(os, "posix_fallocate", full)
    reserve = Reserve(tmp_path / ".reserve")
    assert not reserve.make()
    assert os.listdir(tmp_path) == []


def test_without_a_folder_there_is_no_reserve(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "gone" / ".reserve")
    assert not reserve.make()
    assert not reserve.held
