"""The link between a card and the computer, for a prediction: how long streamed blocks take, and which of it nobody waits for."""

import torch
from torch import Tensor

from trainer.lean.transfers import Transfers
from trainer.memory.link_speed import LINK_BYTES_A_SECOND
from trainer.memory.tracker import Tracker


class PredictedTransfers(Transfers):
    """Copies of nothing, in the time that a tracker's step has come to: one after the other, beside the computation."""

    def __init__(self) -> None:
        self._tracker: Tracker | None = None
        self._free = 0.0

    def watch(self, tracker: Tracker) -> None:
        """Take the time of `tracker` from now on, which begins at 0; the copies made before are there."""
        self._tracker, self._free = tracker, 0.0

    def buffer(self, size: int) -> Tensor:
        """Return bytes without numbers."""
        return torch.empty(size, dtype=torch.uint8)

    def host(self, size: int) -> Tensor:
        """Return bytes without numbers."""
        return torch.empty(size, dtype=torch.uint8)

    def release(self, host: Tensor) -> None:
        """Nothing is locked."""

    def finish(self) -> None:
        """Nothing is on its way."""

    def copy(self, to: Tensor, source: Tensor) -> float:
        """Return the second at which a copy ends that starts as soon as the link is free."""
        now = 0.0 if self._tracker is None else self._tracker.work.seconds
        self._free = max(self._free, now) + source.nbytes / LINK_BYTES_A_SECOND
        return self._free

    def wait(self, copied: float) -> None:
        """Let the step's time go on to the end of a copy."""
        if self._tracker is not None and copied > self._tracker.work.seconds:
            self._tracker.work.seconds = copied
