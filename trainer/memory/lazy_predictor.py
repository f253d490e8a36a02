"""A predictor imported with the first question, so that the program's first frame need not wait for it; `LORA_TUI_PREDICT`."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from trainer.memory.peak import MemoryPrediction

if TYPE_CHECKING:
    from trainer.memory.predictor import PeakPredictor
    from trainer.memory.request import MemoryRequest


VARIABLE = "LORA_TUI_PREDICT"
"""Environment variable; `off` for no predictions, whose process holds half a gigabyte of the computer's memory."""


class Predictor(Protocol):
    """Anything that predicts a bake's memory; several threads may ask."""

    def known(self, request: "MemoryRequest") -> MemoryPrediction | None:
        """Return a known prediction, else None; does not wait."""
        ...

    def predict(self, request: "MemoryRequest", stop: Callable[[], bool] = lambda: False) -> MemoryPrediction:
        """Return the prediction, computed where it is not known.

        Raises:
            LoraTuiError: it cannot be predicted.
            trainer.memory.predictor.PredictionStopped: `stop` turned true.
        """
        ...

    def close(self) -> None:
        """End the process that predicts."""
        ...


class LazyPredictor:
    """The predictor of a workspace, made with the first question.

    Args:
        root: folder of the workspace.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._started: PeakPredictor | None = None

    def known(self, request: "MemoryRequest") -> MemoryPrediction | None:
        """Return a known prediction, else None."""
        return self._predictor().known(request)

    def predict(self, request: "MemoryRequest", stop: Callable[[], bool] = lambda: False) -> MemoryPrediction:
        """Return the prediction, computed where it is not known; raises what PeakPredictor.predict does."""
        return self._predictor().predict(request, stop)

    def close(self) -> None:
        """End the predictor's process, if it was started."""
        if self._started is not None:
            self._started.close()

    def _predictor(self) -> "PeakPredictor":
        from trainer.memory.predictor import CACHE, PeakPredictor  # noqa: PLC0415  # see the module's line

        with self._lock:
            if self._started is None:
                self._started = PeakPredictor(self._root / CACHE)
            return self._started


def predictor_for(root: Path) -> LazyPredictor | None:
    """Return the predictor for the workspace in the folder `root`; None where the user turned predictions off."""
    return None if os.environ.get(VARIABLE, "").strip().casefold() == "off" else LazyPredictor(root)
