"""Readings of the computer itself: load, memory, free disk."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from trainer.machine.readings import HostReading

_Answer = TypeVar("_Answer")


def read_host(disk: Path) -> HostReading:
    """Return load, memory and free disk; None for each that the system does not report.

    Args:
        disk: a path on the disk whose free bytes are wanted; if it does not exist yet, the nearest folder above it counts.
    """
    import psutil  # noqa: PLC0415  # nothing of the first frame needs it

    memory = _query(psutil.virtual_memory)
    return HostReading(
        cpu_percent=_query(psutil.cpu_percent),
        # What a program can still get, not what the file cache holds, is what counts.
        memory_used=None if memory is None else memory.total - memory.available,
        memory_total=None if memory is None else memory.total,
        process_memory=_query(lambda: int(psutil.Process().memory_info().rss)),
        disk_free=_query(lambda: int(psutil.disk_usage(str(_nearest_folder(disk))).free)),
    )


def _nearest_folder(path: Path) -> Path:
    return next((folder for folder in (path, *path.absolute().parents) if folder.exists()), path)


def _query(call: Callable[[], _Answer]) -> _Answer | None:
    import psutil  # noqa: PLC0415

    try:
        return call()
    except (OSError, psutil.Error):
        return None
