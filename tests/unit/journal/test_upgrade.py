"""A journal of today's version is opened by a program whose version is the next one, made up here."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trainer.errors import WorkspaceError
from trainer.journal import database, schema
from trainer.journal.journal import Journal
from trainer.journal.records import Bake
from trainer.journal.schema import SCHEMA_VERSION

Queue = Callable[..., Bake]

UPGRADE = (
    "ALTER TABLE bake ADD COLUMN made_up TEXT NOT NULL DEFAULT 'red'",
    "CREATE TABLE pot (number INTEGER PRIMARY KEY)",
)

NEXT_VERSION = f"""
from trainer.journal import database, schema
schema.SCHEMA_VERSION = database.SCHEMA_VERSION = {SCHEMA_VERSION + 1}
schema._UPGRADES[{SCHEMA_VERSION}] = {UPGRADE!r}
"""


@pytest.fixture
def old(journal: Journal, queue: Queue) -> Path:
    """A journal of today with one bake in it."""
    queue("hifumi")
    journal.close()
    return journal.path


@pytest.fixture
def next_version(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (schema, database):
        monkeypatch.setattr(module, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setitem(schema._UPGRADES, SCHEMA_VERSION, UPGRADE)


def version_of(path: Path) -> int:
    return int(sqlite3.connect(path).execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.usefixtures("next_version")
def test_a_journal_of_an_older_version_is_upgraded_and_keeps_what_is_in_it(old: Path) -> None:
    with Journal(old) as journal:
        assert journal.bakes.read(1).name == "hifumi"
    assert sqlite3.connect(old).execute("SELECT name, made_up FROM bake").fetchall() == [("hifumi", "red")]
    assert version_of(old) == SCHEMA_VERSION + 1


@pytest.mark.usefixtures("next_version")
def test_an_upgraded_journal_is_opened_again_without_another_upgrade(old: Path) -> None:
    Journal(old).close()
    with Journal(old) as journal:
        assert journal.bakes.read(1).name == "hifumi"


def test_a_journal_is_upgraded_once_by_many_programs_at_once(old: Path) -> None:
    program = (
        f"import sys; from pathlib import Path; from trainer.journal.journal import Journal\n{NEXT_VERSION}"
        "sys.stdin.readline(); Journal(Path(sys.argv[1])).log.write('here')"
    )
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(old)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for one in programs:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.communicate()[1] for one in programs] == [""] * 4
    assert sqlite3.connect(old).execute("SELECT text FROM log").fetchall() == [("here",)] * 4


@pytest.mark.usefixtures("next_version")
def test_a_journal_that_could_not_be_upgraded_is_left_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schema._UPGRADES, SCHEMA_VERSION, (*UPGRADE, "CREATE TABLE bake (twice INTEGER)"))
    with pytest.raises(WorkspaceError, match="already exists"):
        Journal(old)
    assert version_of(old) == SCHEMA_VERSION
    monkeypatch.undo()
    with Journal(old) as journal:
        assert journal.bakes.read(1).place == 1


def test_a_journal_of_a_newer_version_is_refused_and_left_alone(old: Path) -> None:
    with sqlite3.connect(old) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(WorkspaceError) as caught:
        Journal(old)
    assert caught.value.line() == (
        f"{old}: journal version {SCHEMA_VERSION + 1}; this lora-tui reads up to version {SCHEMA_VERSION}; "
        "it was written by a newer lora-tui: upgrade this one"
    )
    assert version_of(old) == SCHEMA_VERSION + 1


def test_every_version_has_the_statements_that_lead_to_the_next() -> None:
    assert sorted(schema._UPGRADES) == list(range(1, SCHEMA_VERSION))
