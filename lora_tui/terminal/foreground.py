"""Another program in the foreground of our terminal, as a shell runs one: with a process group of its own."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Between two attempts to let a program continue that stops again at once.
_STOPPED_SECONDS = 0.1


class ForegroundProgram:
    """A program that has the terminal until it ends.

    Keys that send signals reach it alone: in one process group ctrl+c would end, and ctrl+z stop, whatever this process bakes.
    It is not left stopped, because there is no shell to continue it from.

    Args:
        command: the program and its arguments.
        folder: where it starts.
        keyboard, screen: descriptors of the terminal to read from and to write to.
        environment: its environment; None for ours.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        keyboard: int,
        screen: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._keyboard = keyboard
        # Without a terminal of its own a process has no foreground to give away.
        self._before = _foreground(keyboard)
        self._process = subprocess.Popen(
            command,
            stdin=keyboard,
            stdout=screen,
            stderr=screen,
            cwd=folder,
            env=environment,
            process_group=None if self._before is None else 0,
        )
        self._give(self._process.pid)

    def wait(self) -> int:
        """Wait until it has ended, take the terminal back and return its exit code; negative for the signal that ended it."""
        try:
            return self._wait()
        finally:
            if self._before is not None:
                self._give(self._before)

    def hang_up(self) -> None:
        """Tell it that its terminal is gone: an editor then keeps what was typed as it keeps it for that case."""
        with contextlib.suppress(OSError):
            if self._before is None:
                self._process.send_signal(signal.SIGHUP)
            elif self._process.returncode is None:
                # With what it has started.
                os.killpg(self._process.pid, signal.SIGHUP)

    def _wait(self) -> int:
        if self._before is None:
            return self._process.wait()
        while True:
            try:
                _, status = os.waitpid(self._process.pid, os.WUNTRACED)
            except ChildProcessError:
                # Somebody else has heard of its end.
                return self._process.wait()
            if not os.WIFSTOPPED(status):
                self._process.returncode = os.waitstatus_to_exitcode(status)
                return self._process.returncode
            # By ctrl+z in it, or because it asked for the terminal before it had it.
            self._give(self._process.pid)
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGCONT)
            time.sleep(_STOPPED_SECONDS)

    def _give(self, group: int) -> None:
        """Make a process group the terminal's foreground; a terminal that is gone has none."""
        if self._before is None:
            return
        # A process in the background, as this one is while the other has the terminal, is else stopped for asking.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            with contextlib.suppress(OSError):
                os.tcsetpgrp(self._keyboard, group)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _foreground(terminal: int) -> int | None:
    """Return the process group in the foreground of `terminal`; None where it is not the terminal of this process."""
    try:
        return os.tcgetpgrp(terminal)
    except OSError:
        return None
