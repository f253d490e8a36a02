"""Commands of the user's that are run on a bake's end or trouble, beside the bake, which neither waits for them nor fails by them."""

import contextlib
import json
import os
import select
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO

from trainer.text import printable

_TIMEOUT_SECONDS = 30.0
# A few lines of a log; what a command writes beyond that is read and dropped, so that it never blocks.
_MAX_OUTPUT_BYTES = 4096
_MAX_OUTPUT_LINES = 5
_POLL_SECONDS = 0.1

_running: set["_CommandRun"] = set()
_running_lock = threading.Lock()


def run_user_command(
    command: str, event: Mapping[str, object], *, timeout: float = _TIMEOUT_SECONDS, log: Callable[[str, str], None]
) -> None:
    """Start `command` with `event` as JSON on its standard input, and return at once. Nothing is raised.

    Args:
        command: words split as a shell would, but no shell runs; `~` at the start of a word is the home folder. Blank: nothing happens.
        event: `event` is `done` or `trouble`; the setting's name in messages comes from it.
        timeout: seconds after which it and whatever it started in its process group are killed.
        say: takes a line and its level; called from a thread of its own.
    """
    if not command.strip():
        return
    run = _CommandRun(command, event, timeout, log)
    # Started under the lock: finish_user_commands may join only what runs.
    with _running_lock:
        _running.add(run)
        run.start()


def finish_user_commands(seconds: float) -> None:
    """Wait up to `seconds` in all for the commands that still run, then kill them."""
    deadline = time.monotonic() + seconds
    with _running_lock:
        commands = list(_running)
    for each in commands:
        each.join(max(0.0, deadline - time.monotonic()))
    for each in commands:
        each.kill()
    for each in commands:
        each.join(1.0)


class _CommandRun(threading.Thread):
    """One run of one command."""

    def __init__(
        self, command: str, event: Mapping[str, object], timeout: float, log: Callable[[str, str], None]
    ) -> None:
        super().__init__(name="user command", daemon=True)
        self._command = command
        self._event = event
        self._deadline = time.monotonic() + timeout
        self._timeout = timeout
        self._log_line = log
        self._killed = threading.Event()
        self._name = f"on_{event.get('event')}"
        self._tail = b""

    def kill(self) -> None:
        """Kill the command if it still runs."""
        self._killed.set()

    def run(self) -> None:
        try:
            self._run()
        except Exception as error:
            # Whatever it is, it must not affect the bake.
            self._log(f"cannot be run: {printable(str(error))}", "warning")
        finally:
            with _running_lock:
                _running.discard(self)

    def _run(self) -> None:
        words = [os.path.expanduser(word) for word in shlex.split(self._command)]
        # A file, not a pipe: a command that never reads cannot block the writer, one that has ended cannot break it.
        with tempfile.TemporaryFile() as given:
            given.write(json.dumps(self._event, default=str).encode("utf-8", "replace") + b"\n")
            given.seek(0)
            process = subprocess.Popen(
                words, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
            )
        assert process.stdout is not None
        with process.stdout as output:
            ended = self._wait(process, output)
        if not ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._report(process.returncode, ended)

    def _wait(self, process: "subprocess.Popen[bytes]", output: IO[bytes]) -> bool:
        """Read what the command writes until it ends, and return whether it did so in time."""
        open_end = True
        while process.poll() is None:
            left = self._deadline - time.monotonic()
            if left <= 0 or self._killed.is_set():
                return False
            if open_end:
                open_end = self._read(output, min(_POLL_SECONDS, left))
            else:
                time.sleep(min(_POLL_SECONDS, left))
        # A process it left behind may hold the pipe forever, so only what is there already is read.
        while open_end and select.select([output], [], [], 0)[0] and time.monotonic() < self._deadline:
            open_end = self._read(output, 0)
        return True

    def _read(self, output: IO[bytes], seconds: float) -> bool:
        """Take what comes within `seconds`, and return whether more may come."""
        if not select.select([output], [], [], seconds)[0]:
            return True
        piece = os.read(output.fileno(), 1 << 16)
        self._tail = (self._tail + piece)[-_MAX_OUTPUT_BYTES:]
        return bool(piece)

    def _report(self, code: int, ended: bool) -> None:
        lines = [printable(line, 200) for line in self._tail.decode("utf-8", "replace").splitlines() if line.strip()]
        for line in lines[-_MAX_OUTPUT_LINES:]:
            self._log(line, "info")
        if not ended:
            given_up = (
                "was killed because lora-tui is closing"
                if self._killed.is_set()
                else f"was killed after {self._timeout:g} s"
            )
            self._log(given_up, "warning")
        elif code:
            self._log(f"ended with exit code {code}" if code > 0 else f"was killed by signal {-code}", "warning")

    def _log(self, text: str, level: str) -> None:
        # A log that cannot take a line (a full disk) must not take the thread down with a traceback.
        with contextlib.suppress(Exception):
            self._log_line(f"{self._name}: {text}", level)
