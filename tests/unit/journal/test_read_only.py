"""A journal where nothing can be written: what is in it is read, also while others write it, and nothing is made beside it."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from read_only import in_read_only, tree

from trainer.errors import WorkspaceError
from trainer.journal import database, read_only, schema
from trainer.journal.journal import READ_ONLY, Journal
from trainer.journal.read_only import ReadOnlyFile
from trainer.journal.records import Bake, BakeState

Queue = Callable[..., Bake]

WRITER = """
import sys
from pathlib import Path
from trainer.journal.journal import Journal
with Journal(Path(sys.argv[1])) as journal:
    print("open", flush=True)
    for text in sys.stdin:
        journal.log.write(text.strip())
        print("written", flush=True)
"""


def lines(journal: Journal) -> list[str]:
    return [line.text for line in journal.log.read()]


def lines_at(path: Path) -> list[str]:
    with Journal(path) as journal:
        return lines(journal)


def reader(path: Path, *, shared: bool = False, patience: float = 5.0) -> ReadOnlyFile:
    return ReadOnlyFile(path, shared=shared, patience=patience)


def texts(file: ReadOnlyFile) -> list[str]:
    return [row["text"] for row in file.rows("SELECT text FROM log ORDER BY id")]


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A journal that nobody has open."""
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        journal.log.write("early")
    return path


@pytest.fixture
def killed(closed: Path, tmp_path: Path) -> Path:
    """One as a killed process leaves it: its last line is in the log alone."""
    path = tmp_path / "killed" / "journal.sqlite"
    path.parent.mkdir()
    with Journal(closed) as journal:
        journal.log.write("late")
        for ending in ("", "-wal", "-shm"):
            shutil.copy(f"{closed}{ending}", f"{path}{ending}")
    assert b"late" not in path.read_bytes()
    return path


def test_a_closed_journal_is_read_and_nothing_is_made_beside_it(closed: Path) -> None:
    before = tree(closed.parent)

    def look() -> tuple[bool, str, list[str]]:
        with Journal(closed) as journal:
            return journal.read_only, journal.warning, lines(journal)

    assert in_read_only(closed.parent, look) == (True, READ_ONLY, ["early"])
    assert tree(closed.parent) == before


@pytest.mark.parametrize("index", [True, False], ids=["with its index", "without its index"])
def test_what_a_killed_process_wrote_last_is_read_too(killed: Path, index: bool) -> None:
    if not index:
        # As in a copy or a snapshot, or where the writer's computer is another.
        killed.with_name("journal.sqlite-shm").unlink()
    before = tree(killed.parent)
    assert in_read_only(killed.parent, lambda: lines_at(killed)) == ["early", "late"]
    assert tree(killed.parent) == before


