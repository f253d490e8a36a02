"""What does this process hold in the machine's memory, and what was the most since somebody last asked?"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
_EVERY = 0.05


@dataclass
class Most:
    """The most resident memory while a block ran, bytes; known once it has ended."""

    bytes: int = 0


def resident() -> int:
    """Return the bytes of this process in the machine's memory now."""
    return _status("VmRSS")


def peak_resident() -> int:
    """Return the most bytes this process ever had in the machine's memory, or since the last `most_resident` began."""
    return _status("VmHWM")


@contextmanager
def most_resident() -> Iterator[Most]:
    """Watch this process's resident memory while the block runs.

    The kernel keeps the peak itself; where it does not let a process begin that count anew, a thread looks every 50 ms.
    """
    found = Most()
    if _begin_anew():
        try:
            yield found
        finally:
            found.bytes = _status("VmHWM")
        return
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            found.bytes = max(found.bytes, resident())
            time.sleep(_EVERY)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _begin_anew() -> bool:
    """Let the kernel's count of the peak begin at what there is now; return whether it did."""
    with suppress(OSError):
        # 5 is the peak, in proc(5).
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmHWM") <= resident() * 1.02
    return False


def _status(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"{_STATUS} says nothing of {field}")
