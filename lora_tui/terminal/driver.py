"""The terminal driver: Textual's own for Linux, but a terminal that is gone, stalled or slow never takes the process with it."""

import contextlib
import os
import sys
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from lora_tui.terminal.output_queue import OutputQueue

# What the terminal needs to be as it was before; a stalled line has this long to take it.
_CLOSING_SECONDS = 2.0


class TerminalGone(Message):
    """The terminal is closed; nothing that is painted reaches anybody."""


class LineFull(Message):
    """More waits to be sent than the screen holds."""


class LineFree(Message):
    """Everything is sent, after the line was full."""


class LineSlow(Message):
    """The line takes less than 10 KiB/s."""


class SurvivingDriver(LinuxDriver):
    """Tells the app of its terminal by messages: TerminalGone, LineFull, LineFree, LineSlow.

    Textual's driver dies with its terminal in three places: its writer thread ends at the first EIO, after which the app waits
    for ever at a full queue; its input thread spins at the end of the file or panics; a stalled link blocks the event loop. It
    leans on names that are Textual's own (`exit_event`, `_run_input_thread`), hence the pin and the tests on real terminals.
    """

    def __init__(self, app: "App[Any]", **options: Any) -> None:
        """Keep a descriptor of the terminal for this driver alone."""
        super().__init__(app, **options)
        terminal = sys.__stderr__
        assert terminal is not None
        self._descriptor = os.dup(terminal.fileno())
        self._line: OutputQueue | None = None

    def start_application_mode(self) -> None:
        """Take the terminal over."""
        if self._line is None:
            self._line = OutputQueue(self._descriptor, self)
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        """Send `data`; never waits."""
        if self._line is not None:
            self._line.write(data)

    def close(self) -> None:
        """Send what waits, and end the threads."""
        if self._line is not None:
            self._line.close(_CLOSING_SECONDS)
        super().close()

    @property
    def given(self) -> int:
        """Bytes written since the start."""
        return self._line.given if self._line is not None else 0

    def lose_terminal(self) -> None:
        """Take the terminal as gone, from a signal handler or any thread."""
        if self._line is not None:
            self._line.lose()

    def line_lost(self) -> None:
        """Let the input thread end, which would spin at the end of the file, and tell the app."""
        self.exit_event.set()
        self._tell(TerminalGone())

    def line_full(self) -> None:
        """Tell the app."""
        self._tell(LineFull())

    def line_free(self) -> None:
        """Tell the app."""
        self._tell(LineFree())

    def line_slow(self) -> None:
        """Tell the app."""
        self._tell(LineSlow())

    def run_input_thread(self) -> None:
        """Read keys until the end; a terminal that cannot be read any more is gone, and no crash."""
        try:
            super().run_input_thread()
        except OSError:
            self.lose_terminal()

    def _tell(self, message: Message) -> None:
        # Wakes the loop even from a signal handler, where posting alone would lie until the next timer.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._app.post_message, message)
