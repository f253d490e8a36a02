"""The search for settings that fit, as the dialog runs it: with the workspace's predictor, stopped when the dialog closes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.jobs.preflight import PlannedBake
    from trainer.memory.fit_result import FitResult
    from trainer.memory.lazy_predictor import Predictor
    from trainer.memory.peak import Policy

_GIB = 1024**3


def limit_text(limit: int) -> str:
    """Return bytes as the dialog takes them, `7.40GiB`; rounded down."""
    return f"{limit * 100 // _GIB / 100:.2f}GiB"


@dataclass(frozen=True)
class Fitting:
    """Looks for the fastest settings that fit; call it in a thread.

    Attributes:
        predictor: predicts.
        planned: of the settings asked about.
        policy: whose kernels count; None for those of this computer.
        may_work: whether memory may be predicted now.
    """

    predictor: "Predictor"
    planned: "PlannedBake"
    policy: "Policy | None"
    may_work: Callable[[], bool]

    def __call__(self, limit: int, tell: Callable[[str], object], stop: Callable[[], bool]) -> "FitResult | None":
        """Return what was found for `limit` bytes, None where it was stopped.

        Raises:
            LoraTuiError: nothing can be predicted of the settings asked about.
        """
        from trainer.memory.fit import fit
        from trainer.memory.predictor import PredictionStopped
        from trainer.memory.request import request_of

        request = request_of(self.planned, self.policy)
        try:
            return fit(
                request, lambda one: self.predictor.predict(one, lambda: stop() or not self.may_work()), limit, tell
            )
        except PredictionStopped:
            return None
