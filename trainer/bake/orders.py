"""What was the bake told? Orders are looked for between steps and obeyed there."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from trainer.bake.reporter import Reporter
from trainer.errors import LoraTuiError
from trainer.journal.records import BakeState, GivenOrder, GridState, Mark, Order

# While paused; a person who presses a key should not have to wait.
_LOOK_EVERY = 0.1


class Hands(Protocol):
    """What an order may have done to the bake at work."""

    def save(self) -> None:
        """Save a LoRA and a state now."""

    def settle(self) -> None:
        """Hand over every reading and save a state, before a pause."""

    def change(self, assignment: str) -> None:
        """Put `name=value` in force; raises SettingsError."""

    def grid(self, argument: str) -> str | None:
        """Make a grid; return why it was not made, "" where it was, None where none can be made yet and the order waits."""


@dataclass(frozen=True)
class EndRequest:
    """How the bake shall end, by order: `state` is STOPPED or PARKED."""

    state: BakeState


class Orders:
    """The open orders to one bake.

    Args:
        report: knows the journal and the bake.
    """

    def __init__(self, report: Reporter) -> None:
        """Look at the journal at the first call, for orders may be older than the bake's start."""
        self._report = report
        self._journal = report.journal
        self._seen: int | None = None
        self._at_epoch = False
        self._obeyed: set[int] = set()

    def obey(self, state: BakeState, hands: Hands, *, step: int = 0, ends_epoch: bool = False) -> EndRequest | None:
        """Obey what was ordered since the last call; return how the bake shall end, None to go on. A pause is waited out in here.

        Args:
            state: what the bake is in while not paused.
            hands: do what is ordered.
            step: optimizer steps done.
            ends_epoch: whether that step ends an epoch.
        """
        paused = False
        while True:
            waiting = self._take()
            while waiting:
                given = waiting.pop(0)
                end = self._obey_one(given, hands, step)
                if end is not None:
                    return end
                if given.order is Order.GRID:
                    # Making it took its time: what was said to it meanwhile is obeyed, and more may have been given.
                    waiting = [later for later in self._open() if later.id > given.id]
                if given.order is Order.PAUSE and not paused:
                    paused = True
                    hands.settle()
                    self._report.state(BakeState.PAUSED)
                    self._report.log("paused; the model stays loaded")
                elif given.order is Order.GO_ON and paused:
                    paused = False
                    self._report.state(state)
                    self._report.log("going on")
            if self._at_epoch and ends_epoch:
                return EndRequest(BakeState.STOPPED)
            if not paused:
                return None
            time.sleep(_LOOK_EVERY)

    def told_to_stop(self) -> bool:
        """Return whether an order to stop waits; it is left to `obey`."""
        return any(given.order in (Order.STOP, Order.FREE) for given in self._journal.open_orders(self._report.number))

    def close(self) -> None:
        """Cut the grids that were ordered and never begun: the bake makes no more."""
        self._report.attempt(lambda: self._cut_grids("the bake had ended"))

    def _cut_grids(self, why: str) -> bool:
        """Cut the grids that wait, and return whether there was one."""
        waiting = [given for given in self._open() if given.order is Order.GRID and given.argument.isdecimal()]
        for given in waiting:
            self._obeyed.add(given.id)
            self._report.attempt(partial(self._journal.set_grid_state, int(given.argument), GridState.CUT))
            self._report.attempt(partial(self._journal.obeyed, given.id, why))
        return bool(waiting)

    def _obey_one(self, given: GivenOrder, hands: Hands, step: int) -> EndRequest | None:
        answer = ""
        end = None
        match given.order:
            case Order.STOP:
                end = EndRequest(BakeState.STOPPED)
            case Order.FREE:
                end = EndRequest(BakeState.PARKED)
            case Order.STOP_AT_EPOCH:
                self._at_epoch = True
            case Order.SAVE:
                hands.save()
            case Order.SET:
                answer = self._change(given.argument, hands, step)
            case Order.GRID:
                made = hands.grid(given.argument)
                if made is None:
                    # Read again at the next look.
                    self._seen = None
                    return None
                answer = made
            case Order.CANCEL_GRID:
                answer = "" if self._cut_grids("cancelled before it began") else "no grid is being made"
            case Order.DROP_EPOCH:
                answer = "no grid is being made"
            case Order.PAUSE | Order.GO_ON:
                pass
        self._obeyed.add(given.id)
        said = f"{given.order} {given.argument}".rstrip()
        if answer:
            self._report.log(f"order refused: {said}: {answer}", level="warning")
        else:
            self._report.log(f"order: {said}")
            kind = "set" if given.order is Order.SET else "order"
            self._report.mark(Mark(step, time.time(), kind, given.argument if kind == "set" else said))
        self._report.attempt(lambda: self._journal.obeyed(given.id, answer))
        return end

    def _change(self, assignment: str, hands: Hands, step: int) -> str:
        """Return why the change was refused; empty where it is in force."""
        if not step:
            return "no step is done yet: wait for the first"
        try:
            hands.change(assignment)
        except LoraTuiError as error:
            return error.line()
        return ""

    def _take(self) -> list[GivenOrder]:
        # Cheap enough for every step: the number changes when another connection has written.
        version = self._journal.data_version()
        if version == self._seen:
            return []
        self._seen = version
        return self._open()

    def _open(self) -> list[GivenOrder]:
        # An order that could not be marked obeyed, the journal being locked, is not obeyed twice.
        return [given for given in self._journal.open_orders(self._report.number) if given.id not in self._obeyed]
