"""The release of what is kept between jobs, once none has come for a while."""

import time
from collections.abc import Callable

KEEP_SECONDS = 600.0
"""How long an idle engine keeps the base: long enough to look at a bake's pictures and start the next one."""


class IdleRelease:
    """Releases once when no job has run for some time, and again only after another job.

    Args:
        release: what is done then.
        seconds: how long to wait.
        clock: seconds that only grow.
    """

    def __init__(
        self, release: Callable[[], object], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._release, self._seconds, self._clock = release, seconds, clock
        self._since: float | None = None

    def job_ended(self) -> None:
        """Begin to wait: something may be kept now."""
        self._since = self._clock()

    def idle(self) -> None:
        """Release if the wait is over."""
        if self._since is not None and self._clock() - self._since >= self._seconds:
            self._since = None
            self._release()
