"""Programs as processes of their own that need not import the heavy libraries first.

`python -m lora_tui bake` spends four seconds of processor time on torch, diffusers and transformers before its first line of
ours. Here each program is a fork of one process that has those libraries loaded and nothing of ours: it imports our modules in
its own order, has its own environment, folder, streams and terminal, and dies of signals as any other. What is about the start
itself (the first frame, the README's commands, wrong inputs) starts a real interpreter.
"""

import atexit
import fcntl
import io
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import IO, Any

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "torch",
        "torch._dynamo",
        "diffusers.models.autoencoders.autoencoder_kl",
        "diffusers.models.unets.unet_2d_condition",
        "diffusers.schedulers.scheduling_ddpm",
        "diffusers.schedulers.scheduling_dpmsolver_multistep",
        "diffusers.schedulers.scheduling_euler_ancestral_discrete",
        "transformers.models.clip.modeling_clip",
        "transformers.models.clip.tokenization_clip",
        "accelerate",
        "safetensors.torch",
        "PIL.Image",
        "pydantic",
        "sqlite3",
        "textual.app",
        "textual.widgets",
    ]
)


class Program:
    """A running program, with what `subprocess.Popen` has of methods.

    Args:
        command: what `subprocess` would get: the interpreter, then `-m MODULE` or a script, then arguments.
        cwd: the folder it starts in.
        env: its environment.
        terminal: the slave end of a pseudo-terminal that becomes its own; without one, its two outputs go into one pipe.

    Attributes:
        pid: of the process.
        stdout: what it writes, as text; None on a terminal.
    """

    def __init__(
        self, command: Sequence[str], *, cwd: Path | None = None, env: dict[str, str], terminal: int | None = None
    ) -> None:
        assert command[0] == sys.executable
        self.args = list(command)
        self.stdout: IO[str] | None = None
        write = terminal
        if write is None:
            read, write = os.pipe()
            self.stdout = os.fdopen(read, encoding="utf-8", errors="replace")
        self._process = _started(command[1:], cwd or Path.cwd(), env, (write, write), own_terminal=terminal is not None)
        if terminal is None:
            os.close(write)
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative after a signal; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit status.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Read its outputs to the end and wait for it; the second text is empty."""
        text = self.stdout.read() if self.stdout else ""
        self.wait(timeout)
        return text, ""

    def send_signal(self, number: int) -> None:
        """Send it a signal where it still runs."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send it SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it SIGKILL."""
        self.send_signal(signal.SIGKILL)


def run(command: Sequence[str], *, cwd: Path | None = None, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and return its exit status and what it wrote on either output."""
    reads, writes = zip(os.pipe(), os.pipe(), strict=True)
    process = _started(command[1:], cwd or Path.cwd(), env, writes, own_terminal=False)
    for write in writes:
        os.close(write)
    out, err = _read_both(*reads)
    process.join()
    assert process.exitcode is not None
    return subprocess.CompletedProcess(list(command), process.exitcode, out, err)


def _read_both(out: int, err: int) -> tuple[str, str]:
    texts: dict[int, bytes] = {}

    def read(descriptor: int) -> None:
        with open(descriptor, "rb") as file:
            texts[descriptor] = file.read()

    reader = threading.Thread(target=read, args=(err,))
    reader.start()
    read(out)
    reader.join()
    return texts[out].decode(), texts[err].decode()


def _started(
    arguments: Sequence[str], cwd: Path, env: dict[str, str], outputs: Sequence[int], *, own_terminal: bool
) -> BaseProcess:
    process = _Start(list(arguments), str(cwd), env, tuple(outputs), own_terminal=own_terminal)
    process.start()
    return process


class _Start(_CONTEXT.Process):  # type: ignore[name-defined,misc]
    """The fork; descriptors can be handed over only while it is being started."""

    def __init__(
        self, arguments: list[str], cwd: str, env: dict[str, str], outputs: tuple[int, ...], *, own_terminal: bool
    ) -> None:
        super().__init__(daemon=True)
        self._program = (arguments, cwd, env, own_terminal)
        self._outputs: tuple[Any, ...] = outputs

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_outputs": tuple(DupFd(descriptor) for descriptor in self._outputs)}

    def run(self) -> None:
        arguments, cwd, env, own_terminal = self._program
        _take_streams([output.detach() for output in self._outputs], own_terminal=own_terminal)
        os.environ.clear()
        os.environ.update(env)
        os.chdir(cwd)
        # A program is no daemon: it may start processes of its own.
        multiprocessing.process.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
        try:
            _run_main(arguments)
        finally:
            atexit._run_exitfuncs()


def _take_streams(outputs: Sequence[int], *, own_terminal: bool) -> None:
    if own_terminal:
        os.setsid()
        fcntl.ioctl(outputs[0], termios.TIOCSCTTY, 0)
        os.dup2(outputs[0], 0)
    else:
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
    os.dup2(outputs[0], 1)
    os.dup2(outputs[1], 2)
    for descriptor in {*outputs}:
        os.close(descriptor)
    sys.stdin = sys.__stdin__ = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = _text_output(1, own_terminal)
    sys.stderr = sys.__stderr__ = _text_output(2, True)


def _text_output(descriptor: int, by_line: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        open(descriptor, "wb", closefd=False), encoding="utf-8", errors="surrogateescape", line_buffering=by_line
    )


def _run_main(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(arguments)
        runpy.run_path(arguments[0], run_name="__main__")
