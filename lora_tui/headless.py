"""A bake without a screen: progress read from the journal, as a bar on a terminal and as plain lines elsewhere."""

import shutil
import signal
import sys
import time
from types import FrameType
from typing import TextIO

from lora_tui.figures import loss, span, speed
from lora_tui.signs import FAILED, WARNING, state_sign
from trainer.engine import Engine
from trainer.errors import ExitCode
from trainer.foreign_text import shown
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Order

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}
_LEVELS = {"error": f"{FAILED.mark} ", "warning": f"{WARNING.mark} "}
_BAR = 24


def follow(engine: Engine, number: int, out: TextIO | None = None) -> ExitCode:
    """Print what bake `number` says until it ends; return what the process shall exit with.

    SIGINT and SIGTERM order a stop after the step at work, with a save; a second one leaves at once.
    """
    out = out or sys.stdout
    with Journal(engine.workspace.journal_path) as journal, Signals() as signals:
        printer = _Printer(journal, number, out)
        told = False
        while True:
            bake = journal.bake(number)
            printer.tell(bake, engine.libraries)
            if not (bake.state.live or bake.state is BakeState.QUEUED):
                break
            if signals.code is not None and not told:
                told = True
                journal.give_order(number, Order.STOP)
                print("stopping after this step and saving; once more leaves at once", file=sys.stderr)
            if not engine.alive:
                journal.set_state(number, BakeState.FAILED, engine.libraries)
            time.sleep(0.2)
        printer.end(bake)
    if bake.state is BakeState.FAILED:
        return engine.exit_codes.get(number, ExitCode.BAKE_FAILED)
    if bake.state is BakeState.STOPPED and signals.code is not None:
        return signals.code
    return ExitCode.DONE


class Signals:
    """Hears SIGINT and SIGTERM while the block runs: the first sets `code`, a second one leaves at once."""

    def __init__(self) -> None:
        self.code: ExitCode | None = None

    def __enter__(self) -> "Signals":
        """Listen."""
        self._before = {number: signal.signal(number, self._heard) for number in _CODES}
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, _: FrameType | None) -> None:
        if self.code is not None:
            raise SystemExit(self.code)
        self.code = _CODES[signal.Signals(number)]


class _Printer:
    """Says each thing once: log lines as they come, progress as a bar or at every tenth."""

    def __init__(self, journal: Journal, number: int, out: TextIO) -> None:
        self._journal = journal
        self._number = number
        self._out = out
        self._bar = out.isatty()
        self._last_line = 0
        self._said = ""
        self._passed: set[str] = set()
        self._drawn = False

    def tell(self, bake: Bake, libraries: str) -> None:
        """Print what is new."""
        lines = self._journal.log_after(self._last_line, bake=self._number)
        for line in lines:
            self._last_line = line.id
            # Errors are for stderr; on a terminal both are the same screen.
            self._print(_LEVELS.get(line.level, "") + shown(line.text), sys.stderr if line.level == "error" else None)
        progress = self._progress(bake, libraries)
        if self._bar:
            self._draw(progress)
        elif progress and (milestone := self._milestone(bake, libraries)) not in self._passed:
            self._passed.add(milestone)
            self._print(progress)

    def end(self, bake: Bake) -> None:
        """Print how it ended and where the files are."""
        files = len(self._journal.checkpoints(self._number))
        self._print(
            f"{state_sign(bake.state).mark} bake {bake.number} {bake.state}: {files} LoRA files in {bake.folder}"
        )

    def _milestone(self, bake: Bake, libraries: str) -> str:
        if bake.state is BakeState.QUEUED:
            return libraries
        tenth = bake.stage_done * 10 // bake.stage_total if bake.stage_total else 0
        return f"step {tenth} {bake.state}" if bake.stage == "step" else bake.stage

    def _progress(self, bake: Bake, libraries: str) -> str:
        if bake.state is BakeState.QUEUED:
            return libraries or "waiting for the engine"
        if bake.stage != "step":
            return f"{bake.stage} {bake.stage_done}/{bake.stage_total}" if bake.stage_total else bake.stage
        step, total = bake.stage_done, max(1, bake.stage_total)
        values = self._journal.last_values(self._number)
        parts = [f"epoch {self._epoch(bake, step)}", f"step {step}/{total}"]
        if self._bar:
            full = _BAR * step // total
            parts.append("▇" * full + "▁" * (_BAR - full))
        parts.append(f"{100 * step // total} %")
        if "loss" in values:
            parts.append(f"loss {loss(values['loss'][1])}")
        if seconds := values.get("seconds_per_step", (0, 0.0))[1]:
            parts += [f"{speed(1 / seconds)} it/s", f"left {span(seconds * (total - step))}"]
        if bake.state is BakeState.PAUSED:
            parts.append("paused")
        return "  ".join(parts)

    def _epoch(self, bake: Bake, step: int) -> str:
        per_epoch = max(1, bake.steps_per_epoch)
        epochs = -(-bake.total_steps // per_epoch)
        return f"{min(epochs, step // per_epoch + 1)}/{epochs}"

    def _draw(self, text: str) -> None:
        if text != self._said:
            width = shutil.get_terminal_size().columns - 1
            self._out.write("\r\x1b[K" + text[:width])
            self._out.flush()
            self._said, self._drawn = text, True

    def _print(self, text: str, out: TextIO | None = None) -> None:
        if self._drawn:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._drawn, self._said = False, ""
        print(text, file=out or self._out, flush=True)
