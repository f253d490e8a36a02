"""A tagger run over pictures: in a process of its own, in batches, stopped at any time, and never twice over the same picture."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.errors import ModelError, SettingsError
from trainer.machine.python_child import ChildEnded, PythonChild
from trainer.tagger.record import INSTALL, TaggedRun, Tagger, TagScore
from trainer.tagger.score_cache import ScoreCache
from trainer.text import plural, printable

BATCH = 8
"""Pictures that the model looks at together, unless the user says otherwise or the model has a number of its own."""

MAX_BATCH = 64
"""The largest batch that may be asked for."""

# How long it is waited before `stop` is asked again.
_SECONDS = 0.2
_MODULE = "trainer.tagger.worker"


def check_installed() -> None:
    """See that the package is installed that runs taggers.

    Raises:
        SettingsError: it is not; with the command that installs it.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise SettingsError("the tagger", found="the package onnxruntime is not installed", way_out=INSTALL)


def run_tagger(
    tagger: Tagger,
    pictures: Sequence[Path],
    cache: ScoreCache,
    *,
    show: Callable[[int, int], object] = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
    batch: int = BATCH,
    threads: int = 0,
) -> TaggedRun:
    """Return what a tagger says of pictures; what it said before is taken from `cache`.

    Its process has the lowest priority and sees no GPU, so that a bake beside it is hardly slowed.

    Args:
        tagger: from find_tagger.
        pictures: each once.
        cache: of answers from before.
        show: takes how many pictures are done, and of how many.
        stop: asked several times a second; once it is true the process is ended, and what was done is kept.
        batch: pictures at once, 1 to MAX_BATCH.
        threads: that compute; 0 for as many as there are processors for this process.

    Raises:
        SettingsError: onnxruntime is not installed, or `batch` is out of range.
        ModelError: the model cannot be run, or its answers do not fit the tags.
    """
    if not 1 <= batch <= MAX_BATCH:
        raise SettingsError("--batch", found=str(batch), expected=f"a whole number from 1 to {MAX_BATCH}")
    wanted = list(dict.fromkeys(pictures))
    scores = {
        path: known
        for path, known in cache.get(tagger.key, wanted).items()
        if all(score.place < len(tagger.tags) for score in known)
    }
    missing = [path for path in wanted if path not in scores]
    show(len(scores), len(wanted))
    if not missing:
        return TaggedRun(scores)
    check_installed()
    faults: dict[Path, str] = {}
    notes: list[str] = []
    size = tagger.input.batch or batch
    with _Process(tagger, threads or _processors()) as process:
        if not process.start(stop):
            return TaggedRun(scores, stopped=True)
        for start in range(0, len(missing), size):
            answer = process.ask(missing[start : start + size], stop)
            if answer is None:
                return TaggedRun(scores, faults, start, stopped=True, notes=tuple(notes))
            found = {Path(path): _scores(each, tagger) for path, each in answer["scores"].items()}
            cache.keep(tagger.key, found)
            scores |= found
            faults |= {Path(path): str(reason) for path, reason in answer["faults"].items()}
            if answer["logits"] and not notes:
                notes.append(
                    "its answers are logits, as their values tell: the logistic function makes them probabilities"
                )
            show(len(scores) + len(faults), len(wanted))
            if stop() and start + size < len(missing):
                return TaggedRun(scores, faults, start + size, stopped=True, notes=tuple(notes))
    cache.clear_others(tagger.key)
    return TaggedRun(scores, faults, len(missing), notes=tuple(notes) if tagger.output.probabilities is None else ())


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _scores(answer: Sequence[Sequence[Any]], tagger: Tagger) -> tuple[TagScore, ...]:
    return tuple(TagScore(int(place), float(number)) for place, number in answer if int(place) < len(tagger.tags))


class _Process:
    """The worker with the model in it."""

    def __init__(self, tagger: Tagger, threads: int) -> None:
        self._tagger, self._threads = tagger, threads
        try:
            self._child = PythonChild(_MODULE)
        except OSError as error:
            raise self._broken(f"the process for it cannot be started ({error.strerror})") from error

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._child.close()

    def start(self, stop: Callable[[], bool]) -> bool:
        """Load the model; return False once `stop` is true.

        Raises:
            ModelError: it cannot be loaded.
        """
        tagger = self._tagger
        question = {
            "model": os.fspath(tagger.model),
            "threads": self._threads,
            "input": asdict(tagger.input),
            "output": tagger.output.name,
            "probabilities": tagger.output.probabilities,
            "tags": len(tagger.tags),
        }
        return self._answer(question, stop) is not None

    def ask(self, pictures: Sequence[Path], stop: Callable[[], bool]) -> dict[str, Any] | None:
        """Return the answer on some pictures, None once `stop` is true.

        Raises:
            ModelError: the model fails on them.
        """
        answer = self._answer({"pictures": [os.fspath(path) for path in pictures]}, stop)
        if answer is not None and "outputs" in answer:
            raise ModelError(
                printable(str(self._tagger.tags_file)),
                found=f"{plural(len(self._tagger.tags), 'row')}, and the model gives {answer['outputs']:,} answers",
                expected="one row for each answer",
                way_out="name the CSV file of this model",
            )
        return answer

    def _answer(self, question: dict[str, Any], stop: Callable[[], bool]) -> dict[str, Any] | None:
        try:
            self._child.ask(question)
            while (answer := self._child.answer(_SECONDS)) is None:
                if stop():
                    return None
        except (ChildEnded, OSError) as error:
            raise self._broken(
                f"its process ended ({printable(str(error), 60) or 'no answer'})",
                "free memory, or lower --batch",
            ) from None
        if not isinstance(answer, dict) or "broke" in answer:
            reason = answer["broke"] if isinstance(answer, dict) else "no answer"
            raise self._broken(f"onnxruntime cannot run it: {reason}", "download it again, or use another tagger")
        return answer

    def _broken(self, found: str, way_out: str = "") -> ModelError:
        return ModelError(printable(str(self._tagger.model)), found=found, way_out=way_out)
