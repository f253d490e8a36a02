"""Printed progress of a bake or a grid: its log, and a bar on a terminal or plain lines elsewhere."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from lora_tui.terminal.console import Console
from lora_tui.wording.bake_progress import stage_text
from lora_tui.wording.numbers import loss, speed
from lora_tui.wording.state_symbols import FAILED, WARNING, bake_sign
from trainer.grid.pace import seconds_left
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Stage
from trainer.text import duration, plural, printable

LEVEL_MARKS = {"error": f"{FAILED.mark} ", "warning": f"{WARNING.mark} "}
"""Level of a line of the log -> what stands before it."""

_BAR_WIDTH = 24
_CLEAR_LINE = "\r\x1b[K"


class ProgressPrinter:
    """Prints log lines as they come, and progress as a bar or at every tenth; nothing twice."""

    def __init__(self, journal: Journal, number: int, console: Console) -> None:
        self._journal = journal
        self._number = number
        self._console = console
        self._last_line = 0
        self._shown = ""
        self._passed: set[str] = set()
        self._drawn = False

    def update(self, bake: Bake, engine: str) -> None:
        """Print what is new; `engine` is what the engine does while the bake waits for it."""
        lines = self._journal.log.read(self._last_line, bake=self._number)
        for line in lines:
            self._last_line = line.id
            # Errors are for stderr; on a terminal both are the same screen.
            self._print(LEVEL_MARKS.get(line.level, "") + printable(line.text), error=line.level == "error")
        progress = self._progress(bake, engine)
        if self._console.out.terminal:
            self._draw(progress)
        elif progress and (milestone := self._milestone(bake, engine)) not in self._passed:
            self._passed.add(milestone)
            self._print(progress)

    def end(self, bake: Bake) -> None:
        """Print the final state and where the files are."""
        if bake.grid is not None:
            self._end_grid(bake, bake.grid)
            return
        files = len(self._journal.results.checkpoints(self._number))
        self._print(
            f"{bake_sign(bake).mark} bake {bake.number} {bake.state}: {plural(files, 'LoRA file')} in {self._place(bake.folder)}"
        )
        if bake.state is BakeState.STOPPED:
            self._print(f"to continue it: lora-tui resume {bake.number}")

    def _place(self, folder: str) -> str:
        """Return the path of a folder of the workspace: whole where the current folder is another."""
        root = self._journal.path.parent
        try:
            return folder if Path().samefile(root) else str(root / folder)
        except OSError:
            return str(root / folder)

    def _end_grid(self, job: Bake, number: int) -> None:
        grid = self._journal.grids.read(number)
        reused = f", {grid.done - grid.sampled} of them from earlier grids" if grid.done > grid.sampled else ""
        self._print(
            f"{bake_sign(job).mark} grid {number} {job.state}: {grid.done} of {plural(grid.total, 'picture')}{reused} "
            f"in {self._place(printable(grid.folder))}"
        )

    def _milestone(self, bake: Bake, engine: str) -> str:
        if bake.state is BakeState.QUEUED:
            return engine
        tenth = bake.stage_done * 10 // bake.stage_total if bake.stage_total else 0
        return f"{bake.stage} {tenth} {bake.state}" if bake.stage in (Stage.STEP, Stage.GRID) else bake.stage or ""

    def _progress(self, bake: Bake, engine: str) -> str:
        if bake.state is BakeState.QUEUED:
            return engine or "waiting for the engine"
        if bake.stage is Stage.GRID and bake.stage_total:
            return self._pictures(bake)
        bar = _bar(bake.stage_done, max(1, bake.stage_total)) if self._console.out.terminal else ""
        return step_text(bake, self._journal.curves.last_values(self._number), bar)

    def _pictures(self, bake: Bake) -> str:
        done, total = bake.stage_done, bake.stage_total
        bar = f"  {_bar(done, total)}" if self._console.out.terminal else ""
        grids = self._journal.grids
        grid = grids.being_made() if bake.grid is None else grids.read(bake.grid)
        left = None if grid is None else seconds_left(grid)
        after = f"  {duration(left)} left" if left is not None and done < total else ""
        return f"picture {done}/{total}{bar}  {100 * done // total} %{after}"

    def _draw(self, text: str) -> None:
        # A terminal that is behind gets the latest progress once it has caught up, not each step on the way.
        if text != self._shown and not self._console.out.behind:
            width = shutil.get_terminal_size().columns - 1
            self._console.out.write(_CLEAR_LINE + text[:width])
            self._shown, self._drawn = text, True

    def _print(self, text: str, *, error: bool = False) -> None:
        if self._drawn:
            self._drawn, self._shown = False, ""
            self._console.out.write(_CLEAR_LINE)
        if error:
            self._console.error(text)
        else:
            self._console.out.write(text + "\n")


def step_text(bake: Bake, values: Mapping[str, tuple[int, float]], bar: str = "") -> str:
    """Return how far a live bake or grid's job is, on one line: epoch, step, share, loss, speed and the time left, or its stage.

    Args:
        bake: the row.
        values: metric -> its last (step, value).
        bar: drawn before the share; "" for none.
    """
    if bake.stage is not Stage.STEP:
        return stage_text(bake)
    step, total = bake.stage_done, max(1, bake.stage_total)
    per_epoch = max(1, bake.steps_per_epoch)
    epochs = -(-bake.total_steps // per_epoch)
    parts = [f"epoch {min(epochs, step // per_epoch + 1)}/{epochs}", f"step {step}/{total}", bar]
    parts.append(f"{100 * step // total} %")
    if "loss" in values:
        parts.append(f"loss {loss(values['loss'][1])}")
    if seconds := values.get("seconds_per_step", (0, 0.0))[1]:
        parts += [f"{speed(1 / seconds)} it/s", f"{duration(seconds * (total - step))} left"]
    if bake.state is BakeState.PAUSED:
        parts.append("paused")
    return "  ".join(filter(None, parts))


def _bar(done: int, total: int) -> str:
    full = _BAR_WIDTH * done // total
    return "▇" * full + "▁" * (_BAR_WIDTH - full)
