"""Repaints adapted to the connection: at once on a good one, rarely on a slow one, none while nothing gets through."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from textual.app import App
from textual.timer import Timer

SLOW_BYTES = 1024
"""Bytes per second spent on a slow connection while no key is pressed."""

_POLL_SECONDS = 0.25
# On a slow connection, repaints that come more often than this are not worth their bytes.
_MIN_PAUSE_SECONDS = 3.0
# What a key does is shown at once, because the user is waiting for it.
_ECHO_SECONDS = 1.0


class Repaint:
    """Holds back and releases the app's repaints. All calls come in the app's thread.

    While they are held back, Textual keeps a list of widgets to paint, so that a paint after a minute costs no more than one
    after a second.

    Args:
        app: whose repaints.
        given: bytes written to the terminal so far.
        clock: monotonic seconds.
    """

    def __init__(self, app: "App[Any]", given: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self.slow = False
        self._app = app
        self._given = given
        self._clock = clock
        self._holding = ExitStack()
        self._held = False
        self._full = False
        self._keyed = -_ECHO_SECONDS
        self._painted = 0.0
        self._paid_until = 0.0
        self._counted = 0
        self._timer: Timer | None = None

    def line_full(self) -> None:
        """Paint nothing more until the output is written."""
        self._full = True
        self._hold()

    def line_free(self) -> None:
        """Paint what was missed."""
        self._full = False
        if not self.slow:
            self._release()
            # Frames of the layouts in between were not painted, and nothing else knows where they would have been.
            self._app.screen.refresh()

    def set_slow(self, slow: bool) -> None:
        """Start saving bytes, or stop that and paint everything."""
        if slow == self.slow:
            return
        self.slow = slow
        self._counted, self._paid_until = self._given(), self._clock()
        if slow:
            self._timer = self._app.set_interval(_POLL_SECONDS, self._paint_if_due)
            return
        if self._timer is not None:
            self._timer.stop()
        if not self._full:
            self._release()
            self._app.screen.refresh()

    def resized(self) -> None:
        """Paint everything next, because a layout made while nothing is painted leaves no trace."""
        if self._held:
            self._app.screen.refresh()

    def key_pressed(self) -> None:
        """Show at once what a key does."""
        self._keyed = self._clock()
        if self.slow and not self._full:
            self._release()

    def _paint_if_due(self) -> None:
        """On a slow connection, paint once whenever the bytes of the earlier paints have had time to be sent."""
        if not self.slow or self._full:
            return
        now, given = self._clock(), self._given()
        self._paid_until = max(self._paid_until, now) + (given - self._counted) / SLOW_BYTES
        self._counted = given
        if now - self._keyed < _ECHO_SECONDS:
            return
        if self._held and now >= self._paid_until and now - self._painted >= _MIN_PAUSE_SECONDS:
            self._painted = now
            self._release()
        else:
            self._hold()

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self._holding.enter_context(self._app.batch_update())

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._holding.close()
            self._app.screen.check_idle()
