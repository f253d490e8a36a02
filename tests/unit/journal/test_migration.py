"""`form_1.sql` and `form_3.sql` are journals that earlier programs wrote, dumped: they are opened by the program of today."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.journal.database import Database
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, NewBake, Order
from trainer.journal.schema import SCHEMA_VERSION


def dumped(form: int, path: Path) -> Path:
    """Return `path`, a journal of `form` now."""
    connection = sqlite3.connect(path)
    connection.executescript(Path(__file__).with_name(f"form_{form}.sql").read_text(encoding="utf-8"))
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return dumped(1, tmp_path / "journal.sqlite")


def columns(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Return each table's columns, and the indices, whatever their order."""
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'index')")]
    # Without the position: an added column stands last.
    return {name: {row[1:] for row in connection.execute(f"PRAGMA table_info({name})")} for name in names}


def test_the_file_is_of_the_first_form(old: Path) -> None:
    assert sqlite3.connect(old).execute("PRAGMA user_version").fetchone() == (1,)


def test_what_an_older_program_wrote_is_all_there(old: Path) -> None:
    with Journal(old) as journal:
        first = journal.bakes.read(1)
        assert (first.state, first.why, first.peak_vram) == (BakeState.DONE, "first try", 5 << 30)
        assert journal.bakes.read(2).parent == 1
        assert [saved.file for saved in journal.results.checkpoints(1)] == [
            "hifumi.safetensors",
            "hifumi-000001.safetensors",
        ]
        assert journal.curves.read(1, "loss", 20).mean == [1 / step for step in range(1, 9)]
        assert journal.results.validations(1) == [(4, 0.25), (8, 0.2)]
        assert journal.results.folder_losses(1) == [(1, "3_school", 0.3, 12), (2, "3_school", 0.2, 12)]
        assert journal.results.manifest(1) == b"\x1f\x8bdata"
        assert [given.order for given in journal.orders.read(1)] == [Order.SAVE]
        assert len(journal.telemetry.read(0, 1)) == 1
        assert [line.text for line in journal.log.read(bake=1)] == ["saved hifumi.safetensors"]


def test_the_new_columns_have_what_an_old_bake_would_have_had(old: Path) -> None:
    with Journal(old) as journal:
        bake = journal.bakes.read(3)
        assert (bake.attempt, bake.held, bake.on_failure, bake.device) == (1, False, "go on", "")
        assert (bake.not_before, bake.planned_seconds, bake.refers, bake.starts_from) == (None, None, "", "")
        assert (journal.orders.pending(2)[0].argument, journal.orders.pending(2)[0].answer) == ("", "")
        assert (journal.results.marks(1), journal.results.states(1), journal.digests.last_viewed()) == ([], [], None)


def test_old_bakes_wait_in_the_order_they_were_queued_and_new_ones_behind_them(old: Path) -> None:
    with Journal(old) as journal:
        journal.bakes.add(NewBake(name="x", why="", settings_toml="", engine="a1", total_steps=1, steps_per_epoch=1))
        assert [bake.number for bake in journal.queue.waiting()] == [3, 4, 5]


def test_a_bake_of_the_third_form_was_measured_and_nothing_was_predicted_for_it(tmp_path: Path) -> None:
    path = dumped(3, tmp_path / "journal.sqlite")
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (3,)
    with Journal(path) as journal:
        bake = journal.bakes.read(1)
        assert (bake.peak_vram, bake.measured_peak, bake.device) == (5 << 30, 5 << 30, "0123-uuid")
        assert (bake.predicted_peak, bake.predicted_peak_parts, bake.measured_peak_allocated) == (None, "", None)
        journal.bakes.set_predicted_peak(2, 4 << 30, "{}")
        assert (journal.bakes.read(2).predicted_peak, journal.bakes.read(2).parent) == (4 << 30, 1)


@pytest.mark.parametrize("form", [1, 3])
def test_a_journal_brought_up_has_the_tables_of_a_new_one(form: int, tmp_path: Path) -> None:
    old = dumped(form, tmp_path / "journal.sqlite")
    Journal(old).close()
    Journal(tmp_path / "new.sqlite").close()
    assert columns(old) == columns(tmp_path / "new.sqlite")
    assert sqlite3.connect(old).execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert sqlite3.connect(old).execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_journal_is_brought_up_once_by_many_programs_at_once(old: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from trainer.journal.journal import Journal\n"
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
    with Journal(old) as journal:
        assert [line.text for line in journal.log.read() if line.bake is None] == ["here"] * 4


def test_a_journal_that_could_not_be_brought_up_is_left_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.journal import schema

    broken = (*schema._STEPS[1], "CREATE TABLE bake (twice INTEGER)")
    monkeypatch.setitem(schema._STEPS, 1, broken)
    with pytest.raises(Exception, match="already exists"):
        Database(old)
    monkeypatch.undo()
    with Journal(old) as journal:
        assert journal.bakes.read(1).place == 1
