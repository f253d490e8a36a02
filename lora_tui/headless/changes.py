"""What changes in a workspace as plain lines, each printed once: what a screen reader can follow, and a pipe, and a log."""

import time
from collections.abc import Callable, Iterator

from lora_tui.headless.frame import live_text, log_text
from lora_tui.wording.job_names import job_name, state_word
from lora_tui.wording.queue import QueueView, expected_times, read_queue_view
from lora_tui.wording.state_symbols import bake_sign
from trainer.journal.journal import Journal
from trainer.journal.records import Bake, BakeState, Stage
from trainer.text import plural, printable
from trainer.workspace import Workspace

NOTHING_RUNS = "nothing is running"

# A killed process changes nothing in the journal: it is looked for this often.
_LOOK_AGAIN_SECONDS = 5.0
_BAD_ENDS = (BakeState.FAILED, BakeState.LOST)


class StatusChanges:
    """Tells what has changed since it was asked before: states, stages, every tenth of the steps, lines of the log.

    Args:
        journal, workspace: what is followed.
        clock: epoch seconds now.
    """

    def __init__(self, journal: Journal, workspace: Workspace, clock: Callable[[], float] = time.time) -> None:
        self._journal, self._workspace, self._clock = journal, workspace, clock
        self._states: dict[int, str] = {}
        self._milestones: dict[int, str] = {}
        self._followed: set[int] = set()
        self._last_line = next((line.id for line in journal.log.read(limit=1)), 0)
        self._version: int | None = None
        self._looked = 0.0
        self.active = True
        """Whether something runs, or waits for a lora-tui that is there to run it."""
        self.failed = False
        """Whether a bake that ran while it was followed failed, or its process died."""

    def lines(self) -> Iterator[str]:
        """Yield what is new, each line with its time; nothing where nothing is."""
        version, now = self._journal.data_version(), self._clock()
        if version == self._version and 0 <= now - self._looked < _LOOK_AGAIN_SECONDS:
            return
        self._version, self._looked = version, now
        view = read_queue_view(self._journal, self._workspace, now)
        # The log first: it says why a state is what it is.
        for line in self._journal.log.read(self._last_line):
            self._last_line = line.id
            where = "" if line.bake is None else f"{line.bake:04d}  "
            yield _at(line.seconds, f"{where}{log_text(line)}")
        yield from self._ended(view)
        for bake in view.live:
            self._followed.add(bake.number)
            yield from self._live(bake, view)
        for bake in view.waiting:
            yield from self._queued(bake, view)
        # Of a workspace that cannot be written nobody knows who would run what waits.
        waits = not self._journal.read_only and any(
            not bake.held and bake.number not in view.orphaned for bake in view.waiting
        )
        self.active = bool(view.live) or waits

    def _ended(self, view: QueueView) -> Iterator[str]:
        there = {bake.number for bake in (*view.live, *view.waiting)}
        for number in sorted(self._followed - there):
            self._followed.discard(number)
            bake = self._journal.bakes.find(number)
            if bake is not None and not bake.state.live:
                self.failed |= bake.state in _BAD_ENDS
                self._states[number] = bake.state
                files = plural(len(self._journal.results.checkpoints(number)), "LoRA file")
                made = f"{files} in {printable(bake.folder)}" if bake.grid is None else ""
                parts = (f"{bake_sign(bake).mark} {job_name(bake)}", state_word(bake), made, printable(bake.error))
                yield _at(self._clock(), "  ".join(filter(None, parts)))

    def _live(self, bake: Bake, view: QueueView) -> Iterator[str]:
        tenth = bake.stage_done * 10 // bake.stage_total if bake.stage_total else 0
        counted = bake.stage in (Stage.STEP, Stage.GRID)
        milestone = f"{bake.state} {bake.stage} {tenth if counted else ''}"
        if milestone != self._milestones.get(bake.number):
            self._milestones[bake.number] = milestone
            text = (
                f"{bake_sign(bake).mark} {job_name(bake)}  {state_word(bake)}  {live_text(self._journal, bake, view)}"
            )
            yield _at(self._clock(), text.rstrip())

    def _queued(self, bake: Bake, view: QueueView) -> Iterator[str]:
        # Its times move with the speed of the bake before it: not each of them is news.
        state = f"{state_word(bake)} {bake.place} {bake.not_before}"
        if state != self._states.get(bake.number):
            self._states[bake.number] = state
            self._milestones.pop(bake.number, None)
            yield _at(self._clock(), f"{bake_sign(bake).mark} {job_name(bake)}  queued  {expected_times(bake, view)}")


def _at(seconds: float, text: str) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}  {text}"
