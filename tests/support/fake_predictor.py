"""A predictor that answers at once by a simple rule, and starts no process."""

import threading
import time
from collections.abc import Callable

from trainer.errors import LoraTuiError
from trainer.memory.peak import BlockCost, MemoryPrediction, Peak
from trainer.memory.predictor import PredictionStopped
from trainer.memory.request import MemoryRequest

GIB = 1024**3
EACH_PICTURE = GIB
"""What a picture in the batch takes; with gradient checkpointing half of it."""


class FakePredictor:
    """Weights take 1 GiB and each picture another; kept answers are `known` without being worked out.

    Attributes:
        asked: what had to be worked out, in order.
        gate: an answer is worked out once it is set.
        error: raised instead of an answer, where it is set.
    """

    def __init__(self) -> None:
        self.asked: list[MemoryRequest] = []
        self.gate = threading.Event()
        self.gate.set()
        self.error: LoraTuiError | None = None
        self._answers: dict[str, MemoryPrediction] = {}

    def known(self, request: MemoryRequest) -> MemoryPrediction | None:
        return self._answers.get(request.key)

    def predict(self, request: MemoryRequest, stop: Callable[[], bool] = lambda: False) -> MemoryPrediction:
        if (known := self.known(request)) is not None:
            return known
        self.asked.append(request)
        while not self.gate.is_set():
            if stop():
                raise PredictionStopped
            time.sleep(0.005)
        if self.error is not None:
            raise self.error
        self._answers[request.key] = predicted(request)
        return self._answers[request.key]

    def close(self) -> None:
        pass


def predicted(request: MemoryRequest) -> MemoryPrediction:
    """Return what the rule says."""
    settings = request.settings
    _, _, batch = request.largest
    activations = batch * EACH_PICTURE // (2 if settings.gradient_checkpointing else 1)
    parts = {"weights": GIB, "activations": activations}
    return MemoryPrediction(
        policy=request.policy,
        precision=request.precision,
        bucket=request.largest[:2],
        batch=batch,
        peaks=(
            Peak("cache", "encoder of the VAE", {"vae": GIB // 4, "activations": GIB // 4}),
            Peak("step", "backward of up_blocks.1", parts),
        ),
        reserved=sum(parts.values()),
        flops=10**12,
        seconds=1.3 if settings.gradient_checkpointing else 1.0,
        blocks=(BlockCost("up_blocks.1", activations // 2, 10**12, 0.3),),
        compiled=settings.torch_compile,
        took=0.0,
    )
