"""The search for settings that fit, as the dialog runs it: with the workspace's oracle, ended when nobody wants it any more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.bake.ground import Ground
    from trainer.memory.fit_result import FitResult
    from trainer.memory.late import Predicts
    from trainer.memory.peak import Policy

_GIB = 1024**3


def limit_text(limit: int) -> str:
    """Return bytes as the dialog takes them, `7.40GiB`; never more than there are."""
    return f"{limit * 100 // _GIB / 100:.2f}GiB"


@dataclass(frozen=True)
class Fitting:
    """Looks for the fastest settings that fit; call it in a thread.

    Attributes:
        oracle: predicts.
        ground: of the settings asked about.
        policy: whose kernels count; None for those of this computer.
        may_work: whether memory may be worked out now.
    """

    oracle: "Predicts"
    ground: "Ground"
    policy: "Policy | None"
    may_work: Callable[[], bool]

    def __call__(self, limit: int, tell: Callable[[str], object], stop: Callable[[], bool]) -> "FitResult | None":
        """Return what was found for `limit` bytes, None where it had to end before.

        Raises:
            LoraTuiError: nothing can be predicted of the settings asked about.
        """
        from trainer.memory.fit import fit
        from trainer.memory.oracle import Stopped
        from trainer.memory.request import request_of

        request = request_of(self.ground, self.policy)
        try:
            return fit(
                request, lambda one: self.oracle.predict(one, lambda: stop() or not self.may_work()), limit, tell
            )
        except Stopped:
            return None
