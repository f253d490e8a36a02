"""Files written whole or not at all."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.atomic_file import atomic_path, remove_partial_files, write_atomically
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


def test_a_file_is_replaced_by_its_new_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a"]


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
    for name in (".a.part", "a.0123abcd.part", ".a.0123abcd.part.txt", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / ".b.0123abcd.part").mkdir()
    assert remove_partial_files(tmp_path) == 0
    assert len(os.listdir(tmp_path)) == 5
