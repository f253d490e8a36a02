"""A real pseudo-terminal with a screen that can be read."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path

import pyte
from preloaded import Program

KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "space": " ",
    "ctrl+q": "\x11",
    "ctrl+s": "\x13",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "backspace": "\x7f",
}


class Terminal:
    """A program running on a pty of its own; `screen()` is what a person would see.

    Args:
        command: the interpreter, then `-m MODULE` or a script, then arguments.
        columns, lines: the size of the window.
        folder: where it starts.
        env: its environment.
        fresh: start an interpreter that has loaded nothing yet, in place of one that has the libraries.
    """

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        lines: int,
        folder: Path,
        env: dict[str, str],
        *,
        fresh: bool = True,
    ) -> None:
        self.started = time.monotonic()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._hung_up = False
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._master = master
        self.process: subprocess.Popen[bytes] | Program
        if fresh:
            self.process = _interpreter(command, slave, folder, env)
        else:
            self.process = Program(command, cwd=folder, env=env, terminal=slave)
        os.close(slave)

    def fileno(self) -> int:
        """Return the descriptor that stands for the keyboard."""
        return self._master

    def pump(self, seconds: float) -> None:
        """Read what the program writes for `seconds`."""
        if self._hung_up:
            time.sleep(seconds)
            return
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self._master], [], [], left)[0] and not self.read(65536):
                return

    def read(self, most: int) -> bool:
        """Read at most `most` bytes of what the program has written; return whether there were any."""
        if not select.select([self._master], [], [], 0)[0]:
            return False
        try:
            data = os.read(self._master, most)
        except OSError:
            return False
        self.raw += data
        # pyte knows no private-mode queries with `$`; they print nothing.
        self._stream.feed(re.sub(rb"\x1b\[[?>=<]?[\d;]*\$?[pu]", b"", data))
        return True

    def _read_rest(self) -> None:
        """Read what a program that has ended left: to the end of its terminal, or until nothing came for a second.

        The kernel hands it over when it finds the time, so that at first there may be nothing.
        """
        while not self._hung_up and select.select([self._master], [], [], 1)[0] and self.read(65536):
            pass

    def screen(self) -> str:
        """Return the screen as text."""
        return "\n".join(self._screen.display)

    def cells(self) -> list[tuple[object, ...]]:
        """Return the screen with the colours of each cell."""
        columns = range(self._screen.columns)
        return [tuple(self._screen.buffer[y][x] for x in columns) for y in range(self._screen.lines)]

    def wait_for(self, *wanted: str, seconds: float = 60) -> str:
        """Return the screen once all of `wanted` stand on it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.pump(0.05)
            text = self.screen()
            if all(part in text for part in wanted):
                return text
            if self.process.poll() is not None:
                self._read_rest()
                break
        text = self.screen()
        if all(part in text for part in wanted):
            return text
        raise AssertionError(f"waited {seconds} s for {wanted}; exit {self.process.poll()}; screen:\n{text}")

    def wait_until_gone(self, text: str, seconds: float = 60) -> None:
        """Come back once `text` stands on the screen no more."""
        end = time.monotonic() + seconds
        while text in self.screen():
            assert time.monotonic() < end, f"{text!r} stays; screen:\n{self.screen()}"
            self.pump(0.05)

    def press(self, *keys: str) -> None:
        """Send keys by name, or text as it stands."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())
            self.pump(0.15)

    def type_at_once(self, text: str) -> None:
        """Send `text` as it stands in one write, which the program reads in one read."""
        os.write(self._master, text.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self._screen.resize(lines, columns)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal under the program, as a window that is closed or a link that is lost does."""
        os.close(self._master)
        self._hung_up = True

    def wait_exit(self, seconds: float = 60) -> int:
        """Return the exit code once the program has ended."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f"still running after {seconds} s; screen:\n{self.screen()}")
            self.pump(0.1)
        self._read_rest()
        return self.process.returncode

    def close(self) -> None:
        """End whatever is left."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if not self._hung_up:
            os.close(self._master)


def _interpreter(command: Sequence[str], slave: int, folder: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env=env,
        start_new_session=True,
        close_fds=True,
        # Of a terminal that is its own, a process hears a hang-up and ctrl+z, as it would in a window.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads here
    )
