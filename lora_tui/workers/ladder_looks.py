"""Looks at the ladders of a journal: how each stands as soon as that changes, and what it answers as often as there is time."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.ladders import LadderLine
from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from trainer.history.history import BakeHistory
    from trainer.journal.journal import Journal
    from trainer.ladders.record import LadderAnswer, LadderState

# The work takes a sixth of the time: one part, and five of rest.
_REST = 5
# What is not seen to change, such as a twin made outside the ladder, is found so late.
_AGAIN_SECONDS = 30.0
# Of many ladders so long is spent on answers before what is known is posted.
_ANSWERS_SECONDS = 0.25


@dataclass
class LaddersRead(Message):
    """The list of ladders differs from the one before."""

    lines: tuple[LadderLine, ...]

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older one."""
        return isinstance(message, LaddersRead)


@dataclass
class LadderRead(Message):
    """A ladder stands differently, or answers something else.

    Attributes:
        state: how it stands.
        answer: None while it is worked out for the first time.
        error: why it could not be worked out, None where it could.
    """

    state: "LadderState"
    answer: "LadderAnswer | None"
    error: LoraTuiError | None = None

    def can_replace(self, message: Message) -> bool:
        """Take the place of an older one."""
        return isinstance(message, LadderRead)


@dataclass
class LadderNotRead(Message):
    """The ladders, or the one that is shown, cannot be read."""

    error: LoraTuiError


class WorkShare:
    """Keeps work to a sixth of the time."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._next = 0.0

    @property
    def is_due(self) -> bool:
        """Whether there was rest enough."""
        return self._clock() >= self._next

    @contextmanager
    def working(self) -> Iterator[None]:
        """Measure the work within."""
        started = self._clock()
        try:
            yield
        finally:
            now = self._clock()
            self._next = now + _REST * (now - started)


class _Look(ABC):
    """Looks at a journal, and says once what is wrong.

    Args:
        what: names what is looked at in an error.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._trouble = ""

    def __call__(self, journal: "Journal", history: "BakeHistory") -> Message | None:
        """Return what is new, None for nothing."""
        try:
            return self._look(journal, history)
        except Exception as error:
            trouble = as_error(self._what, error)
            is_new, self._trouble = trouble.line() != self._trouble, trouble.line()
            # What is shown stays; it is read again when the journal changes.
            return LadderNotRead(trouble) if is_new else None

    @abstractmethod
    def _look(self, journal: "Journal", history: "BakeHistory") -> Message | None:
        """Return what is new, None for nothing."""


class LadderLook(_Look):
    """Looks at one ladder.

    Args:
        workspace: where its files are.
        number: of the ladder.
        clock: seconds; a test passes one of its own.
    """

    def __init__(self, workspace: Workspace, number: int, clock: Callable[[], float] = monotonic) -> None:
        super().__init__("ladder")
        self._workspace, self._number, self._clock = workspace, number, clock
        self._seen: object = None
        self._state: LadderState | None = None
        self._answer: LadderAnswer | None = None
        self._answer_error: LoraTuiError | None = None
        self._answered_of: object = None
        self._answered_at = 0.0
        # Whether the journal changed since the answer was worked out.
        self._is_old = False
        self._reads, self._answers = WorkShare(clock), WorkShare(clock)

    def _look(self, journal: "Journal", history: "BakeHistory") -> Message | None:
        from trainer.ladders.state import ladder_state

        is_new = False
        seen = journal.data_version(), journal.own_changes()
        if seen != self._seen and self._reads.is_due:
            with self._reads.working():
                state = ladder_state(journal, self._number)
            self._seen, self._is_old, self._trouble = seen, True, ""
            is_new, self._state = state != self._state, state
            if is_new and self._answer is None and self._answered_of is None:
                # Where an answer takes long, the rungs are seen before.
                return LadderRead(state, None)
        state_now = self._state
        if state_now is not None and self._is_wanted(journal, history, state_now):
            is_new |= self._work_out(journal, state_now, _rests_on(journal, history, state_now))
        return LadderRead(state_now, self._answer, self._answer_error) if is_new and state_now is not None else None

    def _is_wanted(self, journal: "Journal", history: "BakeHistory", state: "LadderState") -> bool:
        """Return whether the answer may be another now, and there was rest enough."""
        if not self._is_old or not self._answers.is_due:
            return False
        if self._clock() - self._answered_at > _AGAIN_SECONDS:
            return True
        return _rests_on(journal, history, state) != self._answered_of

    def _work_out(self, journal: "Journal", state: "LadderState", rests_on: object) -> bool:
        """Work out the answer, and return whether it is another."""
        from trainer.ladders.read import answer_of

        before = self._answer, self._answer_error and self._answer_error.line()
        try:
            with self._answers.working():
                self._answer, self._answer_error = answer_of(journal, self._workspace, state), None
        except Exception as error:
            self._answer_error = as_error("answer", error)
        self._answered_of, self._answered_at, self._is_old = rests_on, self._clock(), False
        return before != (self._answer, self._answer_error and self._answer_error.line())


