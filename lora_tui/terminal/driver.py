"""The terminal driver: Textual's own for Linux, made to survive a closed, stalled or slow terminal."""

import codecs
import contextlib
import os
import selectors
import sys
import termios
import time
from collections.abc import Iterable
from typing import Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from lora_tui.terminal.encoding import encoding_of, shown_encoding
from lora_tui.terminal.output_queue import OutputQueue

# The sequences that restore the terminal have this long to be written on a stalled connection.
_CLOSING_SECONDS = 2.0
# How often the input thread looks whether it is to end, and whether an escape was a key or the start of a sequence.
_LOOK_SECONDS = 0.1
_READ_BYTES = 4096


class TerminalGone(Message):
    """The terminal is closed; nothing can be shown any more."""


class LineFull(Message):
    """More output is waiting than one screen holds."""


class LineFree(Message):
    """All output is written, after LineFull."""


class LineSlow(Message):
    """The connection takes less than `SLOW_BYTES_PER_SECOND`."""


class TerminalLent(Message):
    """Another program has the terminal; nothing can be shown until TerminalBack."""


class TerminalBack(Message):
    """The terminal is ours again, and empty."""


class SurvivingDriver(LinuxDriver):
    """Informs the app of its terminal's state by messages: TerminalGone, LineFull, LineFree, LineSlow, TerminalLent, TerminalBack.

    Textual's driver fails with its terminal in three places: its writer thread ends at the first EIO, after which the app waits
    for ever on a full queue; its input thread spins at the end of the file or panics; a stalled connection blocks the event
    loop. This class uses private names of Textual's (`exit_event`, `_run_input_thread`), hence the tests on real terminals.

    Keys of one read carry one time, that of the read: Textual gives each the time when it came out of the parser, which on a busy
    machine may be later than the frame that the key before it has painted.
    """

    def __init__(self, app: "App[Any]", **options: Any) -> None:
        super().__init__(app, **options)
        terminal = sys.__stderr__
        assert terminal is not None
        self._descriptor = os.dup(terminal.fileno())
        self._encoding = encoding_of(terminal)
        self._line: OutputQueue | None = None
        self._lent = False

    def start_application_mode(self) -> None:
        """Switch the terminal to the screen."""
        if self._line is None:
            self._line = OutputQueue(self._descriptor, self, encoding=shown_encoding(sys.__stderr__))
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def write(self, data: str) -> None:
        """Send `data`; never waits."""
        if self._line is not None and not self._lent:
            self._line.write(data)

    def lend(self) -> tuple[int, int]:
        """Restore the terminal for another program, and write and read nothing until `take_back`.

        Returns (descriptor to read from, descriptor to write to).
        """
        if self._line is not None:
            # What waits on a slow connection would come in the middle of the other program's screen.
            self._line.drop_frames()
        if self._mouse_pixels:
            # Textual leaves it on, and the other program would take its pixels for cells.
            self.write("\x1b[?1016l")
        self.stop_application_mode()
        if self._line is not None:
            self._line.drain(_CLOSING_SECONDS)
        # Of Textual's own writer; a new one comes with the screen.
        super().close()
        # A signal to continue is no reason to put the screen up.
        self._auto_restart = False
        self._lent = True
        self._post(TerminalLent())
        return self.fileno, self._descriptor

    @property
    def is_lent(self) -> bool:
        """Whether another program has the terminal."""
        return self._lent

    def take_back(self) -> None:
        """Switch the terminal to the screen again, whatever the other program left; the caller paints it."""
        before, self._lent, self._auto_restart = self.attrs_before, False, True
        if before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, before)
        if self._line is None or not self._line.lost:
            self.start_application_mode()
        self._post(TerminalBack())

    def close(self) -> None:
        """Write the rest, and end the threads."""
        if self._line is not None:
            self._line.close(_CLOSING_SECONDS)
        super().close()

    @property
    def line(self) -> OutputQueue | None:
        """The output to the terminal; None before the start."""
        return self._line

    def lose_terminal(self) -> None:
        """Treat the terminal as closed; called from a signal handler or any thread."""
        if self._line is not None:
            self._line.lose()

    def line_lost(self) -> None:
        """End the input thread, which would spin at the end of the file, and inform the app."""
        self.exit_event.set()
        self._post(TerminalGone())

    def line_full(self) -> None:
        """Inform the app."""
        self._post(LineFull())

    def line_free(self) -> None:
        """Inform the app."""
        self._post(LineFree())

    def line_slow(self) -> None:
        """Inform the app."""
        self._post(LineSlow())

    def run_input_thread(self) -> None:
        """Read keys until the end; a terminal that cannot be read any more is closed, which is not an error."""
        try:
            self._read_input()
        except OSError:
            self.lose_terminal()

    def _read_input(self) -> None:
        parser = XTermParser(self._debug)
        # Textual's decoder is of UTF-8 alone, and ends its thread, and with it the screen, at the first byte that is not.
        decode = codecs.getincrementaldecoder(self._encoding)("replace").decode
        read = time.monotonic()
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(_LOOK_SECONDS):
                    data = os.read(self.fileno, _READ_BYTES)
                    read = time.monotonic()
                    if text := decode(data):
                        self._process(parser.feed(text), read)
                    elif not data:
                        # The end of a file, which would be there to be read for ever.
                        self.exit_event.wait(_LOOK_SECONDS)
                self._process(parser.tick(), read)

    def _process(self, messages: Iterable[Message], read: float) -> None:
        for message in messages:
            if isinstance(message, events.Key | events.Paste):
                message.time = read
            self.process_message(message)

    def _post(self, message: Message) -> None:
        # Wakes the loop even from a signal handler, where posting alone would lie until the next timer.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._app.post_message, message)
