"""The predictor behind an import that waits: a program's first frame waits for nothing. `LORA_TUI_PREDICT`."""

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
    """Anything that answers questions about memory; several threads may ask."""

    def known(self, request: "MemoryRequest") -> MemoryPrediction | None:
        """Return an answer that was found before, else None; waits for nothing."""
        ...

    def predict(self, request: "MemoryRequest", stop: Callable[[], bool] = lambda: False) -> MemoryPrediction:
        """Return the answer, worked out where it is not known.

        Raises:
            LoraTuiError: there is none.
            trainer.memory.predictor.Stopped: `stop` turned true.
        """
        ...

    def close(self) -> None:
        """End what works answers out."""
        ...


class LazyPredictor:
    """The oracle of a workspace, made with the first question.

    Args:
        root: folder of the workspace.
    """

    def __init__(self, root: Path) -> None:
        """Import nothing yet."""
        self._root = root
        self._making = threading.Lock()
        self._made: PeakPredictor | None = None

    def known(self, request: "MemoryRequest") -> MemoryPrediction | None:
        """Return an answer that was found before, else None."""
        return self._predictor().known(request)

    def predict(self, request: "MemoryRequest", stop: Callable[[], bool] = lambda: False) -> MemoryPrediction:
        """Return the answer, worked out where it is not known; raises what Oracle.predict does."""
        return self._predictor().predict(request, stop)

    def close(self) -> None:
        """End the oracle's process, if there is one."""
        if self._made is not None:
            self._made.close()

    def _predictor(self) -> "PeakPredictor":
        from trainer.memory.predictor import CACHE, PeakPredictor  # noqa: PLC0415  # see the module's line

        with self._making:
            if self._made is None:
                self._made = PeakPredictor(self._root / CACHE)
            return self._made


def predictor_for(root: Path) -> LazyPredictor | None:
    """Return who predicts for the workspace in the folder `root`; None where the user wants no predictions."""
    return None if os.environ.get(VARIABLE, "").strip().casefold() == "off" else LazyPredictor(root)
