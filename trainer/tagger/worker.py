"""The process that runs a tagger's model, started by `PythonChild`: a line of JSON for each question and each answer."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.dataset.picture_file import UnreadablePicture
from trainer.machine.python_child import answers
from trainer.tagger.pixels import batch_of, load_square
from trainer.tagger.record import InputRules
from trainer.text import printable

LEAST = 0.05
"""Probability below which nothing is said of a tag."""

_MAX_REASON = 300


def main() -> None:
    """Answer until stdin closes: first the model, then pictures."""
    stream = answers()
    model: LoadedModel | None = None
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if model is None:
                model = LoadedModel(question)
                answer: Any = {"outputs": model.tags}
            else:
                answer = model.look_at([Path(path) for path in question["pictures"]])
        except Exception as error:  # what onnxruntime raises has no common class; who asked says what it means
            answer = {"broke": printable(" ".join(f"{type(error).__name__}: {error}".split()), _MAX_REASON)}
        stream.write(json.dumps(answer) + "\n")
        stream.flush()
    # Some runtimes leave threads behind that would keep the process.
    os._exit(0)


class LoadedModel:
    """A model that is loaded."""

    def __init__(self, question: Mapping[str, Any]) -> None:
        # An extra that need not be installed.
        import onnxruntime  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = question["threads"]
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            question["model"], sess_options=options, providers=["CPUExecutionProvider"]
        )
        rules = question["input"]
        self._rules = InputRules(**{**rules, "mean": _tuple(rules["mean"]), "deviation": _tuple(rules["deviation"])})
        self._output = question["output"]
        self._probabilities: bool | None = question["probabilities"]
        self.tags: int = question["tags"]

    def look_at(self, paths: Sequence[Path]) -> dict[str, Any]:
        """Return the tags of each picture, or why it has none."""
        faults: dict[str, str] = {}
        pictures: list[NDArray[np.uint8]] = []
        read: list[Path] = []
        for path in paths:
            try:
                pictures.append(load_square(path, self._rules))
                read.append(path)
            except UnreadablePicture as reason:
                faults[str(path)] = str(reason)
        most = self._rules.batch or max(1, len(pictures))
        scores: dict[str, list[tuple[int, float]]] = {}
        for start in range(0, len(pictures), most):
            some = pictures[start : start + most]
            # A model of fixed batches gets the last picture as often as it takes.
            filled = some + [some[-1]] * (most - len(some))
            (values,) = self._session.run([self._output], {self._rules.name: batch_of(filled, self._rules)})
            rows = np.asarray(values, np.float64).reshape(len(filled), -1)[: len(some)]
            if rows.shape[1] != self.tags:
                return {"outputs": rows.shape[1]}
            if not np.isfinite(rows).all():
                return {"broke": "the model's answers are no numbers"}
            for path, row in zip(read[start : start + most], self._as_probabilities(rows), strict=True):
                scores[str(path)] = _likely(row)
        return {"scores": scores, "faults": faults, "logits": self._probabilities is False}

    def _as_probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        outside = bool((rows < -1e-3).any() or (rows > 1 + 1e-3).any())
        if self._probabilities is None:
            # Of thousands of tags most are not there: logits far below 0 show it in the first picture.
            self._probabilities = not outside
        if self._probabilities and outside:
            raise ValueError("answers outside 0 to 1 from a model that gives probabilities")
        if not self._probabilities:
            rows = 1 / (1 + np.exp(-np.clip(rows, -60, 60)))
        return np.clip(rows, 0, 1)


def _likely(row: NDArray[np.float64]) -> list[tuple[int, float]]:
    places = np.flatnonzero(row >= LEAST)
    order = places[np.argsort(-row[places], kind="stable")]
    return [(int(place), round(float(row[place]), 4)) for place in order]


def _tuple(values: Any) -> Any:
    return None if values is None else tuple(values)


if __name__ == "__main__":
    main()
