"""What memory would the settings take as they stand? Asked behind the plan, answered by a thread of its own, so that a plan waits for nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from lora_tui.workers.latest_request import LatestRequest
from trainer.errors import LoraTuiError

if TYPE_CHECKING:
    from trainer.jobs.preflight import PlannedBake
    from trainer.memory.lazy_predictor import Predictor
    from trainer.memory.peak import MemoryPrediction, Policy
    from trainer.memory.request import MemoryRequest

# The plan came after a quiet moment already; what takes seconds waits for a longer one.
_QUIET_SECONDS = 0.6


class MemoryPredicted(Message):
    """The answer to one question: a prediction, or why there is none; neither where nobody may work it out now."""

    def __init__(self, question: int, prediction: "MemoryPrediction | None", error: LoraTuiError | None = None) -> None:
        """Carry the answer to question number `question`."""
        super().__init__()
        self.question = question
        self.prediction = prediction
        self.error = error

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, MemoryPredicted)


@dataclass(frozen=True)
class Wanted:
    """One question: the memory of a bake on `planned`, by the kernels of `policy` (None: this computer's)."""

    planned: "PlannedBake"
    policy: "Policy | None" = None


class MemoryPlanner(LatestRequest[Wanted]):
    """Answers what the settings asked about would take; known answers at once, others after a quiet moment.

    Args:
        predictor: knows and predicts.
        post: `post_message` of the screen.
        may_work: whether an answer that is not known may be worked out now; called in this thread.
        quiet: seconds without a new question before it is.
    """

    def __init__(
        self,
        predictor: "Predictor",
        post: Callable[[Message], object],
        may_work: Callable[[], bool],
        quiet: float = _QUIET_SECONDS,
    ) -> None:
        """Make the thread; `start` begins to wait for questions."""
        super().__init__("memory planner", post, quiet=0.0)
        self.patience = quiet
        self._predictor = predictor
        self._may_work = may_work

    def ask(self, wanted: Wanted) -> int:
        """Ask, and return the question's number."""
        return self.put(wanted)

    def answer(self, number: int, question: Wanted) -> None:
        """Tell the prediction, or why there is none."""
        try:
            prediction, error = self._predicted(question), None
        except Exception as broken:
            # A fault of ours here must be read, not end the thread that would say so.
            prediction, error = None, as_error("memory", broken)
        self.tell(MemoryPredicted(number, prediction, error))

    def _predicted(self, wanted: Wanted) -> "MemoryPrediction | None":
        from trainer.memory.request import request_of

        request = request_of(wanted.planned, wanted.policy)
        known = self._predictor.known(request)
        if known is not None or not self._may_work() or self.overtaken(self.patience):
            return known
        return self._worked_out(request)

    def _worked_out(self, request: "MemoryRequest") -> "MemoryPrediction | None":
        from trainer.memory.predictor import PredictionStopped

        try:
            return self._predictor.predict(request, lambda: self.stale or not self._may_work())
        except PredictionStopped:
            return None
