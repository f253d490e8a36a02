"""Orders to a running bake, taken from the journal between two steps."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from trainer.bake.reporter import Reporter
from trainer.journal.grid_records import GridState
from trainer.journal.records import BakeState, GivenOrder, Mark, MarkKind, Order

# While paused; a person who presses a key should not have to wait.
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class EndBake:
    """End now: `state` is STOPPED or PARKED. Nothing is taken after it."""

    state: BakeState


@dataclass(frozen=True)
class SaveNow:
    """Save a LoRA and a state."""


@dataclass(frozen=True)
class PauseBake:
    """Get ready for a pause, which `take` waits out."""


@dataclass(frozen=True)
class ChangeSetting:
    """Put `assignment`, a `name=value`, in force."""

    assignment: str


@dataclass(frozen=True)
class MakeGrid:
    """Make the grid of that number, as it was given."""

    number: str


BakeOrder = EndBake | SaveNow | PauseBake | ChangeSetting | MakeGrid


class Orders:
    """The open orders to one bake.

    Those that ask nothing of the bake (continue, stop at the epoch's end, cancel a grid that waits) are obeyed in here. The
    others are handed to whoever iterates over `take`, and answered when it asks for the next one.

    Args:
        report: knows the journal and the bake.

    Attributes:
        paused_seconds: that the bake has been paused for so far.
    """

    def __init__(self, report: Reporter) -> None:
        self.paused_seconds = 0.0
        self._report = report
        self._journal = report.journal
        # None: the first look reads the journal, for orders may be older than the bake's start.
        self._seen: int | None = None
        self._stops_at_epoch = False
        self._answered: set[int] = set()
        self._logged: set[int] = set()
        self._refusal: str | None = ""

    def take(self, state: BakeState, *, step: int = 0, ends_epoch: bool = False) -> Iterator[BakeOrder]:
        """Yield what was ordered since the last call, in order. A pause is waited out in here, and its orders are yielded too.

        Args:
            state: of the bake while it is not paused.
            step: optimizer steps done.
            ends_epoch: whether that step ends an epoch.
        """
        paused, began = False, 0.0
        while True:
            waiting = self._new()
            while waiting:
                given = waiting.pop(0)
                match given.order:
                    case Order.STOP | Order.FREE:
                        self._answer(given, step)
                        yield EndBake(BakeState.STOPPED if given.order is Order.STOP else BakeState.PARKED)
                        return
                    case Order.PAUSE if not paused:
                        paused, began = True, time.monotonic()
                        self._answer(given, step)
                        yield PauseBake()
                        self._report.state(BakeState.PAUSED)
                        self._report.log("paused; the model stays loaded")
                    case Order.RESUME if paused:
                        paused = False
                        self.paused_seconds += time.monotonic() - began
                        self._answer(given, step)
                        self._report.state(state)
                        self._report.log("continuing after the pause")
                    case Order.GRID if any(later.order is Order.CANCEL_GRID for later in waiting):
                        # That order cuts it.
                        pass
                    case Order.SAVE | Order.SET | Order.GRID:
                        yield from self._hand_out(given, step)
                        # That took its time: orders to a grid were obeyed meanwhile, and more may have been given.
                        waiting = [later for later in self._open() if later.id > given.id]
                    case _:
                        self._answer(given, step, self._obey_alone(given))
            if self._stops_at_epoch and ends_epoch:
                yield EndBake(BakeState.STOPPED)
                return
            if not paused:
                return
            time.sleep(_POLL_SECONDS)

    def refuse(self, why: str) -> None:
        """Answer the order that `take` yielded last with `why`; "" accepts it."""
        self._refusal = why

    def postpone(self) -> None:
        """Leave the order that `take` yielded last open: the next call yields it again."""
        self._refusal = None

    def stop_requested(self) -> bool:
        """Return whether an order to end is open; it is left to `take`."""
        return any(
            given.order in (Order.STOP, Order.FREE) for given in self._journal.orders.pending(self._report.number)
        )

    def close(self) -> None:
        """Cut the grids that were ordered and never started: the bake makes no more."""
        self._report.attempt(lambda: self._cut_grids("the bake had ended"))

    def _hand_out(self, given: GivenOrder, step: int) -> Iterator[BakeOrder]:
        """Yield an order that the bake must obey, and answer it when that is done."""
        self._refusal = ""
        # Before it is obeyed, so that what comes of it stands below it in the log.
        self._log_taken(given)
        match given.order:
            case Order.SET:
                yield ChangeSetting(given.argument)
            case Order.GRID:
                yield MakeGrid(given.argument)
            case _:
                yield SaveNow()
        if self._refusal is None:
            # So that it is read again at the next look.
            self._seen = None
        else:
            self._answer(given, step, self._refusal)

    def _obey_alone(self, given: GivenOrder) -> str:
        """Obey an order that asks nothing of the bake; return why it is refused, "" where it is not."""
        match given.order:
            case Order.STOP_AT_EPOCH:
                self._stops_at_epoch = True
            case Order.CANCEL_GRID:
                is_cut = self._cut_grids("cancelled before it started", before=given.id)
                return "" if is_cut else "no grid is being made"
            case Order.DROP_EPOCH:
                return "no grid is being made"
            case _:
                # A pause while paused, or its end while not.
                pass
        return ""

    def _answer(self, given: GivenOrder, step: int, refusal: str = "") -> None:
        self._answered.add(given.id)
        text = _text_of(given)
        if refusal:
            self._report.log(f"order refused: {text}: {refusal}", level="warning")
        else:
            self._log_taken(given)
            is_set = given.order is Order.SET
            kind = MarkKind.SET if is_set else MarkKind.ORDER
            self._report.mark(Mark(step, time.time(), kind, given.argument if is_set else text))
        self._report.attempt(lambda: self._journal.orders.mark_obeyed(given.id, refusal))

    def _log_taken(self, given: GivenOrder) -> None:
        """Log an order once, whenever it is taken up first."""
        if given.id not in self._logged:
            self._logged.add(given.id)
            self._report.log(f"order: {_text_of(given)}")

    def _cut_grids(self, why: str, before: float = math.inf) -> bool:
        """Cut the grids that wait and were ordered before the order of that id, and return whether there was one."""
        waiting = [
            given
            for given in self._open()
            if given.order is Order.GRID and given.argument.isdecimal() and given.id < before
        ]
        for given in waiting:
            self._answered.add(given.id)
            self._report.attempt(partial(self._journal.grids.set_state, int(given.argument), GridState.CUT))
            self._report.attempt(partial(self._journal.orders.mark_obeyed, given.id, why))
        return bool(waiting)

    def _new(self) -> list[GivenOrder]:
        # Cheap enough for every step: the number changes when another connection has written.
        version = self._journal.data_version()
        if version == self._seen:
            return []
        self._seen = version
        return self._open()

    def _open(self) -> list[GivenOrder]:
        # An order that could not be marked obeyed, the journal being locked, is not obeyed twice.
        return [given for given in self._journal.orders.pending(self._report.number) if given.id not in self._answered]


def _text_of(given: GivenOrder) -> str:
    return f"{given.order} {given.argument}".rstrip()
