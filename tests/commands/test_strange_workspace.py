"""A workspace in which something else lies where a file or folder of ours is expected: every command says so in a line, or does without."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from every_command import NEEDED, RUNS, furnish, words
from no_override import permissions_hold

LoraTui = Callable[..., "CompletedProcess[str]"]

_SECONDS = 10
_MAX_LINE = 500
COMMANDS = [name for name in NEEDED if name not in (*RUNS, "", "watch", "replay", "demo", "order")]
PLACES = (
    "journal.sqlite",
    "journal.sqlite-wal",
    "journal.sqlite-shm",
    "bakes",
    "bakes/0001-hifumi",
    "bakes/0001-hifumi/hifumi.safetensors",
    "bakes/0001-hifumi/bake.json",
    "bakes/0001-hifumi/settings.toml",
    "bakes/0001-hifumi/metrics.npz",
    "bakes/0001-hifumi/data.json.gz",
    "grids",
    "grids/styles.toml",
    "grids/0001-epochs/grid.json",
    "grids/0001-epochs/judged.json",
    "subjects",
    "subjects/hifumi.accepted.json",
    "cache",
    "cache/picture_signatures.json",
)


def _large(place: Path) -> None:
    place.touch()
    os.truncate(place, 300_000_000)


def _closed(place: Path) -> None:
    place.mkdir(0)


KINDS: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a device": lambda place: place.symlink_to("/dev/zero"),
    "a circle of links": lambda place: place.symlink_to(place.name),
    "a closed folder": _closed,
    "a file of 300 MB": _large,
}


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return furnish(tmp_path_factory.mktemp("furnished") / "ws").root


@pytest.fixture
def no_waiting() -> Iterator[None]:
    """End a command that waits as if it had crashed."""

    def late(*_: object) -> None:
        raise AssertionError("still waiting")

    before = signal.signal(signal.SIGALRM, late)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.usefixtures("no_waiting")
def test_no_command_waits_or_breaks(
    place: str, kind: str, furnished: Path, lora_tui_here: LoraTui, tmp_path: Path
) -> None:
    places = {"ws": tmp_path / "ws", "out": tmp_path / "out"}
    places["out"].mkdir()
    for name in COMMANDS:
        shutil.copytree(furnished, places["ws"])
        taken = places["ws"] / place
        if taken.is_dir():
            shutil.rmtree(taken)
        taken.unlink(missing_ok=True)
        taken.parent.mkdir(exist_ok=True)
        KINDS[kind](taken)
        signal.alarm(_SECONDS)
        with permissions_hold():
            ran = lora_tui_here(*words(name, places))
        signal.alarm(0)
        # The check lists what it finds, and ends with 1 for warnings; the doctor with 2 for errors, too.
        if ran.returncode not in {"check": (0, 1), "doctor": (0, 1, 2)}.get(name, (0,)):
            assert ran.stderr.count("\n") == 1, (name, ran.stdout, ran.stderr)
            assert ran.stderr.startswith("lora-tui: ")
        assert len(ran.stderr) <= _MAX_LINE, name
        shutil.rmtree(places["ws"])
