"""Paths as users give them, and the system's refusals, in words."""

import errno
import os
import re
from pathlib import Path

import pytest
from no_override import permissions_hold

from lora_tui.wording.unexpected import as_error
from trainer.errors import DiskFull, OutOfMemory, PathError
from trainer.refusals import current_folder, home_folder, real_path, refusal_of, user_path

ROOT = Path(__file__).parents[2]


def test_the_home_folder_stands_for_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/a b") == tmp_path / "a b"
    assert user_path("~root/x").is_absolute()
    assert user_path("a~/~b") == Path("a~/~b")
    assert home_folder() == tmp_path


def test_an_unknown_home_is_named_and_the_way_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PathError, match=re.escape("~no-one/x: no user `no-one` here; expected a path; for a file")):
        user_path(Path("~no-one/x"))
    with pytest.raises(PathError, match=r"a\.toml: train_data_dir: ~no-one: no user"):
        user_path("~no-one", "a.toml: train_data_dir")
    # As in a container whose user has no entry in the table of users.
    monkeypatch.setattr(os.path, "expanduser", lambda text: text)
    with pytest.raises(PathError, match="~: your home folder is not known; expected a path; set HOME"):
        home_folder()


@pytest.mark.parametrize(
    ("path", "found"),
    [("a" * 256, "a name of 256 bytes"), ("x/" + "画" * 86, "a name of 258 bytes"), ("a\0b", "a zero byte")],
)
def test_what_no_file_can_be_called_is_refused(path: str, found: str) -> None:
    with pytest.raises(PathError, match=found) as refused:
        user_path(path)
    assert len(refused.value.line()) < 300


def test_links_in_a_circle_are_followed_as_far_as_they_go(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "away").symlink_to("real")
    assert real_path(tmp_path / "away" / "x") == tmp_path / "real" / "x"
    with pytest.raises(OSError) as refused:
        (real_path(tmp_path / "one") / "x").stat()
    assert "links that lead in a circle; remove one of them" in refusal_of(refused.value).line()


def test_a_current_folder_that_is_gone_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    assert real_path("x") == tmp_path / "gone" / "x"
    (tmp_path / "gone").rmdir()
    line = "the current folder: it is gone; go to another one with `cd`"
    for asked in (current_folder, lambda: real_path("x")):
        with pytest.raises(PathError, match=line):
            asked()
    assert real_path(tmp_path) == tmp_path
    with pytest.raises(FileNotFoundError) as raised:
        os.path.abspath("x")
    assert refusal_of(raised.value).line() == line


def test_the_closed_folder_on_the_way_is_named(tmp_path: Path) -> None:
    place = tmp_path / "closed" / "inner" / "journal.sqlite"
    place.parent.mkdir(parents=True)
    place.touch()
    (tmp_path / "closed").chmod(0)
    with permissions_hold(), pytest.raises(PermissionError) as refused:
        place.stat()
    with permissions_hold():
        line = refusal_of(refused.value).line()
    assert line.startswith(f"{tmp_path}/closed: no permission to look into this folder; ")
    (tmp_path / "closed").chmod(0o700)
    place.chmod(0)
    with permissions_hold(), pytest.raises(PermissionError) as refused:
        place.open()
    assert refusal_of(refused.value).line().startswith(f"{place}: no permission; ")


def test_a_file_on_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError) as refused:
        (tmp_path / "file" / "x" / "y").stat()
    assert refusal_of(refused.value).line() == f"{tmp_path}/file/x/y: `{tmp_path}/file` is a file; expected a folder"


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DiskFull, "the disk is full; free some space"),
        (errno.EDQUOT, DiskFull, "your share of the disk is full"),
        (errno.ENOMEM, OutOfMemory, "memory is full"),
        (errno.EROFS, PathError, "on a disk that cannot be written"),
        (errno.EIO, PathError, "Input/output error"),
        (errno.ENAMETOOLONG, PathError, "its path is too long"),
    ],
)
def test_each_refusal_has_its_words_and_its_exit_code(number: int, kind: type[Exception], words: str) -> None:
    error = OSError(number, os.strerror(number), "/somewhere/\x1b[2J")
    told = refusal_of(error)
    assert type(told) is kind
    assert told.line().startswith("/somewhere/\\x1b[2J: ")
    assert words in told.line()
    # The dashboard shows the same line.
    assert as_error("screen", error).line() == told.line()


def test_a_refusal_without_a_path_is_the_systems() -> None:
    assert refusal_of(OSError(errno.EMFILE, "Too many open files")).line() == "the system: Too many open files"
    assert refusal_of(OSError("odd")).line() == "the system: odd"
    assert refusal_of(OSError(errno.EIO, "odd", b"/b\xff")).line() == "/b�: odd"


# Module -> why it asks itself.
ASKERS = {
    "trainer/refusals.py": "the one place",
    "lora_tui/__main__.py": "before anything of ours may be imported",
    "trainer/grid/model_files.py": "a name that no path can be is one of no file",
    "trainer/checks/commands.py": "as the user's commands themselves",
    "trainer/engine/user_command.py": "a word of a command that no home belongs to is left as it is",
    "trainer/machine/python_child.py": "files of installed packages",
    "trainer/plan/optimizer_installed.py": "files of installed packages",
    "trainer/models/identify.py": "comes with the program",
    "lora_tui/colours/theme_files.py": "comes with the program",
    "lora_tui/commands/completed.py": "as the shell would, whose words it completes",
    "lora_tui/doctor/libraries.py": "comes with the program",
    "lora_tui/doctor/redaction.py": "comes with the program",
}
ASKING = re.compile(r"expanduser\(|Path\.home\(|Path\.cwd\(|getcwd\(|\.resolve\(\)")


def test_home_current_folder_and_links_are_asked_for_in_one_place() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("trainer", "lora_tui")
        for path in (ROOT / package).rglob("*.py")
        if ASKING.search(path.read_text("utf-8"))
    }
    assert found == set(ASKERS)
