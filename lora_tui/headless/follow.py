"""A bake followed in the terminal until it ends, with signals obeyed and the loss of the terminal survived."""

import logging
import os
import signal
import sys
import time
from types import FrameType
from typing import TextIO

from lora_tui.headless.progress import ProgressPrinter
from lora_tui.terminal.console import Console
from lora_tui.wording.job_names import kind_of
from trainer.engine.engine import Engine
from trainer.errors import ExitCode, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Order
from trainer.machine.launch import launched
from trainer.text import printable

_EXIT_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
_POLL_SECONDS = 0.2
_NO_SUSPEND = (
    "ctrl+z is ignored, it would freeze the bake: press ctrl+c to stop and save, or close the terminal: the bake continues "
    "and `lora-tui watch` shows it"
)


def follow(engine: Engine, number: int, out: TextIO | None = None, *, intro: str = "") -> ExitCode:
    """Print `intro` and the progress of bake `number` until it ends; return the process's exit code.

    SIGINT and SIGTERM order a stop after the current step, with a save; a second one exits at once. After SIGHUP, or when the
    terminal no longer accepts output, everything is printed to the log and the bake continues.
    """
    with (
        Journal(engine.workspace.journal_path) as journal,
        Console(out or sys.stdout, intro) as console,
        Signals() as signals,
    ):
        return _follow(engine, number, journal, signals, console)


def follow_all(engine: Engine, out: TextIO | None = None, *, intro: str = "") -> ExitCode:
    """Print `intro` and the progress of the bakes of `engine` until none runs or waits; return the worst of their exit codes.

    Signals act as in `follow`; after a stop the bakes behind it stay queued. Held ones are not waited for.
    """
    worst = ExitCode.DONE
    known: set[int] = set()
    followed: set[int] = set()
    with (
        Journal(engine.workspace.journal_path) as journal,
        Console(out or sys.stdout, intro) as console,
        Signals() as signals,
    ):
        while signals.code is None:
            ours = [bake for bake in journal.bakes.latest() if bake.engine == engine.key]
            waiting = {bake.number for bake in ours if bake.state is BakeState.QUEUED and not bake.held}
            known |= waiting | {bake.number for bake in ours if bake.state.live}
            # One that was parked or failed may have been queued again.
            followed -= waiting
            # One that was held, or given to another engine, while it waited is not followed.
            started = {bake.number for bake in ours if bake.state is not BakeState.QUEUED}
            due = min((known & started) - followed, default=None)
            if due is not None:
                worst = max(worst, _follow(engine, due, journal, signals, console))
                followed.add(due)
            elif not waiting:
                return worst
            elif not engine.alive:
                console.error(printable(engine.libraries))
                return max(worst, ExitCode.BAKE_FAILED)
            else:
                _obey_terminal(signals, journal, None, console)
                time.sleep(_POLL_SECONDS)
    return max(worst, signals.code or worst)


def log_terminal_gone(journal: Journal, number: int | None) -> None:
    """Write to the journal and to bake.log that job `number` continues without a terminal, or the queue where that is None."""
    _log_going_on(journal, number, "the terminal was closed", "without a screen")


def _log_going_on(journal: Journal, number: int | None, what_happened: str, how: str) -> str:
    what = "queue" if number is None else kind_of(journal.bakes.read(number))
    line = f"{what_happened}; the {what} continues {how} (pid {os.getpid()})"
    journal.log.write(line, bake=number, level="warning")
    if logging.getLogger().handlers:
        # Without bake.log's it would be printed.
        logging.getLogger("trainer").warning(line)
    return line


class Signals:
    """Handles signals while the block runs.

    Attributes:
        code: set by the first SIGINT or SIGTERM; a second one exits at once.
        hung_up: a SIGHUP came: the terminal is gone.
        suspend: a SIGTSTP came, which would have frozen the bake.
    """

    def __init__(self) -> None:
        self.code: ExitCode | None = None
        self.hung_up = False
        self.suspend = False

    def __enter__(self) -> "Signals":
        """Install the handlers."""
        numbers = (signal.SIGHUP, signal.SIGTSTP, *_EXIT_CODES)
        # A hang-up that is ignored already was dealt with, or is to be ignored (nohup).
        self._before = {
            number: signal.signal(number, self._handle)
            for number in numbers
            if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN)
        }
        return self

    def __exit__(self, *_: object) -> None:
        """Put the former handlers back."""
        for number, handler in self._before.items():
            # The hang-up of a terminal that is gone already must not end the process.
            left = number == signal.SIGHUP and (self.hung_up or signal.getsignal(number) == signal.SIG_IGN)
            signal.signal(number, signal.SIG_IGN if left else handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.hung_up = True
        elif number == signal.SIGTSTP:
            self.suspend = True
        elif self.code is not None:
            # A launcher hands every signal on, once more than the terminal did: it kills by itself who takes too long.
            if launched() is None:
                raise SystemExit(self.code)
        else:
            self.code = _EXIT_CODES[signal.Signals(number)]


def _follow(engine: Engine, number: int, journal: Journal, signals: Signals, console: Console) -> ExitCode:
    printer = ProgressPrinter(journal, number, console)
    stopping = False
    while True:
        bake = journal.bakes.read(number)
        printer.update(bake, f"waiting: {engine.waiting_for}" if engine.waiting_for else engine.libraries)
        if not (bake.state.live or bake.state is BakeState.QUEUED):
            break
        if bake.state.live and bake.state is not BakeState.STARTING:
            # Not before bake.log is there.
            _give_up_refused(journal, number, console)
        _obey_terminal(signals, journal, number, console)
        if signals.code is not None and not stopping:
            stopping = True
            _stop(bake, journal, console)
        if not engine.alive:
            engine.exit_codes[number] = ExitCode.BAKE_FAILED
            journal.queue.give_up(number, engine.libraries)
        time.sleep(_POLL_SECONDS)
    _give_up_refused(journal, number, console)
    printer.end(bake)
    if bake.state is BakeState.FAILED or number in engine.exit_codes:
        return engine.exit_codes.get(number, ExitCode.BAKE_FAILED)
    if bake.state is BakeState.STOPPED and signals.code is not None:
        return signals.code
    return ExitCode.DONE


def _obey_terminal(signals: Signals, journal: Journal, number: int | None, console: Console) -> None:
    if signals.hung_up or (console.lost and not console.refused):
        signals.hung_up = False
        console.leave_terminal()
        log_terminal_gone(journal, number)
    if signals.suspend:
        signals.suspend = False
        console.error(_NO_SUSPEND)


def _give_up_refused(journal: Journal, number: int, console: Console) -> None:
    """Print nothing more where the system refuses it, as on a full disk, and say so in the log and on the other stream."""
    for refused in console.drop_refused():
        console.error(_log_going_on(journal, number, refused, "without it"))


def _stop(bake: Bake, journal: Journal, console: Console) -> None:
    if bake.state is BakeState.QUEUED:
        try:
            journal.queue.remove(bake.number)
            return
        except WorkspaceError:
            # The engine took it in this moment.
            pass
    journal.orders.give(bake.number, Order.STOP)
    what = "after this step, then saving" if bake.grid is None else "after this picture; those made are kept"
    again = "press again to exit at once" if launched() is None else "the launcher ends what takes longer than 30 s"
    console.error(f"stopping {what}; {again}")
