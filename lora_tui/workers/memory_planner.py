"""Memory of the current settings, predicted in a thread of its own after their plan, so that no plan waits for it."""

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
    """The answer to one request: a prediction or an error; neither if it may not be computed now."""

    def __init__(self, question: int, prediction: "MemoryPrediction | None", error: LoraTuiError | None = None) -> None:
        super().__init__()
        self.question = question
        self.prediction = prediction
        self.error = error

    def can_replace(self, message: Message) -> bool:
        """Take the place of an answer to an older question."""
        return isinstance(message, MemoryPredicted)


@dataclass(frozen=True)
class Wanted:
    """One request: the memory of a bake on `planned`, on the device of `policy` (None: this computer's)."""

    planned: "PlannedBake"
    policy: "Policy | None" = None


class MemoryPlanner(LatestRequest[Wanted]):
    """Predicts the memory of settings; known answers at once, others after a quiet moment.

    Args:
        predictor: knows and predicts.
        post: `post_message` of the screen.
        may_work: whether an unknown answer may be computed now; called in this thread.
        quiet: seconds without a new request before it is.
    """

    def __init__(
        self,
        predictor: "Predictor",
        post: Callable[[Message], object],
        may_work: Callable[[], bool],
        quiet: float = _QUIET_SECONDS,
    ) -> None:
        super().__init__("memory planner", post, quiet=0.0)
        self.patience = quiet
        self._predictor = predictor
        self._may_work = may_work

    def ask(self, wanted: Wanted) -> int:
        """Ask, and return the question's number."""
        return self.put(wanted)

    def answer(self, number: int, question: Wanted) -> None:
        """Post the prediction, or the error."""
        try:
            prediction, error = self._predicted(question), None
        except Exception as broken:
            # A bug of ours must be shown, not end the thread silently.
            prediction, error = None, as_error("memory", broken)
        self.post_answer(MemoryPredicted(number, prediction, error))

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
