import ctypes
import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from trainer.errors import DeviceError
from trainer.machine import card_lock
from trainer.machine.card_lock import (
    CardHolder,
    acquire_card,
    check_card_lockable,
    device_key,
    holder_text,
    read_holder,
)
from trainer.machine.cards import CardUser, card_users

KEY = "1f6be4ae-9f34-4f5e-8a9a-2f1c6b0d1d11"

# Another program: takes the card, says so, and works until its input ends.
HOLDER = """
import os, sys
from trainer.machine.card_lock import CardHolder, acquire_card
held = acquire_card(sys.argv[1], CardHolder("lora-tui", os.getpid(), sys.argv[2], "12 hifumi", 1_750_000_000.0))
print("held" if held else "refused", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, KEY, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def claim(**changes: Any) -> CardHolder:
    reported: dict[str, Any] = {
        "program": "lora-tui",
        "pid": os.getpid(),
        "workspace": "/w",
        "bake": "3 tama",
        "since": 1_750_000_000.0,
    }
    return CardHolder(**{**reported, **changes})


def lock_file(home: Path) -> Path:
    return home / "state" / "lora-tui" / "cards" / f"{KEY}.lock"


def test_a_card_is_held_once_and_again_after_its_release() -> None:
    first = acquire_card(KEY, claim())
    assert first is not None
    assert acquire_card(KEY, claim()) is None
    first.release()
    first.release()
    assert read_holder(KEY) is None
    with acquire_card(KEY, claim()) or pytest.fail("still held"):
        assert read_holder(KEY) == claim()
    assert read_holder(KEY) is None


def test_two_cards_are_two_locks() -> None:
    with acquire_card(KEY, claim()) or pytest.fail("held"):
        assert acquire_card("another", claim()) is not None


def test_another_process_holds_the_card_and_says_where(other: subprocess.Popen[str], tmp_path: Path) -> None:
    assert acquire_card(KEY, claim()) is None
    reported = read_holder(KEY)
    assert reported == CardHolder("lora-tui", other.pid, str(tmp_path), "12 hifumi", 1_750_000_000.0)
    line = holder_text(KEY)
    assert line.startswith(f"lora-tui bake 12 hifumi in {tmp_path} (pid {other.pid}, since ")
    assert "\n" not in line


def test_a_killed_holder_lets_the_card_go(other: subprocess.Popen[str]) -> None:
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    assert holder_text(KEY) == ""
    with acquire_card(KEY, claim()) or pytest.fail("the dead hold it"):
        assert read_holder(KEY) == claim()


def test_a_program_started_while_the_card_is_held_does_not_inherit_it() -> None:
    held = acquire_card(KEY, claim())
    assert held is not None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False) as child:
        held.release()
        # Whatever else this process starts in that moment holds it until its own program has begun; an heir would keep it.
        end = time.monotonic() + 60
        while read_holder(KEY) is not None and time.monotonic() < end:
            time.sleep(0.01)
        assert read_holder(KEY) is None
        child.kill()


def test_reading_the_holder_does_not_look_like_a_holder() -> None:
    """Somebody looks at every moment; the card is free all the same."""
    looker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom trainer.machine.card_lock import read_holder\nprint(flush=True)\nwhile True: read_holder(sys.argv[1])",
            KEY,
        ],
        stdout=subprocess.PIPE,
    )
    assert looker.stdout is not None
    (acquire_card(KEY, claim()) or pytest.fail("held")).release()
    looker.stdout.readline()
    try:
        for _ in range(50):
            (acquire_card(KEY, claim()) or pytest.fail("a look was taken for a holder")).release()
    finally:
        looker.kill()
        looker.communicate()


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 5000,
        b"null",
        b'{"program": "x"}',
        b'{"program": "x", "pid": "y", "workspace": "", "bake": "", "since": 0}',
        b'{"program": "x", "pid": -1, "workspace": "", "bake": "", "since": 0}',
        b'{"program": "x", "pid": 5, "workspace": "", "bake": "", "since": 1e300}',
        b'{"program": "x", "pid": 5, "workspace": "", "bake": "", "since": NaN}',
    ],
)
def test_garbage_in_the_file_is_another_process(garbage: bytes, own_home: Path) -> None:
    with acquire_card(KEY, claim()) or pytest.fail("held"):
        lock_file(own_home).write_bytes(garbage)
        assert holder_text(KEY) == "another process"
    with acquire_card(KEY, claim()) or pytest.fail("held"):
        assert read_holder(KEY) == claim()


def test_what_a_holder_says_reaches_a_terminal_without_its_codes(own_home: Path) -> None:
    with acquire_card(KEY, claim()) or pytest.fail("held"):
        reported = {"program": "\x1b[2Jx", "pid": 5, "workspace": "/w\n", "bake": "\x07", "since": 0}
        lock_file(own_home).write_text(json.dumps(reported))
        assert all(ord(char) >= 32 for char in holder_text(KEY))


def test_what_is_updated_is_what_is_read() -> None:
    with acquire_card(KEY, claim(bake="1 a long name that leaves nothing of itself behind")) or pytest.fail(
        "held"
    ) as held:
        held.update(claim(bake="2"))
        assert read_holder(KEY) == claim(bake="2")


def test_a_home_that_cannot_be_written_is_reported(own_home: Path) -> None:
    (own_home / "state").write_text("a file where the folder should be")
    for refused in (lambda: acquire_card(KEY, claim()), check_card_lockable):
        with pytest.raises(DeviceError, match=r"Not a directory.*XDG_STATE_HOME"):
            refused()
    assert holder_text(KEY) == ""


def test_whoever_asks_whether_it_can_be_locked_is_no_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_lock, "device_key", lambda: KEY)
    check_card_lockable()
    seen: list[object] = []
    lock = fcntl.flock

    def asked_meanwhile(handle: int, how: int) -> None:
        lock(handle, how)
        if not seen:
            seen.append(None)
            seen.append(read_holder(KEY))

    monkeypatch.setattr(fcntl, "flock", asked_meanwhile)
    check_card_lockable()
    assert seen == [None, None]
    with acquire_card(KEY, claim()) or pytest.fail("held"):
        check_card_lockable()


def test_a_disk_without_locks_has_no_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    with acquire_card(KEY, claim()) or pytest.fail("held"):
        pass

    def refuse(_handle: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert read_holder(KEY) is None
    with pytest.raises(DeviceError, match="No locks available"):
        acquire_card(KEY, claim())


def test_memory_is_shown_if_the_driver_reports_it(monkeypatch: pytest.MonkeyPatch) -> None:
    users = (CardUser(os.getpid(), 5 * 1024**3), CardUser(1, None))
    monkeypatch.setattr(card_lock, "card_users", lambda key: users)
    with acquire_card(KEY, claim()) or pytest.fail("held"):
        line = holder_text(KEY)
    assert ", 5.0 GiB); also on this GPU: " in line
    assert line.endswith("(pid 1)")


def driver(init: int = 0, answer: int = 0) -> SimpleNamespace:
    def give(out: Any, device: object) -> int:
        ctypes.memmove(out, bytes(range(16)), 16)
        return answer

    return SimpleNamespace(cuInit=lambda flags: init, cuDeviceGet=lambda out, index: 0, cuDeviceGetUuid=give)


def test_the_key_is_the_uuid_of_the_first_card_that_cuda_counts() -> None:
    assert device_key(driver()) == "00010203-0405-0607-0809-0a0b0c0d0e0f"


@pytest.mark.parametrize("cuda", [driver(init=100), driver(answer=999)])
def test_a_driver_without_a_card_leaves_the_cpu(cuda: SimpleNamespace) -> None:
    assert device_key(cuda) == "cpu"


def test_processes_on_a_card_are_asked_by_its_uuid() -> None:
    asked: list[str] = []

    def by_uuid(name: str) -> str:
        asked.append(name)
        if name.startswith("GPU-"):
            raise pynvml.NVMLError_NotFound()
        return name

    library = SimpleNamespace(
        NVMLError=pynvml.NVMLError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=by_uuid,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [SimpleNamespace(pid=7, usedGpuMemory=None)],
    )
    assert card_users(KEY, library) == (CardUser(7, None),)
    assert asked == [f"GPU-{KEY}", f"MIG-{KEY}"]