class LaddersLook(_Look):
    """Looks at all ladders.

    Args:
        workspace: where their files are.
        clock: seconds; a test passes one of its own.
    """

    def __init__(self, workspace: Workspace, clock: Callable[[], float] = monotonic) -> None:
        super().__init__("ladders")
        self._workspace, self._clock = workspace, clock
        self._seen: object = None
        self._states: tuple[LadderState, ...] | None = None
        self._lines: Mapping[int, LadderLine] = {}
        self._answered_of: dict[int, object] = {}
        self._posted: tuple[LadderLine, ...] | None = None
        self._reads, self._answers = WorkShare(clock), WorkShare(clock)

    def _look(self, journal: "Journal", history: "BakeHistory") -> Message | None:
        from trainer.ladders.state import ladder_states

        first = self._states is None
        seen = journal.data_version(), journal.own_changes()
        if seen != self._seen and self._reads.is_due:
            with self._reads.working():
                self._states = tuple(ladder_states(journal))
            self._seen, self._trouble = seen, ""
            self._lines = {
                state.number: replace(self._lines.get(state.number, LadderLine(state)), state=state)
                for state in self._states
            }
        if not first and self._answers.is_due:
            with self._answers.working():
                self._work_out(journal, history)
        lines = tuple(self._lines[state.number] for state in self._states or ())
        if lines == self._posted:
            return None
        self._posted = lines
        return LaddersRead(lines)

    def _work_out(self, journal: "Journal", history: "BakeHistory") -> None:
        """Work out answers that may be others now, the newest ladder's first, for a moment."""
        from trainer.ladders.read import answer_of

        until = self._clock() + _ANSWERS_SECONDS
        lines = dict(self._lines)
        for number, line in self._lines.items():
            rests_on = _rests_on(journal, history, line.state)
            if self._answered_of.get(number) == rests_on:
                continue
            if self._clock() > until:
                break
            try:
                answer = answer_of(journal, self._workspace, line.state)
                lines[number] = replace(line, answer=answer.lines or answer.missing, noise=answer.noise)
            except Exception as error:
                # One ladder that cannot be read must not hide the others' answers.
                lines[number] = replace(line, answer=(as_error("answer", error).line(),), noise="")
            self._answered_of[number] = rests_on
        self._lines = lines


def _rests_on(journal: "Journal", history: "BakeHistory", state: "LadderState") -> object:
    """Return what an answer follows from, as far as it is quickly compared."""
    numbers = sorted({each.bake for each in state.bakes if each.bake is not None and not each.cut})
    entries = [history.entry(number) for number in numbers]
    results = [None if entry is None else (entry.saved, entry.verdicts, entry.state) for entry in entries]
    bakes = [(each.rung, each.twin, each.bake, each.cut) for each in state.bakes]
    return state.spec, bakes, numbers, results, journal.measures.counts(numbers)
