"""The reporter of a bake: writes its stage, state, marks and log lines to the journal and to bake.log."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trainer.errors import WorkspaceError
from trainer.journal.journal import Journal
from trainer.journal.records import BakeState, Mark, Stage
from trainer.text import printable

_log = logging.getLogger(__name__)
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

# A screen reads once or twice a second; writing each of ten steps a second would only wear out the disk.
_STAGE_SECONDS = 0.25


class Reporter:
    """Writes what happens in one bake. Use it only in the thread that opened the journal.

    Args:
        journal: where it is written.
        number: the bake's.
        trouble: takes a line about something that needs attention, for the hook on_trouble.
    """

    def __init__(self, journal: Journal, number: int, trouble: Callable[[str], None] = lambda line: None) -> None:
        self.trouble = trouble
        self.journal = journal
        self.number = number
        self._stage = (Stage.LOAD, 0, 0)
        self._written: tuple[Stage | None, int, int] = (None, 0, 0)
        self._written_at = 0.0

    @property
    def at(self) -> Stage:
        """The current stage."""
        return self._stage[0]

    def stage(self, stage: Stage, done: int = 0, total: int = 0) -> None:
        """Note the stage and how far it is; within a stage at most four times a second, and always at its end."""
        self._stage = (stage, done, total)
        now = time.monotonic()
        if stage is self._written[0] and done != total and now - self._written_at < _STAGE_SECONDS:
            return
        self._write_stage(now)

    @contextmanager
    def during(self, stage: Stage) -> Iterator[None]:
        """Set the stage while the block runs, then back; after a failure it stays, for it names the place."""
        before = self._stage
        self.stage(stage)
        yield
        self._stage = before
        self._write_stage(time.monotonic())

    def log(self, text: str, level: str = "info") -> None:
        """Write one line to the journal and to bake.log."""
        _log.log(_LEVELS[level], "%s", printable(text))
        self.attempt(lambda: self.journal.log.write(text, bake=self.number, level=level))

    def state(self, state: BakeState) -> None:
        """Write the bake's state; its end is written elsewhere."""
        self.attempt(lambda: self.journal.bakes.set_state(self.number, state))

    def mark(self, mark: Mark) -> None:
        """Put a mark on the curves."""
        self.attempt(lambda: self.journal.results.add_mark(self.number, mark))

    def _write_stage(self, now: float) -> None:
        if self._stage != self._written:
            self.attempt(lambda: self.journal.bakes.set_stage(self.number, *self._stage))
            self._written, self._written_at = self._stage, now

    def attempt(self, write: Callable[[], object]) -> None:
        """Write into the journal; one that is full or locked for long costs the line, which bake.log has, and not the bake."""
        try:
            write()
        except WorkspaceError as error:
            _log.warning("%s", error)
