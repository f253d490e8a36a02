"""Checks of the computer: the workspace's disk and its speed, memory and swap, the clock."""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from lora_tui.doctor.record import HealthLevel, Surroundings
from lora_tui.wording.numbers import gib
from trainer.journal.mounts import network_file_system
from trainer.machine.disk_space import free_bytes
from trainer.workspace import data_home

_OK, _WARNING, _ERROR = HealthLevel
Found = Iterator[tuple[HealthLevel, str, str]]

_GIB, _MIB = 2**30, 2**20
# A LoRA of dim 128 and its state are about 0.6 GiB; a bake keeps several.
_LITTLE_FREE, _NONE_FREE = 5 * _GIB, _GIB // 2
# What is written to tell the speed: more than a disk's own cache hides, and done in two seconds on a slow one.
_TRIED_BYTES = 32 * _MIB
_PIECE = 4 * _MIB
_SLOW = 30 * _MIB
# A base in half precision, its VAE and the libraries.
_LITTLE_MEMORY = 4 * _GIB
_TIME_SYNCED = Path("/run/systemd/timesync/synchronized")
# When this was written: an earlier year is a clock that was never set.
_FIRST_YEAR = 2026
_AHEAD_SECONDS = 120.0


def disk(around: Surroundings) -> Found:
    """Look at the free space and the speed of the disk that the workspace is on."""
    folder = data_home() if around.workspace is None else around.workspace.root
    free = free_bytes(folder)
    text = f"{gib(free)} GiB free on the workspace's disk"
    if free < _LITTLE_FREE:
        level = _ERROR if free < _NONE_FREE else _WARNING
        yield level, text, "free some space: `lora-tui bakes prune` removes epochs that nobody needs"
    else:
        yield _OK, text, ""
    if kind := network_file_system(folder):
        yield (
            _WARNING,
            f"the workspace is on a network file system ({kind}): its journal is slower, and one computer at a time may bake in it",
            "use a local disk if you can",
        )
    if around.workspace is None or around.workspace.read_only:
        return
    if free < 4 * _TRIED_BYTES:
        return
    speed = written_per_second(folder)
    text = f"{speed / _MIB:,.0f} MiB/s written to it"
    if speed < _SLOW:
        yield (
            _WARNING,
            f"{text}: saving a state of 500 MiB takes {500 * _MIB / speed:.0f} s",
            "use a faster disk for the workspace",
        )
    else:
        yield _OK, text, ""


def written_per_second(folder: Path, size: int = _TRIED_BYTES) -> float:
    """Return how many bytes a second are written below `folder` and reach the disk, from a file without a name that is gone afterwards."""
    piece = os.urandom(_PIECE)
    with tempfile.TemporaryFile(dir=folder) as file:
        begun = time.monotonic()
        for _ in range(max(1, size // _PIECE)):
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
        return max(1, size // _PIECE) * _PIECE / max(1e-6, time.monotonic() - begun)


def memory(around: Surroundings) -> Found:
    """Look at memory and swap."""
    found, swap = psutil.virtual_memory(), psutil.swap_memory()
    swapped = f"swap {gib(swap.used)} of {gib(swap.total)} GiB used" if swap.total else "no swap"
    text = f"{gib(found.available)} of {gib(found.total)} GiB of memory free, {swapped}"
    if found.available < _LITTLE_MEMORY:
        yield (
            _WARNING,
            text,
            "close other programs: loading a base needs memory of the computer before it is on the GPU",
        )
    else:
        yield _OK, text, ""


def clock(around: Surroundings) -> Found:
    """Look at whether the clock can be right: bakes are dated by it, and the queue starts by it."""
    now = around.now
    shown = time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(now))
    newest = _newest_line(around)
    if time.gmtime(now).tm_year < _FIRST_YEAR:
        yield _ERROR, f"the clock says {shown}", "set it: `timedatectl set-ntp true`"
    elif newest > now + _AHEAD_SECONDS:
        ahead = time.strftime("%Y-%m-%d %H:%M", time.localtime(newest))
        yield (
            _WARNING,
            f"the clock says {shown}, and the journal has a line of {ahead}",
            "set it: `timedatectl set-ntp true`",
        )
    else:
        synced = ", set by the network" if _TIME_SYNCED.exists() else ""
        yield _OK, f"the clock says {shown}{synced}", ""


def _newest_line(around: Surroundings) -> float:
    if around.workspace is None:
        return 0.0
    from trainer.errors import WorkspaceError
    from trainer.journal.journal import Journal

    try:
        with Journal(around.workspace.journal_path) as journal:
            return max((line.seconds for line in journal.log.read(limit=20)), default=0.0)
    except WorkspaceError:
        # The journal has a check of its own.
        return 0.0