def test_what_others_write_meanwhile_is_seen(closed: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(closed)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdin is not None and writer.stdout is not None
    assert writer.stdout.readline() == "open\n"

    def write(text: str) -> None:
        print(text, file=writer.stdin, flush=True)
        assert writer.stdout.readline() == "written\n"  # type: ignore[union-attr]

    def end() -> None:
        writer.communicate(timeout=30)

    def look() -> list[tuple[bool, list[str]]]:
        with Journal(closed) as journal:
            moments = (lambda: None, lambda: write("one"), lambda: write("two"), lambda: None, end)
            return [watched(journal, moment) for moment in moments]

    def watched(journal: Journal, do: Callable[[], None]) -> tuple[bool, list[str]]:
        before = journal.data_version()
        do()
        return journal.data_version() != before, lines(journal)

    seen = in_read_only(closed.parent, look)
    one, two = ["early", "one"], ["early", "one", "two"]
    assert seen[:4] == [(False, ["early"]), (True, one), (True, two), (False, two)]
    assert seen[4][1] == two


def test_a_journal_at_rest_is_followed_once_somebody_writes_it(closed: Path) -> None:
    # Neither log nor index was there when it was opened.
    file = reader(closed)
    written = ["early"]
    for text in ("one", "two"):
        before = file.data_version()
        with Journal(closed) as writer:
            writer.log.write(text)
            written.append(text)
            assert (texts(file), file.data_version() != before) == (written, True)
        assert texts(file) == written


def test_writing_is_refused_in_one_line_with_the_way_out(closed: Path, queue: Queue) -> None:
    def write() -> str:
        with Journal(closed) as journal, pytest.raises(WorkspaceError) as refused:
            journal.log.write("x")
        return refused.value.line()

    assert in_read_only(closed.parent, write).startswith(f"{closed.parent}: is read-only; expected a workspace you can")


def test_a_bake_that_may_run_elsewhere_is_not_taken_for_lost(tmp_path: Path, journal: Journal, queue: Queue) -> None:
    queue()
    journal.queue.claim("engine", 2**22 + 1, 0.0)
    journal.close()

    def look() -> tuple[list[int], BakeState]:
        with Journal(journal.path) as shown:
            return shown.bakes.mark_lost(), shown.bakes.read(1).state

    assert in_read_only(tmp_path, look) == ([], BakeState.STARTING)


def test_over_a_network_a_log_is_read_without_its_index(killed: Path) -> None:
    # The index lives in its writer's memory: what a network shows of it may be of another moment than the log.
    killed.with_name("journal.sqlite-shm").write_bytes(b"\xff" * 32768)
    file = reader(killed, shared=True)
    assert texts(file) == ["early", "late"]
    # Not Journal: in this process it would count on the index that was spoiled here.
    shutil.copy(killed, killed.parent / "copy.sqlite")
    shutil.copy(f"{killed}-wal", killed.parent / "copy.sqlite-wal")
    with Journal(killed.parent / "copy.sqlite") as writer:
        writer.log.write("later")
        shutil.copy(killed.parent / "copy.sqlite-wal", f"{killed}-wal")
    assert texts(file) == ["early", "late", "later"]


def test_a_read_across_a_write_is_repeated(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = reader(closed)
    real, moves = read_only._files, iter(range(3))

    def moving(path: Path) -> object:
        if next(moves, None) is not None:
            os.utime(closed, ns=(0, os.stat(closed).st_mtime_ns + 1))
        return real(path)

    monkeypatch.setattr(read_only, "_files", moving)
    assert texts(file) == ["early"]
    assert next(moves, None) is None


def test_a_journal_that_is_written_all_the_time_is_given_up(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = reader(closed, patience=0.05)
    real = read_only._files

    def moving(path: Path) -> object:
        os.utime(closed, ns=(0, os.stat(closed).st_mtime_ns + 1))
        return real(path)

    monkeypatch.setattr(read_only, "_files", moving)
    with pytest.raises(WorkspaceError, match=r"another program has been writing for 0\.05 s"):
        texts(file)
    monkeypatch.undo()
    assert texts(file) == ["early"]


def test_another_journal_in_its_place_is_read(closed: Path, tmp_path: Path) -> None:
    file = reader(closed)
    with Journal(tmp_path / "new.sqlite") as journal:
        journal.log.write("new")
    os.replace(tmp_path / "new.sqlite", closed)
    assert texts(file) == ["new"]


def test_a_transaction_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "there" / "journal.sqlite"
    path.parent.mkdir()
    Journal(path).close()
    cut = tmp_path / "cut" / "journal.sqlite"
    cut.parent.mkdir()
    with sqlite3.connect(path, isolation_level=None) as writer:
        # As on a network, where it rolls back.
        writer.execute("PRAGMA journal_mode = delete")
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN IMMEDIATE")
        writer.executemany("INSERT INTO log (seconds, level, text) VALUES (0, 'info', ?)", [("x" * 3000,)] * 50)
        for name in ("journal.sqlite", "journal.sqlite-journal"):
            shutil.copy(path.with_name(name), cut.with_name(name))
        writer.execute("ROLLBACK")

    def look() -> str:
        with pytest.raises(WorkspaceError) as refused:
            reader(cut, patience=0.05)
        return refused.value.line()

    assert "or was killed while it wrote" in in_read_only(cut.parent, look)


def test_a_journal_of_an_older_version_is_read_with_todays_tables(
    killed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = schema.SCHEMA_VERSION
    for module in (schema, database, read_only):
        monkeypatch.setattr(module, "SCHEMA_VERSION", version + 1)
    monkeypatch.setitem(schema._UPGRADES, version, ("ALTER TABLE log ADD COLUMN mood TEXT DEFAULT 'fine'",))
    before = tree(killed.parent)

    def look() -> list[tuple[str, str]]:
        file = reader(killed)
        return [tuple(row) for row in file.rows("SELECT text, mood FROM log ORDER BY id")]

    assert in_read_only(killed.parent, look) == [("early", "fine"), ("late", "fine")]
    assert tree(killed.parent) == before


def test_a_journal_that_nobody_may_read_is_one_line(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = sqlite3.OperationalError("unable to open database file")
    error.sqlite_errorname = "SQLITE_CANTOPEN"

    def refused(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(database, "may_write", lambda path: False)
    monkeypatch.setattr(read_only.sqlite3, "connect", refused)
    with pytest.raises(WorkspaceError, match="cannot be opened for reading; choose a folder you can read"):
        Journal(closed)


def test_a_damaged_one_is_named_as_damaged(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(closed) as journal:
        for number in range(100):
            journal.log.write(f"line {number} " + "x" * 2000)
    content = closed.read_bytes()
    closed.write_bytes(content[:8192] + os.urandom(len(content) - 8192))
    monkeypatch.setattr(database, "may_write", lambda path: False)
    with pytest.raises(WorkspaceError, match="damaged"), Journal(closed) as journal:
        journal.log.read(limit=5000)


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_one_file_that_cannot_be_written_makes_it_read_only(
    killed: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As another user's program leaves its logs in a folder that users share.
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != f"{killed}{ending}" and allowed(path, mode))
    with Journal(killed) as journal:
        assert journal.read_only
        assert lines(journal) == ["early", "late"]
