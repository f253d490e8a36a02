"""Orders to a grid while it is made, given to the bake or the job that makes it."""

import time
from collections.abc import Collection

from trainer.bake.reporter import Reporter
from trainer.journal.records import BakeState, GivenOrder, Order

# While paused; a person who presses a key should not have to wait.
_POLL_SECONDS = 0.1


class GridControl:
    """Orders to a bake that makes a grid between two steps: those about the grid are obeyed here, the others wait for the bake.

    Args:
        report: knows the journal and the bake.
    """

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self._seen: int | None = None
        self._ends = False
        self._dropped: set[str] = set()

    def stop(self) -> bool:
        """Return whether to end now."""
        self._read()
        return self._ends

    def dropped(self) -> Collection[str]:
        """Return the labels of the epochs that are left out of the rest."""
        self._read()
        return self._dropped

    def _read(self) -> None:
        # Cheap enough for every sampling step: the number changes when another connection has written.
        version = self._report.journal.data_version()
        if version == self._seen:
            return
        self._seen = version
        for given in self._report.journal.orders.pending(self._report.number):
            self._take(given)

    def _take(self, given: GivenOrder) -> None:
        match given.order:
            case Order.STOP | Order.FREE:
                self._ends = True
            case Order.CANCEL_GRID:
                self._ends = True
                self._answer(given)
            case Order.DROP_EPOCH:
                self._dropped.add(given.argument)
                self._answer(given)
            case _:
                pass

    def _answer(self, given: GivenOrder, answer: str = "") -> None:
        text = f"{given.order} {given.argument}".rstrip()
        if answer:
            self._report.log(f"order refused: {text}: {answer}", level="warning")
        else:
            self._report.log(f"order: {text}")
        self._report.attempt(lambda: self._report.journal.orders.mark_obeyed(given.id, answer))


class JobControl(GridControl):
    """Orders to a job that only makes a grid; a pause is waited out in `stop`.

    Attributes:
        end: how the job ends where that was ordered: STOPPED or PARKED.
    """

    def __init__(self, report: Reporter) -> None:
        super().__init__(report)
        self.end = BakeState.STOPPED
        self._paused = False

    def stop(self) -> bool:
        """Return whether to end now, once nobody wants a pause any more."""
        ends = super().stop()
        while self._paused and not ends:
            time.sleep(_POLL_SECONDS)
            ends = super().stop()
        return ends

    def _take(self, given: GivenOrder) -> None:
        match given.order:
            case Order.STOP | Order.CANCEL_GRID:
                self._ends = True
            case Order.FREE:
                self._ends, self.end = True, BakeState.PARKED
            case Order.DROP_EPOCH:
                self._dropped.add(given.argument)
            case Order.PAUSE:
                self._pause(on=True)
            case Order.RESUME:
                self._pause(on=False)
            case _:
                self._answer(given, "this job only makes a grid")
                return
        self._answer(given)

    def _pause(self, *, on: bool) -> None:
        if on != self._paused:
            self._paused = on
            self._report.state(BakeState.PAUSED if on else BakeState.BAKING)
