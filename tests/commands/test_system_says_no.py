"""Every command against everything that the system can refuse: one line and an exit code each, at once; no command is forgotten."""

import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import click
import pytest
from every_command import NEEDED, PATHS_AS_TEXT, RUNS, commands, furnish, parameters, words
from no_override import permissions_hold

from lora_tui.commands import exits
from lora_tui.commands.exits import checked_output
from lora_tui.terminal import standard_streams
from trainer.errors import ExitCode
from trainer.journal.journal import Journal
from trainer.workspace import Workspace

LoraTui = Callable[..., "CompletedProcess[str]"]

ALL = sorted(NEEDED)
# A device or a pipe that is waited for would hang for ever; nothing refused takes longer than this, whatever else the machine does.
_SECONDS = 60.0
_MAX_LINE = 500


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnish(tmp_path_factory.mktemp("furnished") / "ws").root


@pytest.fixture
def places(furnished: Path, tmp_path: Path) -> dict[str, Path]:
    """The workspace of all tests in which nothing is written, and a folder of the test's own."""
    (tmp_path / "out").mkdir()
    return {"ws": furnished, "out": tmp_path / "out"}


@pytest.fixture
def own_places(furnished: Path, tmp_path: Path) -> dict[str, Path]:
    """A workspace of the test's own, as `furnish` makes it, and a folder."""
    shutil.copytree(furnished, tmp_path / "ws")
    (tmp_path / "out").mkdir()
    return {"ws": tmp_path / "ws", "out": tmp_path / "out"}


def one_line(ran: "CompletedProcess[str]", code: int = 2) -> str:
    """Return the one line that a refused command printed."""
    assert (ran.returncode, ran.stderr.count("\n")) == (code, 1), (ran.args, ran.stdout, ran.stderr)
    assert ran.stderr.startswith("lora-tui: ")
    assert len(ran.stderr) <= _MAX_LINE
    return ran.stderr


def test_the_table_holds_every_command() -> None:
    assert {name for name, _ in commands()} == set(NEEDED)


