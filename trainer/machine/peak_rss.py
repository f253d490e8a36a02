"""Peak resident memory (RSS) of this process while a block runs."""

import contextlib
import re
import threading
from pathlib import Path
from typing import Self

_PROC_SELF = Path("/proc/self")
# proc(5): 5 sets the peak of the resident memory back to what is resident now.
_RESET_PEAK = "5"
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_POLL_SECONDS = 1.0


class PeakRss:
    """Watches the resident memory of this process while the block runs.

    The kernel keeps the peak where it allows a reset; elsewhere a thread polls once a second, and a shorter peak is missed.

    Attributes:
        start_bytes: resident when the block started.

    Args:
        proc: the process in Linux's /proc.
    """

    def __init__(self, proc: Path = _PROC_SELF) -> None:
        self.start_bytes = 0
        self._proc = proc
        self._uses_kernel_peak = False
        self._highest = 0
        self._done = threading.Event()

    def __enter__(self) -> Self:
        """Start to watch."""
        self.start_bytes = self._highest = _resident_bytes()
        self._uses_kernel_peak = self._reset_kernel_peak()
        if not self._uses_kernel_peak:
            threading.Thread(target=self._poll, name="memory watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        self._done.set()

    @property
    def peak(self) -> int:
        """The highest so far, in bytes."""
        self._highest = max(self._highest, _resident_bytes(), self._read_kernel_peak() if self._uses_kernel_peak else 0)
        return self._highest

    def _reset_kernel_peak(self) -> bool:
        """Reset the kernel's peak; return whether that is allowed and a peak can be read."""
        try:
            (self._proc / "clear_refs").write_text(_RESET_PEAK)
        except OSError:
            return False
        return self._read_kernel_peak() > 0

    def _read_kernel_peak(self) -> int:
        try:
            found = _PEAK.search((self._proc / "status").read_text(encoding="ascii", errors="replace"))
        except OSError:
            return 0
        return int(found[1]) * 1024 if found else 0

    def _poll(self) -> None:
        while not self._done.wait(_POLL_SECONDS):
            self._highest = max(self._highest, _resident_bytes())


def _resident_bytes() -> int:
    import psutil  # noqa: PLC0415  # nothing of the first frame needs it

    with contextlib.suppress(psutil.Error):
        return int(psutil.Process().memory_info().rss)
    return 0
