"""How much memory did this process hold at the most, while something was done?"""

import contextlib
import re
import threading
from pathlib import Path
from typing import Self

import psutil

_OURS = Path("/proc/self")
# proc(5): 5 sets the peak of the resident memory back to what is resident now.
_FORGET_PEAK = "5"
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)
_LOOK_EVERY = 1.0


class PeakRss:
    """Watches the resident memory of this process while the block runs.

    The kernel keeps the peak itself where it lets us begin it anew; elsewhere a thread looks once a second, and a shorter peak than
    that is missed.

    Attributes:
        began: bytes resident when the block began.

    Args:
        proc: the process in Linux's /proc.
    """

    def __init__(self, proc: Path = _OURS) -> None:
        """Watch nothing yet."""
        self.began = 0
        self._proc = proc
        self._kernel = False
        self._seen = 0
        self._done = threading.Event()

    def __enter__(self) -> Self:
        """Begin to watch."""
        self.began = self._seen = _resident()
        self._kernel = self._forget()
        if not self._kernel:
            threading.Thread(target=self._look, name="memory watch", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Watch no more."""
        self._done.set()

    @property
    def peak(self) -> int:
        """The most so far, in bytes."""
        self._seen = max(self._seen, _resident(), self._kept_peak() if self._kernel else 0)
        return self._seen

    def _forget(self) -> bool:
        """Begin the kernel's peak anew; return whether that was allowed and there is one."""
        try:
            (self._proc / "clear_refs").write_text(_FORGET_PEAK)
        except OSError:
            return False
        return self._kept_peak() > 0

    def _kept_peak(self) -> int:
        try:
            found = _PEAK.search((self._proc / "status").read_text(encoding="ascii", errors="replace"))
        except OSError:
            return 0
        return int(found[1]) * 1024 if found else 0

    def _look(self) -> None:
        while not self._done.wait(_LOOK_EVERY):
            self._seen = max(self._seen, _resident())


def _resident() -> int:
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process().memory_info().rss)
    return 0
