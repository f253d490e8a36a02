import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.journal import database
from trainer.journal.journal import Journal
from trainer.journal.replace_file import refuse_if_used


def test_a_journal_on_a_local_disk_uses_the_write_ahead_log(journal: Journal) -> None:
    assert journal.wal
    assert journal.warning == ""
    assert sqlite3.connect(journal.path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_journal_on_a_network_file_system_rolls_back_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Journal(tmp_path / "journal.sqlite").close()  # made on a local disk, then moved
    monkeypatch.setattr(database, "network_file_system", lambda path: "nfs4")
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.log.write("written")
        assert not journal.wal
        assert "nfs4" in journal.warning
    assert sqlite3.connect(tmp_path / "journal.sqlite").execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_what_was_written_is_there_when_opened_again(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.log.write("kept")
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert [line.text for line in journal.log.read()] == ["kept"]


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(WorkspaceError, match="another program"):
        Journal(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_text("Dear diary, " * 200)
    with pytest.raises(WorkspaceError, match=r"journal\.sqlite: not a lora-tui journal"):
        Journal(path)
    assert path.read_text() == "Dear diary, " * 200


def test_a_journal_is_damaged_whose_names_sqlite_cannot_repeat(tmp_path: Path) -> None:
    """Python fails to decode the message then, before it makes an error of it."""
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE checkpoint", b"CREATE TABL\xdf checkpoint"))
    with pytest.raises(WorkspaceError, match=r"journal\.sqlite: the journal is damaged"):
        Journal(path)
    refuse_if_used(path)


def test_a_damaged_journal_is_named_as_damaged(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        for number in range(2000):
            journal.log.write(f"line {number}")
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = os.urandom(len(content) - 4096 * 2)
    path.write_bytes(content)
    with pytest.raises(WorkspaceError, match="damaged"), Journal(path) as journal:
        journal.log.read(limit=5000)


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="cannot be opened for writing"):
        Journal(tmp_path / "missing" / "journal.sqlite")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_journal_without_permission_to_write_is_one_clear_line(journal: Journal) -> None:
    journal.close()
    journal.path.chmod(0o444)
    journal.path.parent.chmod(0o555)
    try:
        with pytest.raises(WorkspaceError, match="cannot be opened for writing"):
            Journal(journal.path).log.write("x")
    finally:
        journal.path.parent.chmod(0o755)


def test_a_lock_held_too_long_is_a_workspace_error_and_the_next_write_goes_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with Journal(tmp_path / "journal.sqlite") as journal:
        other = sqlite3.connect(journal.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorkspaceError, match="another program has been writing"):
            journal.log.write("too early")
        other.execute("ROLLBACK")
        journal.log.write("in time")
        assert [line.text for line in journal.log.read()] == ["in time"]


def test_a_full_disk_is_recognised_and_freeing_space_is_enough(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "journal.sqlite")
    pages = opened.rows("PRAGMA page_count")[0][0]

    def fill() -> None:
        with opened.writing() as connection:
            connection.execute("INSERT INTO log (seconds, level, text) VALUES (0, 'info', ?)", ("x" * 100_000,))

    opened.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(WorkspaceError, match="disk is full") as caught:
        fill()
    assert caught.value.full
    opened.rows("PRAGMA max_page_count = 100000")
    fill()
    opened.close()


def test_an_index_of_the_log_that_finds_no_room_is_a_full_disk(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "journal.sqlite")
    # What SQLite says on a tmpfs filled to the last page.
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    with pytest.raises(WorkspaceError, match="disk is full") as caught, opened.writing():
        raise error
    assert caught.value.full
    opened.close()


def test_another_failure_is_no_full_disk(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        Journal(tmp_path / "missing" / "journal.sqlite")
    assert not caught.value.full


def test_reading_holds_no_transaction(journal: Journal) -> None:
    journal.log.write("a line")
    journal.log.read()
    journal.bakes.latest()
    # A reader in mid-transaction would keep the write-ahead log from being emptied (busy = 1).
    busy, _, _ = sqlite3.connect(journal.path).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0


def test_a_failure_within_a_write_leaves_nothing_of_it(tmp_path: Path) -> None:
    opened = database.Database(tmp_path / "journal.sqlite")
    Journal(opened.path).close()
    with pytest.raises(ZeroDivisionError), opened.writing() as connection:
        connection.execute("INSERT INTO log (seconds, level, text) VALUES (0, 'info', 'half')")
        _ = 1 / 0
    assert opened.rows("SELECT * FROM log") == []
    opened.close()


def test_opening_waits_for_a_program_that_holds_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
    timer.start()
    with Journal(path) as journal:
        assert journal.wal
    timer.join()


def test_a_new_journal_opened_by_many_programs_at_once_is_created_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from trainer.journal.journal import Journal\n"
        "sys.stdin.readline(); Journal(Path(sys.argv[1])).log.write('here')"
    )
    path = tmp_path / "journal.sqlite"
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for one in programs:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.communicate()[1] for one in programs] == [""] * 4
    with Journal(path) as journal:
        assert len(journal.log.read()) == 4


def test_the_journal_imports_nothing_heavy() -> None:
    program = "import sys, trainer.journal.journal, trainer.journal.metrics; print(*{'torch', 'numpy', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "\n"
