import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.journal import database, schema
from trainer.journal.journal import Journal
from trainer.journal.processes import this_process
from trainer.journal.records import Bake
from trainer.journal.replace_file import replace_journal
from trainer.journal.schema import SCHEMA_VERSION

Queue = Callable[..., Bake]

OPENER = """
import sys
from pathlib import Path
from trainer.journal.journal import Journal
with Journal(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.read()
"""


def new(path: Path) -> None:
    with Journal(path) as journal:
        journal.log.write("new")


def lines(path: Path) -> list[str]:
    with Journal(path) as journal:
        return [line.text for line in journal.log.read()]


def test_the_new_journal_is_in_the_place_of_the_old_one_which_is_kept(journal: Journal) -> None:
    journal.log.write("old")
    journal.close()
    _, kept = replace_journal(journal.path, new)
    assert kept == journal.path.with_name("journal.sqlite.before-rebuild")
    assert lines(journal.path) == ["new"]
    assert lines(kept) == ["old"]


def test_what_a_killed_process_left_in_the_write_ahead_log_goes_with_the_old_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    program = f"from pathlib import Path; from trainer.journal.journal import Journal\nimport os\nJournal(Path({str(path)!r})).log.write('late'); os._exit(0)"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert path.with_name("journal.sqlite-wal").stat().st_size > 0
    _, kept = replace_journal(path, new)
    assert kept is not None
    assert lines(path) == ["new"]
    assert lines(kept) == ["late"]


def test_an_old_journal_is_never_overwritten(journal: Journal) -> None:
    journal.close()
    replace_journal(journal.path, new)
    _, kept = replace_journal(journal.path, new)
    assert kept == journal.path.with_name("journal.sqlite.before-rebuild-2")
    names = sorted(path.name for path in journal.path.parent.glob("journal*"))
    assert names == ["journal.sqlite", "journal.sqlite.before-rebuild", "journal.sqlite.before-rebuild-2"]


def test_a_journal_that_is_gone_is_made(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.with_name("journal.sqlite-wal").write_bytes(b"left over")
    assert replace_journal(path, new) == (None, None)
    assert lines(path) == ["new"]


def test_a_damaged_journal_is_replaced_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(os.urandom(9000))
    _, kept = replace_journal(path, new)
    assert kept is not None and kept.stat().st_size == 9000
    assert lines(path) == ["new"]


def test_nothing_changes_where_the_new_journal_cannot_be_made(journal: Journal) -> None:
    journal.log.write("old")
    journal.close()

    def fails(path: Path) -> None:
        new(path)
        raise WorkspaceError("bakes", found="cannot be read")

    with pytest.raises(WorkspaceError, match="cannot be read"):
        replace_journal(journal.path, fails)
    assert not [path for path in journal.path.parent.iterdir() if "rebuild" in path.name]
    assert lines(journal.path) == ["old"]


def test_a_journal_with_a_running_bake_is_refused(journal: Journal, queue: Queue) -> None:
    queue()
    pid, started = this_process()
    journal.queue.claim("engine", pid, started)
    with pytest.raises(WorkspaceError, match=f"in use by bake 1, process {pid}"):
        replace_journal(journal.path, new)
    assert journal.bakes.read(1).name == "hifumi"


def test_a_bake_whose_process_is_gone_is_no_hindrance(journal: Journal, queue: Queue) -> None:
    queue()
    pid, started = this_process()
    journal.queue.claim("engine", pid, started - 1000)
    journal.close()
    replace_journal(journal.path, new)
    assert lines(journal.path) == ["new"]


def test_a_journal_that_another_process_has_open_is_refused_even_damaged(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    opener = subprocess.Popen(
        [sys.executable, "-c", OPENER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert opener.stdout is not None and opener.stdout.readline() == "open\n"
    try:
        with pytest.raises(WorkspaceError, match=f"in use by process {opener.pid}"):
            replace_journal(path, new)
    finally:
        opener.communicate()
    assert replace_journal(path, new)[1] is not None


def test_the_old_journal_is_not_upgraded_when_another_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    for module in (schema, database):
        monkeypatch.setattr(module, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setitem(schema._UPGRADES, SCHEMA_VERSION, ())
    _, kept = replace_journal(path, new)
    assert kept is not None
    assert sqlite3.connect(kept).execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
