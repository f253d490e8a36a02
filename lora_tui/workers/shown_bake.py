"""Choice of the bake on the screen: the one that runs, else the last that ran, unless the user looks at another."""

import queue
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trainer.journal.records import Bake

if TYPE_CHECKING:
    from trainer.journal.journal import Journal


class ShownBake:
    """Which bake the user looks at. The screen asks in its thread, the feed answers in its own.

    A choice holds until the user comes back to the bake that is shown by itself, or until `follow`.
    """

    def __init__(self) -> None:
        self._asked: queue.SimpleQueue[Callable[[Journal, Bake | None], int | None]] = queue.SimpleQueue()
        self._chosen: int | None = None

    def show(self, number: int) -> None:
        """Show bake `number`."""
        self._asked.put(lambda _journal, _shown: number)

    def show_neighbour(self, by: int) -> None:
        """Show the bake after the one shown, or with a negative `by` the one before; the last one stays. Where none is shown, the newest."""

        def neighbour(journal: "Journal", shown: Bake | None) -> int | None:
            if shown is None:
                newest = journal.bakes.neighbour(sys.maxsize, -1)
                return None if newest is None else newest.number
            found = journal.bakes.neighbour(shown.number, by)
            return shown.number if found is None else found.number

        self._asked.put(neighbour)

    def follow(self) -> None:
        """Show again the bake that runs, or the last that ran."""
        self._asked.put(lambda _journal, _shown: None)

    @property
    def asked(self) -> bool:
        """Whether something was asked that `pick` has not answered."""
        return not self._asked.empty()

    def pick(self, journal: "Journal", followed: Bake | None) -> Bake | None:
        """Return the bake to show; `followed` is shown where the user chose no other. For the feed's thread alone."""
        shown = self._read(journal, followed)
        while self.asked:
            self._chosen = self._asked.get()(journal, shown)
            shown = self._read(journal, followed)
        return shown

    def _read(self, journal: "Journal", followed: Bake | None) -> Bake | None:
        """Return the bake chosen; the choice is dropped where it is `followed` anyway, or is withdrawn.

        Where none is followed, since none ever ran here, LoRAs from elsewhere can still be chosen.
        """
        if self._chosen is not None and (followed is None or self._chosen != followed.number):
            bake = journal.bakes.find(self._chosen)
            if bake is not None and not bake.withdrawn:
                return bake
        self._chosen = None
        return followed


def followed_bake(
    rows: Sequence[Bake], waiting: Sequence[Bake], last_that_ran: Bake | None, engine_key: str
) -> Bake | None:
    """Return the bake that is shown where the user chose none: what waits or is held takes no place of what ran.

    Args:
        rows: the newest rows, newest first, grids' jobs among them.
        waiting: the queue, the next one first.
        last_that_ran: the bake started last.
        engine_key: of our engine.
    """
    live = [row for row in rows if row.grid is None and row.state.live]
    ours = [bake for bake in live if bake.engine == engine_key]
    ran = [] if last_that_ran is None else [last_that_ran]
    queued = [job for job in waiting if job.grid is None]
    next_of_ours = [bake for bake in queued if bake.engine == engine_key and not bake.held]
    return next(iter([*ours, *live, *ran, *next_of_ours, *queued]), None)


def jobs_of_ours(rows: Sequence[Bake], waiting: Sequence[Bake], engine_key: str) -> tuple[Bake, ...]:
    """Return our engine's jobs: the one it runs, then those that wait for it, the next one first. Held ones wait for nobody's engine.

    Args:
        rows: the newest rows.
        waiting: the queue, the next one first.
        engine_key: of our engine.
    """
    live = (row for row in rows if row.state.live)
    return tuple(job for job in (*live, *waiting) if job.engine == engine_key and not job.held)


def grid_job(rows: Sequence[Bake], line: Sequence[Bake]) -> Bake | None:
    """Return the running grid's job, ours before another's, else our first queued one; None without one."""
    ours = [job for job in line if job.grid is not None]
    live = [row for row in rows if row.grid is not None and row.state.live]
    return next(iter([*(job for job in ours if job.state.live), *live, *ours]), None)
