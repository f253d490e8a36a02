"""A bake without a screen: followed until it ends, whatever signals come and whatever becomes of the terminal."""

import logging
import os
import signal
import sys
import time
from types import FrameType
from typing import TextIO

from lora_tui.headless.progress import ProgressPrinter
from lora_tui.terminal.console import Console
from trainer.engine.engine import Engine
from trainer.errors import ExitCode, WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Order
from trainer.text import printable

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
_LOOK_EVERY = 0.2
_NO_SUSPEND = (
    "ctrl+z would freeze the bake: ctrl+c stops it and saves; to have the terminal back, close it or use tmux: the bake goes on, "
    "and `lora-tui watch` shows it"
)


def follow(engine: Engine, number: int, out: TextIO | None = None, *, intro: str = "") -> ExitCode:
    """Print `intro` and what bake `number` says until it ends; return what the process shall exit with.

    SIGINT and SIGTERM order a stop after the step at work, with a save; a second one leaves at once. SIGHUP, or a terminal that
    takes nothing more, sends what is printed to the log; the bake goes on.
    """
    with (
        Journal(engine.workspace.journal_path) as journal,
        Console(out or sys.stdout, intro) as console,
        Signals() as signals,
    ):
        return _follow(engine, number, journal, signals, console)


def follow_all(engine: Engine, out: TextIO | None = None, *, intro: str = "") -> ExitCode:
    """Print `intro` and what the bakes of `engine` say until none is at work or waits; return the worst of their exit codes.

    Signals are heard as in `follow`; after a stop the bakes behind stay queued. Held ones are not waited for.
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
            # One that was held, or given to another engine, while it waited is nobody to follow.
            begun = {bake.number for bake in ours if bake.state is not BakeState.QUEUED}
            due = min((known & begun) - followed, default=None)
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
                time.sleep(_LOOK_EVERY)
    return max(worst, signals.code or worst)


def say_terminal_gone(journal: Journal, number: int | None) -> None:
    """Say in the journal and in bake.log that bake `number` goes on without a terminal."""
    line = f"the terminal is gone; the bake goes on without a screen (pid {os.getpid()})"
    journal.log.write(line, bake=number, level="warning")
    logging.getLogger("trainer").warning(line)


class Signals:
    """Hears signals while the block runs.

    Attributes:
        code: set by the first SIGINT or SIGTERM; a second one leaves at once.
        hung_up: a SIGHUP came: the terminal is gone.
        suspend: a SIGTSTP came, which would have frozen the bake.
    """

    def __init__(self) -> None:
        self.code: ExitCode | None = None
        self.hung_up = False
        self.suspend = False

    def __enter__(self) -> "Signals":
        """Listen."""
        numbers = (signal.SIGHUP, signal.SIGTSTP, *_CODES)
        # A hang-up that is ignored already was dealt with, or is nobody's concern (nohup).
        self._before = {
            number: signal.signal(number, self._heard)
            for number in numbers
            if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN)
        }
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        for number, handler in self._before.items():
            # The hang-up of a terminal that was left, or went a moment ago, is nobody's concern any more.
            left = number == signal.SIGHUP and (self.hung_up or signal.getsignal(number) == signal.SIG_IGN)
            signal.signal(number, signal.SIG_IGN if left else handler)

    def _heard(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.hung_up = True
        elif number == signal.SIGTSTP:
            self.suspend = True
        elif self.code is not None:
            raise SystemExit(self.code)
        else:
            self.code = _CODES[signal.Signals(number)]


def _follow(engine: Engine, number: int, journal: Journal, signals: Signals, console: Console) -> ExitCode:
    printer = ProgressPrinter(journal, number, console)
    told = False
    while True:
        bake = journal.bakes.read(number)
        printer.tell(bake, f"waits: {engine.waiting_for}" if engine.waiting_for else engine.libraries)
        if not (bake.state.live or bake.state is BakeState.QUEUED):
            break
        _obey_terminal(signals, journal, number, console)
        if signals.code is not None and not told:
            told = True
            _stop(bake, journal, console)
        if not engine.alive:
            journal.bakes.set_state(number, BakeState.FAILED, engine.libraries)
        time.sleep(_LOOK_EVERY)
    printer.end(bake)
    if bake.state is BakeState.FAILED:
        return engine.exit_codes.get(number, ExitCode.BAKE_FAILED)
    if bake.state is BakeState.STOPPED and signals.code is not None:
        return signals.code
    return ExitCode.DONE


def _obey_terminal(signals: Signals, journal: Journal, number: int | None, console: Console) -> None:
    if signals.hung_up or console.lost:
        signals.hung_up = False
        console.leave_terminal()
        say_terminal_gone(journal, number)
    if signals.suspend:
        signals.suspend = False
        console.error(_NO_SUSPEND)


def _stop(bake: Bake, journal: Journal, console: Console) -> None:
    if bake.state is BakeState.QUEUED:
        try:
            journal.queue.remove(bake.number)
            return
        except WorkspaceError:
            # The engine took it in this moment.
            pass
    journal.orders.give(bake.number, Order.STOP)
    what = "after this step and saving" if bake.grid is None else "here; the pictures made are kept"
    console.error(f"stopping {what}; once more leaves at once")
