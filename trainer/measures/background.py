"""Measuring of a bake's LoRAs by their weights while it goes on: in a thread of its own, at the lowest priority."""

import contextlib
import logging
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from trainer.errors import LoraTuiError, ModelError
from trainer.journal.journal import Journal
from trainer.journal.measure_records import MeasuredValue
from trainer.journal.records import Bake, Checkpoint
from trainer.measures.base_norms import FOLDER, base_norms
from trainer.measures.weights import MeasuringStopped, measure_lora
from trainer.models.identify import Base
from trainer.models.kohya_names import ModuleNames
from trainer.models.weight_slice import PlacedWeight
from trainer.text import plural, printable

_log = logging.getLogger(__name__)

T = TypeVar("T")

_LOWEST_PRIORITY = 19

# An SDXL LoRA takes up to 4 s; what takes longer goes on while the process lives.
_MAX_WAIT_SECONDS = 5.0
_GRACE_SECONDS = 0.5


@dataclass
class _SavedLora:
    """A LoRA that waits to be measured.

    Attributes:
        step, path, rounded: as in BackgroundMeasuring.saved.
        dropped: its step is taken again, or another thread measures it.
    """

    step: int
    path: Path
    rounded: Mapping[str, float]
    dropped: bool = False


class BackgroundMeasuring:
    """Measures each LoRA that a bake saves, and writes the values into the journal; a context manager.

    Nothing of the bake waits for it, and it changes nothing of the bake. Whatever goes wrong is a line in the log. What is not
    measured when the process ends is lost, and can be made up for from the files.

    Args:
        journal_path: of the workspace.
        bake: the journal's row; once it is taken up again in another attempt nothing more is written.
        folder: the bake's, with its LoRA files.
        base: what it bakes on.
        content: sha256 of the base.
        log: takes a line for the bake's log, in the thread that closes.
    """

    def __init__(
        self, journal_path: Path, bake: Bake, folder: Path, base: Base, content: str, log: Callable[[str], None]
    ) -> None:
        self._journal_path, self._bake, self._folder = journal_path, bake, folder
        self._base, self._content, self._log = base, content, log
        self._changed = threading.Condition()
        # Held while values are written: who drops a LoRA can be sure that nothing of it is written later.
        self._writing = threading.Lock()
        self._waiting: deque[_SavedLora] = deque()
        self._busy: _SavedLora | None = None
        self._norms: Mapping[str, float] | None = None
        self._closed, self._failed = False, False
        self._thread = threading.Thread(target=self._run, name="weight measures", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread, which first sees to the base's own norms."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait a moment for what is left."""
        ends = time.monotonic() + _MAX_WAIT_SECONDS
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(self._is_idle, min(_GRACE_SECONDS, _MAX_WAIT_SECONDS))
        # On a busy computer the lowest priority may never come to its turn; here nothing is held up any more.
        while time.monotonic() < ends and (lora := self._taken_over()) is not None:
            self._attempt(printable(lora.path.name), partial(self._measure, lora, self._norms or {}, ends))
            if time.monotonic() >= ends:
                with self._changed:
                    self._waiting.appendleft(lora)
                    self._changed.notify_all()
        with self._changed:
            self._changed.wait_for(self._is_idle, max(0.0, ends - time.monotonic()))
            left = len(self._waiting) + (self._busy is not None)
        if left:
            self._log(
                f"{plural(left, 'LoRA')} not measured yet: `lora-tui measure {self._bake.number}` makes up for what is missing"
            )

    def _is_idle(self) -> bool:
        return not self._waiting and self._busy is None

    def _taken_over(self) -> _SavedLora | None:
        """Return a LoRA that this thread is to measure in place of the other; None for none, or before the base's norms are known."""
        with self._changed:
            if self._norms is None:
                return None
            if (busy := self._busy) is not None and not busy.dropped:
                busy.dropped = True
                return replace(busy, dropped=False)
            return self._waiting.popleft() if self._waiting else None

    def saved(self, step: int, path: Path, rounded: Mapping[str, float]) -> None:
        """Measure a LoRA soon; returns at once.

        Args:
            step: optimizer steps in it.
            path: its file; the journal lists it.
            rounded: part -> share of its change that the file's precision rounded off, "" for all parts.
        """
        lora = _SavedLora(step, path, rounded)
        with self._changed:
            # A second file of the same step has the same weights.
            if not any(each.step == step and not each.dropped for each in (*self._waiting, self._busy) if each):
                self._waiting.append(lora)
                self._changed.notify_all()

    def forget_after(self, step: int) -> None:
        """Drop the LoRAs after `step`, whose steps are taken again: when this returns nothing of them is written any more."""
        with self._changed:
            for each in (*self._waiting, self._busy):
                if each is not None and each.step > step:
                    each.dropped = True
            self._waiting = deque(each for each in self._waiting if not each.dropped)
        with self._writing:
            pass

    def _run(self) -> None:
        lower_priority()
        norms = self._attempt("the base's weights", self._base_norms) or {}
        with self._changed:
            self._norms = norms
        while (lora := self._next()) is not None:
            self._attempt(printable(lora.path.name), partial(self._measure, lora, norms))
            with self._changed:
                self._busy = None
                self._changed.notify_all()

    def _next(self) -> _SavedLora | None:
        """Wait for the next LoRA and return it; None once there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            self._busy = self._waiting.popleft() if self._waiting else None
            return self._busy

    def _base_norms(self) -> Mapping[str, float] | None:
        cache = self._journal_path.parent / FOLDER
        return base_norms(self._base, cache, self._content, lambda: self._closed and not self._waiting)

    def _measure(self, lora: _SavedLora, norms: Mapping[str, float], ends: float = math.inf) -> None:
        """Measure a LoRA and write the values.

        Raises:
            MeasuringStopped: it was dropped, or the clock has passed `ends`.
        """
        with Journal(self._journal_path) as journal:
            values = measure_saved(
                journal.results.checkpoints(self._bake.number),
                self._folder,
                lora.step,
                lora.path,
                own_name=ModuleNames(self._base.family, self._base.lora_shapes).own,
                norms=norms,
                rounded=lora.rounded,
                stop=lambda: lora.dropped or time.monotonic() > ends,
            )
            with self._writing:
                if not lora.dropped and journal.bakes.read(self._bake.number).attempt == self._bake.attempt:
                    journal.measures.add(self._bake.number, values)

    def _attempt(self, what: str, do: Callable[[], T]) -> T | None:
        """Return what `do` returns; None where it fails, with a line in the log for the first time."""
        try:
            return do()
        except MeasuringStopped:
            return None
        except Exception as error:
            reason = error.line() if isinstance(error, LoraTuiError) else f"{type(error).__name__}: {error}"
            _log.warning("%s not measured: %s", what, printable(reason), exc_info=not isinstance(error, LoraTuiError))
            if not self._failed:
                self._failed = True
                line = f"{what} not measured: {reason}"
                with contextlib.suppress(LoraTuiError), Journal(self._journal_path) as journal:
                    journal.log.write(printable(line), bake=self._bake.number, level="warning")
            return None


def measure_saved(
    checkpoints: Sequence[Checkpoint],
    folder: Path,
    step: int,
    path: Path,
    *,
    own_name: Callable[[str], str],
    norms: Mapping[str, float],
    rounded: Mapping[str, float],
    stop: Callable[[], bool],
    threads: int = 1,
    weights: Mapping[str, PlacedWeight] | None = None,
) -> list[MeasuredValue]:
    """Return the values of a bake's LoRA, compared with the one before it as far as that is there.

    Args:
        checkpoints: the bake's.
        folder: its folder.
        step: optimizer steps in the LoRA.
        path: its file.
        own_name, rounded, stop, threads, weights: as measure_lora has them.
        norms: ‖W‖ of the base's modules; empty without a base.

    Raises:
        ModelError: a file is no LoRA of a kind that is read, cannot be read, or is a DoRA without its base.
        MeasuringStopped: `stop` became true.
    """
    earlier = [each for each in checkpoints if each.step < step and (folder / each.file).is_file()]
    last = max(earlier, key=lambda each: each.step, default=None)
    found = measure_lora(
        path,
        before=None if last is None else folder / last.file,
        base_norms=norms,
        own_name=own_name,
        rounded=rounded,
        weights=weights,
        stop=stop,
        threads=threads,
    )
    if found.needs_base:
        # What the others add up to is not the LoRA's.
        raise ModelError(
            printable(path.name),
            found=f"a DoRA in {plural(len(found.needs_base), 'module')}",
            expected="its base, on whose weights its change depends",
            way_out="measure the file itself: lora-tui measure FILE --base BASE",
        )
    return found.values(step)


def lower_priority() -> None:
    """Give this thread the lowest priority, where the system gives threads one of their own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
