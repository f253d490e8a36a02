"""Processes on a card and the memory each holds, as the driver reports it."""

import os
from dataclasses import dataclass
from typing import Any

import psutil

from trainer.machine.cards import open_nvml
from trainer.text import printable


@dataclass(frozen=True)
class CardProcess:
    """One program on a card.

    Attributes:
        pid: its process.
        name: of its program; `process 4711` if the system does not say.
        memory: bytes, None if the driver does not say.
        ours: whether it is this process.
    """

    pid: int
    name: str
    memory: int | None
    ours: bool


def card_processes(index: int = 0, lib: Any = None) -> tuple[CardProcess, ...]:
    """Return the processes on a card, those with the most memory first; empty without a driver. Slow: not for a screen's thread.

    Args:
        index: of the card, in NVML's order.
        lib: a library with the names of `pynvml`; None imports that.
    """
    lib = open_nvml(lib)
    if lib is None:
        return ()
    try:
        handle = lib.nvmlDeviceGetHandleByIndex(index)
    except lib.NVMLError:
        return ()
    held: dict[int, int | None] = {}
    # A desktop renders and does not compute; a program may do both, and is then listed twice with the same memory.
    for question in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
        for process in _processes(lib, question, handle):
            known = [memory for memory in (held.get(process.pid), process.usedGpuMemory) if memory is not None]
            held[process.pid] = max(known, default=None)
    holders = (CardProcess(pid, _name(pid), memory, pid == os.getpid()) for pid, memory in held.items())
    return tuple(sorted(holders, key=lambda holder: (-(holder.memory or 0), holder.pid)))


def _processes(lib: Any, question: str, handle: Any) -> list[Any]:
    try:
        return list(getattr(lib, question)(handle))
    except (AttributeError, lib.NVMLError):
        return []


def _name(pid: int) -> str:
    try:
        name = psutil.Process(pid).name()
    except psutil.Error:
        # In a container the driver lists the host's pids, which the container cannot resolve.
        name = ""
    return printable(name, 40) or f"process {pid}"