@pytest.mark.parametrize("name", ALL)
def test_every_command_passes_the_one_place(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(_name: str, _value: object) -> object:
        raise OSError(5, "Input/output error", "/dev/sr0")

    left: list[int] = []

    def leave(code: int) -> None:
        left.append(code)
        raise SystemExit(code)

    # Whatever the command is given passes here before its first line; the dashboard and a bare group are given less.
    monkeypatch.setattr(exits, "_checked", refuse)
    monkeypatch.setattr(exits, "leave", leave)
    monkeypatch.setattr("lora_tui.cli.current_folder", lambda: refuse("", ""))
    from lora_tui.cli import main

    with pytest.raises(SystemExit):
        main(words(name, {"ws": tmp_path, "out": tmp_path}), prog_name="lora-tui")
    assert left == [2]


# Paths that no command can use, wherever it takes one.

BAD_PATHS = {
    "an unknown user": (lambda _: "~nobody-of-that-name/x", "no user `nobody-of-that-name` here"),
    "a name of 256 bytes": (lambda root: f"{root}/{'n' * 256}", "a name of 256 bytes"),
    "100 wide letters": (lambda root: f"{root}/{'画' * 100}/x.toml", "a name of 300 bytes"),
    "a path of 5,000 bytes": (lambda root: f"{root}{'/abcdefghi' * 500}", "a path of 5,0"),
    "a file on the way": (lambda root: f"{root}/file/x/y", ""),
    "links in a circle": (lambda root: f"{root}/circle", ""),
    "a circle on the way": (lambda root: f"{root}/circle/x", ""),
    "a closed folder on the way": (lambda root: f"{root}/closed/inner/x", "closed"),
    "a closed folder": (lambda root: f"{root}/closed", ""),
    "a pipe": (lambda root: f"{root}/pipe.toml", ""),
    "a pipe called as a picture": (lambda root: f"{root}/pipe.png", ""),
    "a device": (lambda _: "/dev/zero", ""),
    "a socket": (lambda root: f"{root}/socket", ""),
    "300 MB": (lambda root: f"{root}/large.toml", ""),
    "300 MB of JSON": (lambda root: f"{root}/large.json", ""),
}


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of everything that is no plain file or open folder."""
    import socket

    root = tmp_path_factory.mktemp("strange")
    (root / "file").write_text("in the way")
    (root / "circle").symlink_to("circle")
    (root / "closed" / "inner").mkdir(parents=True)
    (root / "closed").chmod(0)
    for name in ("pipe.toml", "pipe.png", "pipe.txt", "pipe.safetensors"):
        os.mkfifo(root / name)
    for name in ("large.toml", "large.json", "large.png", "large.txt", "large.csv"):
        (root / name).touch()
        os.truncate(root / name, 300_000_000)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(root / "socket"))
    yield root
    listening.close()
    (root / "closed").chmod(0o700)


# What a whole file may replace or be written to is another matter; the folders on the way are as for everything else.
WRITES = {"out", "into"}
ON_THE_WAY = ("an unknown", "a name", "100 wide", "a path", "a file on", "a circle on", "a closed folder on")

TAKES_A_PATH = [(name, parameter) for name in ALL for parameter in parameters(name, click.Path)]


@pytest.mark.parametrize(("name", "parameter"), TAKES_A_PATH)
def test_a_path_that_cannot_be_used_is_one_line(
    name: str, parameter: str, lora_tui_here: LoraTui, places: dict[str, Path], strange: Path
) -> None:
    for kind, (make, expected) in BAD_PATHS.items():
        if parameter in WRITES and not kind.startswith(ON_THE_WAY):
            continue
        given = words(name, places, **{parameter: make(strange)})
        began = time.monotonic()
        with permissions_hold():
            line = one_line(lora_tui_here(*given))
        assert expected in line, (kind, line)
        assert time.monotonic() - began < _SECONDS, kind
    assert not (places["ws"] / "~nobody-of-that-name").exists()


@pytest.mark.parametrize(
    ("name", "parameter"), [each for each in TAKES_A_PATH if each[1] not in PATHS_AS_TEXT.get(each[0], ())]
)
def test_the_home_folder_is_known_where_the_shell_did_not_see_it(
    name: str, parameter: str, lora_tui_here: LoraTui, places: dict[str, Path]
) -> None:
    ran = lora_tui_here(*words(name, places, **{parameter: "~/not/there.toml"}))
    assert "~" not in ran.stderr, ran.stderr


# Numbers

TAKES_A_NUMBER = [
    (name, parameter) for name in ALL for kind in (click.INT, click.FLOAT) for parameter in parameters(name, type(kind))
]


@pytest.mark.parametrize(("name", "parameter"), TAKES_A_NUMBER)
def test_a_number_that_nothing_holds_is_one_line(
    name: str, parameter: str, lora_tui_here: LoraTui, places: dict[str, Path]
) -> None:
    values: tuple[str, ...] = (str(2**63), str(-(2**64)), str(10**400))
    if parameter in parameters(name, type(click.FLOAT)):
        values = ("inf", "-inf", "nan", "1e400")
    for value in values:
        line = one_line(lora_tui_here(*words(name, places, **{parameter: value})))
        assert "beyond 64 bits" in line or "expected a number" in line


# What cannot be typed as a number or a name of its own

HUGE = "9" * 400
LONG = "画" * 100


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("page", {"max_size": f"{HUGE}MB"}, 0),
        ("page", {"max_size": f"1.{HUGE}"}, 2),
        ("plan", {"size": f"{HUGE}GB"}, 2),
        ("queue add", {"not_before": "999999-12-31"}, 2),
        ("plan", {"overrides": f"seed={2**70}"}, 2),
        ("plan", {"overrides": "unet_lr=1e400"}, 2),
        ("grid", {"settings": f"seeds={2**70}"}, 2),
        ("grid", {"settings": f"of_bakes={HUGE}"}, 2),
        ("grid", {"settings": "x=unet_weight=1e400"}, 2),
        ("queue change", {"changes": f"max_train_steps={2**64}"}, 2),
        ("new", {"name": LONG}, 2),
        ("new", {"name": "n" * 201}, 2),
        ("plan", {"overrides": f"output_name={LONG}"}, 2),
        ("plan", {"overrides": f"subject={LONG}"}, 2),
        ("use", {"name": LONG}, 2),
        ("use", {"name": "😀" * 60}, 2),
        ("use", {"target": f"host:{LONG}"}, 2),
        ("grid", {"settings": f"name={'😀' * 80}"}, 2),
        ("grid", {"settings": f"name={'画' * 80}"}, 0),
        ("grid", {"style": LONG}, 2),
        ("grid", {"preset": LONG}, 2),
        ("style show", {"name": LONG}, 2),
    ],
)
def test_a_number_or_a_name_that_nothing_holds_is_one_line(
    name: str, changes: dict[str, str], code: int, lora_tui_here: LoraTui, places: dict[str, Path]
) -> None:
    ran = lora_tui_here(*words(name, places, **changes))
    assert ran.returncode == code, ran.stderr
    if code:
        one_line(ran, code)


@pytest.mark.parametrize("word", [HUGE, LONG * 9, "\x1b[2J" * 200])
def test_a_word_of_the_command_line_is_shown_in_part(word: str, lora_tui_here: LoraTui) -> None:
    for given in ([word], ["resume", word], ["status", f"--{word}"], ["order", "1", word]):
        ran = lora_tui_here(*given)
        assert ran.returncode == 2
        assert len(ran.stderr) <= 2 * _MAX_LINE
        assert "\x1b" not in ran.stderr


# The current folder


@pytest.fixture
def no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a command run in a folder that is gone."""
    before, gone = Path.cwd(), tmp_path / "gone"

    def leave_no_folder(_self: pytest.MonkeyPatch, _folder: Path) -> None:
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    monkeypatch.setattr(pytest.MonkeyPatch, "chdir", leave_no_folder)
    yield
    os.chdir(before)


NEEDS_NO_FOLDER = {"demo", "ladder presets", "completions", "man", "keys"}
"""Commands that have a place of their own without one, or need none."""


@pytest.mark.parametrize("name", ALL)
@pytest.mark.usefixtures("no_folder")
def test_a_current_folder_that_is_gone_is_one_line(name: str, lora_tui_here: LoraTui, places: dict[str, Path]) -> None:
    relative = {key: Path(place.name) for key, place in places.items()}
    ran = lora_tui_here(*words(name, relative, **({"folder": None} if "folder" in NEEDED[name] else {})))
    if name in NEEDS_NO_FOLDER:
        assert ran.returncode == 0, ran.stderr
    else:
        assert "the current folder: it is gone; go to another one with `cd`" in one_line(ran)


QUICK = [name for name in ALL if name not in (*RUNS, "", "watch", "replay", "order", "doctor")]
"""Commands that do here what they are asked, without a terminal and without an engine; what the doctor finds is each machine's."""


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.usefixtures("no_folder")
def test_what_names_its_folders_works_from_a_folder_that_is_gone(
    name: str, lora_tui_here: LoraTui, own_places: dict[str, Path]
) -> None:
    ran = lora_tui_here(*words(name, own_places))
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr


# The state folder


@pytest.mark.parametrize("kind", ["a file in its place", "a closed folder", "no locks"])
@pytest.mark.parametrize("name", [*RUNS, "grid", "demo"])
def test_a_job_that_cannot_lock_the_gpu_ends_at_once_with_code_4(
    name: str,
    kind: str,
    lora_tui_here: LoraTui,
    places: dict[str, Path],
    own_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = own_home / "state"
    state.mkdir()
    if kind == "a file in its place":
        (state / "lora-tui").write_text("")
    elif kind == "a closed folder":
        state.chmod(0)
    else:
        monkeypatch.setattr("trainer.machine.lock_file.fcntl.flock", _no_locks)
    workspace = Workspace(places["ws"])
    before = _jobs(workspace)
    given = words(name, places, **({"dry_run": None} if name == "grid" else {"bake": True} if name == "demo" else {}))
    began = time.monotonic()
    with permissions_hold():
        line = one_line(lora_tui_here(*given), ExitCode.NO_DEVICE)
    assert "cannot be locked" in line and "set XDG_STATE_HOME to such a folder" in line
    assert time.monotonic() - began < _SECONDS
    state.chmod(0o700)
    assert _jobs(workspace) == before


def _no_locks(_handle: int, _how: int) -> None:
    raise OSError(95, "Operation not supported")


def _jobs(workspace: Workspace) -> list[object]:
    with Journal(workspace.journal_path) as journal:
        return [(bake.number, bake.state) for bake in journal.bakes.latest()]


@pytest.mark.parametrize("name", QUICK)
def test_whoever_locks_nothing_needs_no_state_folder(
    name: str, lora_tui_here: LoraTui, own_places: dict[str, Path], own_home: Path
) -> None:
    for folder in ("state", "cache", "config"):
        (own_home / folder).write_text("in the way")
    ran = lora_tui_here(*words(name, own_places))
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr


# Standard output

_REFUSED = {
    "full": ("the disk is full", ExitCode.DISK_FULL),
    "closed": ("it is closed", ExitCode.USAGE),
}


@pytest.fixture
def printed_into(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes this process's standard output a full disk, or a closed one, as a command's own process has it."""
    full = os.open("/dev/full", os.O_WRONLY)

    def change(kind: str) -> None:
        closed = {1} if kind == "closed" else set()
        monkeypatch.setattr("sys.stdout", standard_streams._stream(None, full, "", {full} if closed else set()))

    return change


@pytest.mark.parametrize("kind", _REFUSED)
@pytest.mark.parametrize("name", QUICK)
def test_output_that_cannot_be_written_is_one_line_and_a_code(
    name: str, kind: str, lora_tui_here: LoraTui, own_places: dict[str, Path], printed_into: Callable[[str], None]
) -> None:
    words_of, code = _REFUSED[kind]
    given = words(name, own_places)
    printed_into(kind)
    assert f"lora-tui: standard output: {words_of}" in one_line(lora_tui_here(*given), code)


def test_help_is_checked_too(lora_tui_here: LoraTui, printed_into: Callable[[str], None]) -> None:
    printed_into("full")
    assert "standard output: the disk is full" in one_line(lora_tui_here("--help"), ExitCode.DISK_FULL)


def test_a_reader_that_has_seen_enough_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    stream = standard_streams._stream(None, write, "", set())
    monkeypatch.setattr("sys.stdout", stream)
    stream.write("x" * 100_000)
    assert isinstance(stream, io.TextIOWrapper)
    assert checked_output(ExitCode.DONE) is ExitCode.DONE
    os.close(write)
