"""Where a user lets a command write: files are replaced whole, pipes and devices written to, and what a killed command left is cleared."""

import itertools
import os
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from lora_on_disk import write_lora
from made_grid import made_grid
from run_engine import small_demo

from lora_tui.cli import main
from trainer import atomic_file
from trainer.journal.journal import Journal
from trainer.journal.records import Checkpoint, NewBake
from trainer.settings.subject import resolve
from trainer.settings.toml_file import load_settings, settings_toml
from trainer.workspace import Workspace, remove_leftovers

LoraTui = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo with a grid, and a bake that saved a LoRA."""
    demo = small_demo(tmp_path_factory.mktemp("made") / "demo")
    path = demo.root / "hifumi.toml"
    text = settings_toml(resolve(load_settings(path), path))
    with Journal(demo.journal_path) as journal:
        new = NewBake(name="hifumi", why="", settings_toml=text, engine="e", total_steps=40, steps_per_epoch=40)
        lora = write_lora(demo.root / journal.bakes.add(new).folder / "hifumi.safetensors")
        size = lora.stat().st_size
        journal.results.add_checkpoint(1, Checkpoint(1, 40, lora.name, size, None, None, None, None, 0.0))
        made_grid(demo.root / journal.grids.add(name="hifumi", spec="{}", bake=None).folder, (2, 1, 1, 1))
    return demo


@pytest.fixture
def made(made_once: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it."""
    shutil.copytree(made_once.root, tmp_path / "demo")
    return Workspace(tmp_path / "demo")


def words(command: str, workspace: Workspace, out: Path | str) -> list[str]:
    """Return a command that writes into `out`."""
    root = workspace.root
    return {
        "page": ["page", "1", "-o", f"{out}", "--in", f"{root}"],
        "convert": ["convert", "alpha", f"{root}/hifumi.toml", "--to", "2", "--out", f"{out}"],
        "export": ["export", f"{root}/hifumi.toml", "--to", "sd-scripts", "--out", f"{out}"],
        "import": ["import", f"{root}/hifumi.toml", "--out", f"{out}"],
    }[command]


STARTS = {"page": b"<!doctype html>", "convert": b"[data]", "export": b"[data]", "import": b"# From "}


