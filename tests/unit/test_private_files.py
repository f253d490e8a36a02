"""What only its owner may read is made so, whatever the umask, and what was there keeps its mode."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lora_tui.terminal.redirect import log_path, output_redirected
from trainer.atomic_file import write_atomically
from trainer.journal.bake_folder import write_bake_json
from trainer.journal.journal import Journal
from trainer.journal.records import NewBake
from trainer.journal.replace_file import replace_journal
from trainer.private_files import make_private_file, make_private_folder
from trainer.workspace import Workspace, remember_workspace, state_home


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


def modes(folder: Path, which: str = "*") -> dict[str, str]:
    return {path.name: mode(path) for path in folder.glob(which)}


def make_bake(journal: Journal) -> int:
    return journal.bakes.add(
        NewBake(name="x", why="", settings_toml="", engine="", total_steps=1, steps_per_epoch=1)
    ).number


def test_a_journal_and_the_logs_beside_it_are_the_owners(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.log.write("a prompt")
        assert modes(tmp_path, "journal*") == dict.fromkeys(
            ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"), "600"
        )


def test_a_journal_that_was_opened_to_others_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    path.chmod(0o640)
    with Journal(path) as journal:
        journal.log.write("a prompt")
        assert set(modes(tmp_path, "journal*").values()) == {"640"}


def test_a_rebuilt_journal_is_the_owners(tmp_path: Path) -> None:
    replace_journal(tmp_path / "journal.sqlite", lambda path: Journal(path).close())
    assert modes(tmp_path, "journal*") == {"journal.sqlite": "600"}


def test_the_record_of_a_bake_is_the_owners(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        folder = tmp_path / "bake"
        folder.mkdir()
        write_bake_json(journal, make_bake(journal), folder)
    assert modes(folder) == {"bake.json": "600"}


def test_the_log_of_the_screen_lies_in_a_folder_of_the_owners(own_home: Path) -> None:
    with output_redirected(log_path()):
        os.write(1, b"a path\n")
    assert (mode(log_path()), mode(log_path().parent), mode(own_home / "state")) == ("600", "700", "700")


def test_what_was_used_last_lies_in_a_folder_of_the_owners(tmp_path: Path) -> None:
    remember_workspace(Workspace(tmp_path))
    assert mode(state_home()) == "700"


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(0o755)
    make_private_folder(tmp_path / "there" / "one" / "two")
    make_private_folder(tmp_path / "there")
    assert [mode(tmp_path / each) for each in ("there", "there/one", "there/one/two")] == ["755", "700", "700"]


def test_a_folder_where_a_file_is_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file", "file/inside"):
        with pytest.raises(OSError):
            make_private_folder(tmp_path / place)


def test_a_file_that_is_there_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    make_private_file(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe", 0o644)
    make_private_file(tmp_path / "pipe")
    make_private_file(tmp_path / "gone" / "file")
    assert (tmp_path / "file").read_text() == "text"
    assert modes(tmp_path) == {"file": "666", "pipe": "644"}


def test_an_atomic_write_is_private_only_where_asked_and_new(tmp_path: Path) -> None:
    write_atomically(tmp_path / "private", b"", private=True)
    write_atomically(tmp_path / "other", b"")
    (tmp_path / "old").touch(0o644)
    write_atomically(tmp_path / "old", b"", private=True)
    assert modes(tmp_path) == {"private": "600", "other": "666", "old": "644"}
