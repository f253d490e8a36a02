"""The predictor of a bake's memory: a file of known answers, and a process at low priority that finds new ones. Free of torch."""

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trainer.errors
from trainer.atomic_file import write_atomically
from trainer.errors import LoraTuiError, SettingsError
from trainer.machine.python_child import ChildEnded, PythonChild
from trainer.memory.peak import MemoryPrediction
from trainer.memory.request import MemoryRequest
from trainer.private_files import make_private_folder
from trainer.text import printable
from trainer.typed_values import WrongValue, read_json

CACHE = Path("cache") / "peaks.json"
"""Where a workspace keeps the answers."""

# Raised with every change of what is predicted: answers of another version are discarded.
_VERSION = 3
_MAX_ANSWERS = 400
_MAX_BYTES = 64 * 2**20
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class _KeptPeaks:
    """The file of known answers: which release and libraries gave them, and each by its key."""

    made_by: list[int | str]
    peaks: dict[str, MemoryPrediction]


class PredictionStopped(Exception):  # not an error: somebody asked for something else
    """The answer is no longer wanted."""


class PeakPredictor:
    """Answers questions about memory; several threads may ask, one is answered at a time.

    Args:
        cache: file of known answers; None keeps them in memory alone.
    """

    def __init__(self, cache: Path | None) -> None:
        self._cache = cache
        self._answers: dict[str, dict[str, Any]] | None = None
        self._lock = threading.Lock()
        self._process: PythonChild | None = None
        # Key of the question whose answer has not been read.
        self._pending: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def known(self, request: MemoryRequest) -> MemoryPrediction | None:
        """Return a known prediction, None where it must be computed; does not wait."""
        values = self._known_answers().get(request.key)
        return None if values is None else MemoryPrediction.from_json(values)

    def predict(self, request: MemoryRequest, stop: Callable[[], bool] = lambda: False) -> MemoryPrediction:
        """Return the prediction, computed where it is not known, which takes seconds.

        Args:
            request: the question.
            stop: asked ten times a second; once it turns true the answer is no longer waited for.

        Raises:
            LoraTuiError: base or settings do not allow the bake, or the process broke.
            PredictionStopped: `stop` turned true.
        """
        while not self._lock.acquire(timeout=_POLL_SECONDS):
            if stop():
                raise PredictionStopped
        try:
            if self._pending is not None:
                # The process answers in order; an answer that nobody waited for is still kept.
                with contextlib.suppress(LoraTuiError):
                    self._wait_for_answer(stop)
            known = self.known(request)
            if known is not None:
                return known
            self._send(request)
            return MemoryPrediction.from_json(self._wait_for_answer(stop))
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process, self._pending = self._process, None, None
        if process is not None:
            process.close()

    def _send(self, request: MemoryRequest) -> None:
        for _ in range(2):
            try:
                self._running_process().ask(request.to_json())
            except OSError:
                # It ended by itself in between, since nobody had asked for a long time.
                self.close()
                continue
            self._pending = request.key
            return
        raise _failed("the prediction process cannot be started")

    def _running_process(self) -> PythonChild:
        if self._process is None or not self._process.alive:
            self.close()
            self._process = PythonChild("trainer.memory.worker")
        return self._process

    def _wait_for_answer(self, stop: Callable[[], bool]) -> dict[str, Any]:
        """Return the answer to the question that is pending, and keep it.

        Raises:
            LoraTuiError: it is an error, or the process ended.
            PredictionStopped: `stop` turned true; the question stays pending.
        """
        answer = self._next_answer(stop)
        key, self._pending = self._pending, None
        if "prediction" in answer and key is not None:
            values: dict[str, Any] = answer["prediction"]
            self._store(key, values)
            return values
        if "error" in answer:
            raise _error_from(answer["error"])
        raise _failed(answer.get("broke", "no answer"))

    def _next_answer(self, stop: Callable[[], bool]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        while not stop():
            try:
                answer: dict[str, Any] | None = process.answer(_POLL_SECONDS)
            except ChildEnded as ended:
                self.close()
                raise _failed(f"the prediction process ended with {ended}") from ended
            if answer is not None:
                return answer
        raise PredictionStopped

    def _known_answers(self) -> dict[str, dict[str, Any]]:
        if self._answers is None:
            self._answers = _read(self._cache) if self._cache is not None else {}
        return self._answers

    def _store(self, key: str, values: dict[str, Any]) -> None:
        kept = self._known_answers()
        kept[key] = values
        while len(kept) > _MAX_ANSWERS:
            del kept[next(iter(kept))]
        if self._cache is None:
            return
        # Without the file the same prediction is computed again some day.
        with contextlib.suppress(OSError):
            make_private_folder(self._cache.parent)
            # Another program may have found answers since.
            together = {**_read(self._cache), **kept}
            write_atomically(self._cache, json.dumps({"made_by": _made_by(), "peaks": together}).encode())


def _read(cache: Path) -> dict[str, dict[str, Any]]:
    """Return the answers in a file; nothing where it is not there, damaged, or of another release."""
    try:
        kept: _KeptPeaks = read_json(cache, _KeptPeaks, _MAX_BYTES)
    except (OSError, WrongValue):
        return {}
    answers = kept.peaks if kept.made_by == _made_by() else {}
    return {key: prediction.to_json() for key, prediction in answers.items()}


def _made_by() -> list[int | str]:
    return [_VERSION, *(version(name) for name in ("torch", "diffusers", "transformers"))]


def _error_from(fields: dict[str, str]) -> LoraTuiError:
    kind = getattr(trainer.errors, fields.pop("kind"), LoraTuiError)
    usual = isinstance(kind, type) and issubclass(kind, LoraTuiError)
    error: LoraTuiError = (kind if usual else LoraTuiError)(fields.pop("where"), **fields)
    return error


def _failed(reason: str) -> LoraTuiError:
    return SettingsError(
        "memory prediction",
        found=f"it failed: {printable(reason, 300)}",
        way_out="the bake can run without it",
    )