@pytest.mark.parametrize("command", STARTS)
def test_a_pipe_is_written_to_and_standard_output_stays_clean(
    command: str, lora_tui_here: LoraTui, made: Workspace, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ran = lora_tui_here(*words(command, made, pipe))
        assert ran.returncode == 0, ran.stderr
        assert os.read(reader, 20).startswith(STARTS[command])
    finally:
        os.close(reader)
    assert ran.stdout == ""
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize("command", STARTS)
def test_a_pipe_that_nobody_reads_is_one_clear_line(
    command: str, lora_tui_here: LoraTui, made: Workspace, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    ran = lora_tui_here(*words(command, made, tmp_path / "pipe"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"lora-tui: {tmp_path}/pipe: cannot be written (nothing reads from this pipe)")
    assert ran.stderr.count("\n") == 1
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("command", STARTS)
def test_a_device_is_written_to_and_stays(
    command: str, lora_tui_here: LoraTui, made: Workspace, tmp_path: Path
) -> None:
    ours, terminal = os.openpty()
    os.set_blocking(ours, False)
    (tmp_path / "link").symlink_to(os.ttyname(terminal))
    came = bytearray()
    try:
        with drained(ours, came):
            ran = lora_tui_here(*words(command, made, tmp_path / "link"))
        assert ran.returncode == 0, ran.stderr
        assert bytes(came).startswith(STARTS[command])
    finally:
        os.close(terminal)
        os.close(ours)
    assert (tmp_path / "link").is_symlink()


class drained:
    """Reads what comes at a terminal's other end, in a thread, because it takes little at a time."""

    def __init__(self, handle: int, into: bytearray) -> None:
        import threading

        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(handle, into))

    def _read(self, handle: int, into: bytearray) -> None:
        import select

        while not self._ended.is_set() or select.select([handle], [], [], 0)[0]:
            if select.select([handle], [], [], 0.05)[0]:
                into += os.read(handle, 65536)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@pytest.mark.parametrize("command", STARTS)
def test_an_open_file_of_a_shell_is_added_to(command: str, lora_tui: LoraTui, made: Workspace, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    # A child gets it as a shell's `>>` gives it.
    handle = os.open(log, os.O_WRONLY | os.O_APPEND)
    try:
        code = in_child(lambda: (os.dup2(handle, 1), main(words(command, made, "/dev/stdout")))[1])
    finally:
        os.close(handle)
    assert code == 0
    assert log.read_bytes().startswith(b"before\n" + STARTS[command])


@pytest.mark.parametrize("command", STARTS)
def test_a_socket_is_refused_and_stays(command: str, lora_tui_here: LoraTui, made: Workspace, tmp_path: Path) -> None:
    import socket

    socket.socket(socket.AF_UNIX).bind(str(tmp_path / "socket"))
    ran = lora_tui_here(*words(command, made, tmp_path / "socket"), *(["--force"] if command != "page" else []))
    assert ran.returncode == 2
    assert "socket: cannot be written (not a regular file)" in ran.stderr
    assert stat.S_ISSOCK((tmp_path / "socket").stat().st_mode)


def test_a_pipe_of_an_epochs_name_is_refused_without_waiting(
    lora_tui_here: LoraTui, made: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "Lora").mkdir()
    os.mkfifo(tmp_path / "Lora" / "x.safetensors")
    for force in ((), ("--force",)):
        ran = lora_tui_here("use", 1, "last", tmp_path / "Lora", "--name", "x", "--in", made.root, *force)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "x.safetensors is a folder, a pipe or a device; expected a file" in ran.stderr
    assert os.listdir(tmp_path / "Lora") == ["x.safetensors"]


# Killed commands


def in_child(do: Callable[[], object]) -> int:
    """Return the exit code of a fork of this process that does `do`."""
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            do()
            os._exit(0)
        except SystemExit as ended:
            sys.stdout.flush()
            os._exit(ended.code if isinstance(ended.code, int) else 0)
        finally:
            os._exit(100)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(arguments: list[str], at: int = 1) -> None:
    """Run a command that dies at the moment at which the whole file number `at` would have moved into place."""
    moves = itertools.count(1)
    replace = os.replace

    def die(made: Path, place: Path) -> None:
        if next(moves) == at:
            os._exit(9)
        replace(made, place)

    def run() -> None:
        atomic_file.os.replace = die  # type: ignore[attr-defined]
        main(arguments)

    assert in_child(run) == 9


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.name.endswith(".part")]


@pytest.mark.parametrize("by", ["the same command", "the next engine"])
@pytest.mark.parametrize("command", ["page", "journal rebuild", "style read", "use"])
def test_what_a_killed_command_left_is_cleared(
    command: str, by: str, lora_tui_here: LoraTui, made: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "styles.csv").write_text("name,prompt,negative_prompt\nred,red dress,blue\n")
    (made.root / "Lora").mkdir()
    arguments = {
        "page": ["page", "1", "--in", f"{made.root}"],
        "journal rebuild": ["journal", "rebuild", f"{made.root}"],
        "style read": ["style", "read", f"{tmp_path}/styles.csv", "--in", f"{made.root}"],
        "use": ["use", "1", "last", f"{made.root}/subjects", "--in", f"{made.root}"],
    }[command]
    killed(arguments)
    assert left(made.root)
    if by == "the next engine":
        assert remove_leftovers(made) >= 1
    else:
        ran = lora_tui_here(*arguments)
        assert ran.returncode == 0, ran.stderr
    assert not left(made.root)


# As the old journal is kept, and as the new one takes its place.
@pytest.mark.parametrize("at", [1, 2])
def test_a_rebuild_that_was_killed_leaves_a_journal(at: int, lora_tui_here: LoraTui, made: Workspace) -> None:
    killed(["journal", "rebuild", f"{made.root}"], at)
    told = lora_tui_here("status", made.root)
    assert (told.returncode, told.stderr) == (0, "")
    assert "0001 hifumi" in told.stdout
