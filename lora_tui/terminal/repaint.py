"""Repaints adapted to the connection: at once on a good one, rarely on a slow one, none while nothing gets through."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Protocol

from textual.app import App
from textual.timer import Timer

SLOW_BYTES = 1024
"""Bytes per second spent on a slow connection while no key is pressed."""

_POLL_SECONDS = 0.25
# On a slow connection, repaints that come more often than this are not worth their bytes …
_MIN_PAUSE_SECONDS = 3.0
# … and after this, whatever was painted before, it is time for what has happened since.
_MAX_PAUSE_SECONDS = 15.0
# What a key does is shown at once, because the user is waiting for it.
_ECHO_SECONDS = 1.0

# A connection that was found slow is tried after this time, and then after twice the time before, up to the last.
_FIRST_TRIAL_SECONDS = 30.0
_LAST_TRIAL_SECONDS = 600.0
# One that is found slow again within this time had passed its trial by luck: its buffers took the trial.
_PROVEN_SECONDS = 60.0
# A trial is one complete screen, of which buffers take the most; so little must do.
_TRIAL_EVIDENCE_SECONDS = 0.5


class Line(Protocol):
    """The output to the terminal, as repaints see it."""

    given: int
    """Bytes given to it so far."""

    @property
    def backlog(self) -> int:
        """Bytes not written yet."""
        ...

    def drop_frames(self) -> None:
        """Leave out the rest of the frames that are waiting."""
        ...

    def measure_again(self) -> None:
        """Forget how fast the connection was."""
        ...

    def slow(self, evidence: float) -> bool:
        """Return whether the connection was slow since then."""
        ...


class Repaint:
    """Holds back and releases the app's repaints. All calls come in the app's thread.

    While they are held back, Textual keeps a list of widgets to paint, so that a paint after a minute costs no more than one
    after a second.

    Args:
        app: whose repaints.
        line: returns the output to the terminal, None where there is none.
        on_quick: called when a connection that was found slow no longer is; it is expected to call `set_slow`.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        app: "App[Any]",
        line: Callable[[], Line | None],
        on_quick: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slow = False
        self._app = app
        self._line = line
        self._on_quick = on_quick
        self._clock = clock
        self._holding = ExitStack()
        self._held = False
        self._full = False
        self._owed = False
        self._keyed = -_ECHO_SECONDS
        self._painted = 0.0
        self._paid_until = 0.0
        self._counted = 0
        self._timer: Timer | None = None
        self._trials = False
        self._trial_pause = _FIRST_TRIAL_SECONDS
        self._trial_due = 0.0
        self._tried_at: int | None = None
        self._passed = -_PROVEN_SECONDS

    def line_full(self) -> None:
        """Paint nothing more until the output is written."""
        self._full = True
        self._hold()

    def line_free(self) -> None:
        """Paint what was missed."""
        self._full = False
        if self._owed:
            self._keyed = self._clock()
        if not self.slow or self._owed:
            self._owed = False
            self._release()
            # Frames of the layouts in between were not painted, and nothing else knows where they would have been.
            self._app.screen.refresh()

    def set_slow(self, slow: bool, *, trials: bool = False) -> None:
        """Start saving bytes, or stop that and paint everything.

        Args:
            slow: whether to save bytes.
            trials: find out from time to time whether it is still necessary.
        """
        self._trials = trials
        if slow == self.slow:
            return
        self.slow = slow
        now = self._clock()
        self._counted, self._paid_until = self._given(), now
        self._tried_at = None
        if slow:
            again = now - self._passed < _PROVEN_SECONDS
            self._trial_pause = min(2 * self._trial_pause, _LAST_TRIAL_SECONDS) if again else _FIRST_TRIAL_SECONDS
            self._trial_due = now + self._trial_pause
            self._timer = self._app.set_interval(_POLL_SECONDS, self._tick)
            return
        if self._timer is not None:
            self._timer.stop()
        if not self._full:
            self._release()
            self._app.screen.refresh()

    def resized(self) -> None:
        """Paint the newest layout before anything else, however slow the connection."""
        line = self._line()
        waiting = line is not None and line.backlog > 0
        if line is not None and waiting:
            line.drop_frames()
        # A layout made while nothing is painted leaves no trace, and what was dropped is owed.
        if (waiting or self._held) and self._app.screen_stack:
            self._app.screen.refresh()
        self.key_pressed()

    def key_pressed(self) -> None:
        """Show at once what a key does, or as soon as the output that waits is written."""
        self._keyed = self._clock()
        self._owed = self._full
        if self.slow and not self._full:
            self._release()

    def _tick(self) -> None:
        if not self.slow or self._full:
            return
        now = self._clock()
        self._count(now)
        if self._tried_at is not None:
            self._judge_trial(now)
        elif now - self._keyed < _ECHO_SECONDS:
            return
        elif self._trials and now >= self._trial_due and not self._backlog():
            self._begin_trial()
        elif self._paint_is_due(now):
            self._painted = now
            self._release()
        else:
            self._hold()

    def _count(self, now: float) -> None:
        """Add the time that the bytes painted since the last tick take on a slow connection."""
        given = self._given()
        self._paid_until = max(self._paid_until, now) + (given - self._counted) / SLOW_BYTES
        self._counted = given

    def _paint_is_due(self, now: float) -> bool:
        """Return whether the bytes of the earlier paints have had time to be sent, and are sent."""
        due = min(self._paid_until, self._painted + _MAX_PAUSE_SECONDS)
        return self._held and not self._backlog() and now >= max(due, self._painted + _MIN_PAUSE_SECONDS)

    def _begin_trial(self) -> None:
        """Paint the complete screen, which is more than buffers take, and see how fast that goes."""
        line = self._line()
        if line is not None:
            line.measure_again()
            self._tried_at = line.given
            self._release()
            self._app.screen.refresh()

    def _judge_trial(self, now: float) -> None:
        line = self._line()
        if line is None or line.given == self._tried_at:
            # Not painted yet.
            return
        self._hold()
        if line.backlog:
            return
        self._tried_at = None
        if line.slow(_TRIAL_EVIDENCE_SECONDS):
            self._trial_pause = min(2 * self._trial_pause, _LAST_TRIAL_SECONDS)
            self._trial_due = now + self._trial_pause
        else:
            self._passed = now
            line.measure_again()
            self._on_quick()

    def _given(self) -> int:
        line = self._line()
        return line.given if line is not None else 0

    def _backlog(self) -> int:
        line = self._line()
        return line.backlog if line is not None else 0

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self._holding.enter_context(self._app.batch_update())

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._holding.close()
            self._app.screen.check_idle()
