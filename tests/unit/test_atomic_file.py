"""Files written whole or not at all."""

import errno
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trainer.atomic_file import (
    atomic_path,
    is_stream,
    link_or_copy,
    partial_folder,
    remove_partial_files,
    write_atomically,
    write_unflushed,
)
from trainer.machine.disk_space import is_full

TMPFS = "mount -t tmpfs -o size=1m none {folder} && exec {python} -c '{code}' {folder}"
ON_A_FULL_DISK = """
import os, sys
from pathlib import Path
from trainer.machine.disk_space import is_full
from trainer.atomic_file import write_atomically
folder = Path(sys.argv[1])
write_atomically(folder / "a", b"before")
try:
    write_atomically(folder / "a", bytes(2_000_000))
except OSError as error:
    print(is_full(error), (folder / "a").read_bytes() == b"before", os.listdir(folder) == ["a"])
"""
HALF_WRITTEN = """
import sys
from pathlib import Path
from trainer.atomic_file import atomic_path
with atomic_path(Path(sys.argv[1])) as beside:
    beside.write_bytes(b"half")
    print("half", flush=True)
    sys.stdin.read()
"""


def half_writing(path: Path) -> "subprocess.Popen[str]":
    """A process in the middle of writing `path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HALF_WRITTEN, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def killed_writing(path: Path) -> None:
    """Let a process die in the middle of writing `path`."""
    child = os.fork()
    if not child:
        try:
            with atomic_path(path) as beside:
                beside.write_bytes(b"half")
                os._exit(9)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_a_file_is_replaced_by_its_new_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_one_of_many_files_is_not_flushed_by_itself(
    can_exchange: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    if not can_exchange:
        # As on a disk that cannot.
        monkeypatch.setattr("trainer.atomic_file._renameat2", lambda: lambda *_: -1)
    (tmp_path / "old").write_text("before")
    (tmp_path / "old").chmod(0o640)
    (tmp_path / "link").symlink_to("old")
    before = (tmp_path / "old").stat().st_ino
    for name in ("link", "new"):
        replaced = write_unflushed(tmp_path / name, b"after")
        if replaced is not None:
            assert (name, can_exchange, replaced.read_text()) == ("link", True, "before")
            replaced.unlink()
        assert (tmp_path / name).read_text() == "after"
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "old").stat().st_ino != before
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640
    assert not flushed
    # What a killed process left of the same file is replaced.
    (tmp_path / "new").rename(tmp_path / ".new.11507a0e.part")
    write_unflushed(tmp_path / "new", b"again")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "new", "old"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_unflushed(tmp_path / "folder", b"x")


def test_one_of_many_files_that_cannot_be_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "old").write_text("before")
    with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
        patched.setattr(os, "write", no_room)
        write_unflushed(tmp_path / "old", b"after")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"old": "before"}


def no_room(_handle: int, _content: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_old_content_stays_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with atomic_path(path) as beside:
        beside.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_a_block_that_fails_leaves_what_was_there_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def broken() -> None:
        with atomic_path(path) as beside:
            beside.write_bytes(b"new")
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        broken()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fills_at_any_call_leaves_what_was_there(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space") as caught:
        write_atomically(path, b"new")
    assert is_full(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def test_a_disk_that_is_full_leaves_what_was_there(tmp_path: Path) -> None:
    script = TMPFS.format(folder=tmp_path, python=sys.executable, code=ON_A_FULL_DISK.replace("'", '"'))
    try:
        allowed = subprocess.run(["unshare", "-Urm", "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if not allowed:
        pytest.skip("no file system may be mounted here")
    ran = subprocess.run(["unshare", "-Urm", "sh", "-c", script], capture_output=True, text=True, check=False)
    if "mount" in ran.stderr:
        pytest.skip("no file system may be mounted here")
    assert (ran.stdout, ran.stderr) == ("True True True\n", "")


def test_a_link_is_followed_and_a_mode_stays(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    write_atomically(tmp_path / "link", b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_a_killed_process_left_is_cleaned_away(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    end(half_writing(path))
    assert len(os.listdir(tmp_path)) == 2
    assert remove_partial_files(tmp_path) == 1
    assert os.listdir(tmp_path) == ["a.safetensors"]
    assert path.read_bytes() == b"old"


def test_what_is_being_written_is_left_alone(tmp_path: Path) -> None:
    process = half_writing(tmp_path / "a")
    try:
        assert remove_partial_files(tmp_path) == 0
    finally:
        process.communicate()
    assert (tmp_path / "a").read_bytes() == b"half"


def test_files_of_other_names_are_left_alone(tmp_path: Path) -> None:
    # The last two as another program may name what it downloads: their digits are not those of our names.
    for name in (
        ".a.part",
        "a.0123abcd.part",
        ".a.0123abcd.part.txt",
        ".hidden",
        ".a.0123abcd.part",
        ".a.ca978112.part.",
    ):
        (tmp_path / name).touch()
    (tmp_path / ".b.0123abcd.part").mkdir()
    os.mkfifo(part_of(tmp_path / "pipe"))
    assert remove_partial_files(tmp_path) == 0
    assert len(os.listdir(tmp_path)) == 8


def part_of(path: Path) -> Path:
    """Return the part of `path` as it is named while it is written."""
    with atomic_path(path) as beside:
        pass
    path.unlink()
    return beside


def test_the_next_writer_of_a_file_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    killed_writing(path)
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".page.html.") and left.endswith(".part")
    write_atomically(path, b"whole")
    assert os.listdir(tmp_path) == ["page.html"]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with atomic_path(path) as one, atomic_path(path) as other, atomic_path(path) as third:
        assert len({one, other, third}) == 3
        for beside in (one, other, third):
            beside.write_bytes(beside.name.encode())
        assert remove_partial_files(tmp_path) == 0
    assert path.read_bytes() == one.name.encode(), "who ends last wins"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("name", ["x" * 255, "ー" * 85, "é" * 127 + "x"], ids=["latin", "wide", "accents"])
def test_a_name_as_long_as_a_name_may_be_is_written(name: str, tmp_path: Path) -> None:
    write_atomically(tmp_path / name, b"x")
    assert os.listdir(tmp_path) == [name]
    killed_writing(tmp_path / name)
    assert remove_partial_files(tmp_path) == 1


# What is no file


@pytest.mark.parametrize("by_link", [False, True])
def test_a_pipe_is_written_to_and_stays(by_link: bool, tmp_path: Path) -> None:
    pipe = path = tmp_path / "pipe"
    os.mkfifo(pipe)
    if by_link:
        path = tmp_path / "link"
        path.symlink_to(pipe)
    # Longer than a pipe holds at once.
    content = os.urandom(200_000)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)

    def read() -> bytes:
        came = b""
        while len(came) < len(content):
            came += os.read(reader, len(content))
        return came

    with ThreadPoolExecutor(1) as pool:
        came = pool.submit(read)
        write_atomically(path, content)
        assert came.result(30) == content
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert len(os.listdir(tmp_path)) == 1 + by_link


def test_a_pipe_that_nobody_reads_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="nothing reads from this pipe"):
        write_atomically(tmp_path / "pipe", b"x")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_terminal_is_written_to(tmp_path: Path) -> None:
    ours, terminal = os.openpty()
    try:
        (tmp_path / "link").symlink_to(os.ttyname(terminal))
        write_atomically(tmp_path / "link", b"words")
        assert os.read(ours, 100) == b"words"
    finally:
        os.close(ours)
        os.close(terminal)
    assert (tmp_path / "link").is_symlink()


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    null = tmp_path / "null"
    try:
        os.mknod(null, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        null.open("wb").close()
    except PermissionError:
        pytest.skip("no device may be made here; a terminal is one too")
    write_atomically(null, b"words")
    assert stat.S_ISCHR(null.stat().st_mode) and os.listdir(tmp_path) == ["null"]


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_an_open_file_of_the_process_is_written_where_it_stands(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before ")
    end_of, handle = os.pipe() if kind == "pipe" else (-1, os.open(tmp_path / "a", os.O_WRONLY | os.O_APPEND))
    # As a shell's `>>` and `>(…)` give it.
    os.set_inheritable(handle, True)
    os.symlink(f"/dev/fd/{handle}", tmp_path / "out")
    inode = (tmp_path / "a").stat().st_ino
    try:
        for path in (Path(f"/proc/self/fd/{handle}"), tmp_path / "out"):
            assert is_stream(path)
            write_atomically(path, b"more")
    finally:
        os.close(handle)
    if kind == "pipe":
        assert os.read(end_of, 100) == b"moremore"
        os.close(end_of)
    else:
        assert (tmp_path / "a").read_bytes() == b"before moremore"
        assert (tmp_path / "a").stat().st_ino == inode


def test_what_the_program_itself_has_open_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"rows")
    with (
        (tmp_path / "journal").open("r+b") as held,
        pytest.raises(OSError, match="not a file that the shell has opened"),
    ):
        write_atomically(Path(f"/dev/fd/{held.fileno()}"), b"page")
    assert (tmp_path / "journal").read_bytes() == b"rows"
    with pytest.raises(OSError, match="Bad file descriptor"):
        write_atomically(Path("/dev/fd/987"), b"page")


@pytest.mark.parametrize("way", ["write", "path", "link"])
@pytest.mark.parametrize("kind", ["socket", "folder", "disk"])
def test_what_cannot_be_written_whole_is_refused_and_stays(kind: str, way: str, tmp_path: Path) -> None:
    path = tmp_path / "there"
    if kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    elif kind == "folder":
        path.mkdir()
    else:
        try:
            # No driver has it: opened it would fail in any case, and nothing can be harmed.
            os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(60, 0))
        except PermissionError:
            pytest.skip("no device may be made here; a socket is refused in the same place")
    before = path.lstat()
    (tmp_path / "source").write_bytes(b"source")
    with pytest.raises(OSError, match=r"not a regular file|Is a directory"):
        {"write": lambda: write_atomically(path, b"x"), "path": lambda: entered(path), "link": lambda: linked(path)}[
            way
        ]()
    assert path.lstat() == before
    assert sorted(os.listdir(tmp_path)) == ["source", "there"]


def entered(path: Path) -> None:
    with atomic_path(path):
        raise AssertionError("something may be written beside it")


def linked(path: Path) -> None:
    link_or_copy(path.with_name("source"), path)


def test_a_pipe_takes_no_path_to_write_to(tmp_path: Path) -> None:
    # Who writes in steps and reads back needs a file.
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        entered(tmp_path / "pipe")


# Links and folders


def test_a_link_is_the_same_file_and_replaces_what_was_there(tmp_path: Path) -> None:
    source, place = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"picture")
    place.write_bytes(b"old")
    for _ in range(2):
        link_or_copy(source, place)
        assert place.samefile(source)
        assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_where_no_links_are_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refused)
    (tmp_path / "a").write_bytes(b"picture")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"picture"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_a_partial_folder_is_private_and_goes_with_its_block(tmp_path: Path) -> None:
    with partial_folder(tmp_path, "made") as folder:
        (folder / "inside").touch()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert remove_partial_files(tmp_path) == 0
        with partial_folder(tmp_path, "made") as other:
            assert other != folder
            assert (folder / "inside").exists()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("by", ["the next of its name", "a look at the folder"])
def test_a_folder_that_a_killed_process_left_is_removed(by: str, tmp_path: Path) -> None:
    child = os.fork()
    if not child:
        try:
            with partial_folder(tmp_path, "made") as folder:
                (folder / "inside").mkdir()
                (folder / "inside" / "half").touch()
                os._exit(9)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    assert len(os.listdir(tmp_path)) == 1
    if by == "a look at the folder":
        assert remove_partial_files(tmp_path) == 1
    else:
        with partial_folder(tmp_path, "made") as folder:
            assert os.listdir(tmp_path) == [folder.name]
    assert os.listdir(tmp_path) == []
