"""Python processes of our own: started isolated, asked on standard input, answering on a pipe that nothing else writes to.

Every one starts here. It imports what this program imports and nothing of the current folder, nor of the user's site-packages where
this program is not installed in them. What it or a library prints goes nowhere, so that no print is read as an answer.
"""

import contextlib
import functools
import importlib.util
import json
import os
import select
import site
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, TextIO

# It computes beside a bake and a screen: one thread, no model hub, and unless it is asked about them no GPUs.
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
_NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
_LOWEST_PRIORITY = 19


class ChildEnded(Exception):  # not an error yet: who asked knows what it means
    """The process ended without an answer; the message is its exit code."""


class PythonChild:
    """A process that answers questions, one line of JSON each, at the lowest priority.

    Args:
        module: whose `main` answers; it takes the stream from `answers()`.
        sees_gpus: whether it may use the GPUs that this process may use; else it sees none.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, module: str, *, sees_gpus: bool = False) -> None:
        self._answers, write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*isolated_python(), "-m", module, str(write)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(write,),
                env=isolated_environment() | _ENVIRONMENT | ({} if sees_gpus else _NO_GPU),
                # A key that interrupts the program must not reach it.
                start_new_session=True,
            )
        except BaseException:
            os.close(self._answers)
            raise
        finally:
            os.close(write)
        self._received = b""

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def ask(self, question: Any) -> None:
        """Send a question.

        Raises:
            OSError: the process has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()

    def answer(self, seconds: float) -> Any:
        """Return the next answer, None if none came within `seconds`.

        Raises:
            ChildEnded: the process has ended, or what came is no answer.
        """
        end = time.monotonic() + seconds
        while b"\n" not in self._received:
            try:
                if not select.select([self._answers], [], [], max(0.0, end - time.monotonic()))[0]:
                    return None
                piece = os.read(self._answers, 1 << 16)
            except (OSError, ValueError):
                # Closed in another thread.
                piece = b""
            if not piece:
                raise ChildEnded(str(self._process.wait()))
            self._received += piece
        line, _, self._received = self._received.partition(b"\n")
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise ChildEnded("an answer other than JSON") from None

    def kill(self) -> None:
        """Kill it, whatever it is doing."""
        self._process.kill()

    def close(self) -> None:
        """End it, whatever it is doing; closing again does nothing."""
        self.kill()
        self._process.wait()
        if self._process.stdin is not None:
            # A question that it no longer took.
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        # A number that two threads close may be another file's by the second time.
        answers, self._answers = self._answers, -1
        if answers >= 0:
            os.close(answers)


def answers() -> TextIO:
    """Return the stream for answers, in a process that `PythonChild` started; its priority is the lowest from now on."""
    os.nice(_LOWEST_PRIORITY)
    number = int(sys.argv[1])
    # What it starts itself must not keep the pipe open.
    os.set_inheritable(number, False)
    return os.fdopen(number, "w", encoding="utf-8")


def isolated_python() -> list[str]:
    """Return the words that start Python without the current folder and the user's site-packages among its import paths."""
    return [sys.executable, "-P", *(() if needs_user_site() else ("-s",))]


def isolated_environment() -> dict[str, str]:
    """Return this process's environment with only those folders in PYTHONPATH that it imports from itself, by absolute paths."""
    environment = dict(os.environ)
    folders = [
        folder
        for folder in environment.pop("PYTHONPATH", "").split(os.pathsep)
        if os.path.isabs(folder) and os.path.abspath(folder) in map(os.path.abspath, filter(None, sys.path))
    ]
    return environment | ({"PYTHONPATH": os.pathsep.join(folders)} if folders else {})


@functools.cache
def needs_user_site() -> bool:
    """Return whether this program or torch is installed in the user's own site-packages."""
    if not site.ENABLE_USER_SITE:
        return False
    folder = Path(site.getusersitepackages()).resolve()
    specs = (importlib.util.find_spec(name) for name in ("trainer", "torch"))
    return any(Path(spec.origin).resolve().is_relative_to(folder) for spec in specs if spec and spec.origin)
