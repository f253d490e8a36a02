"""Moments between the phases of a step, on the device's own clock; read once they are past, so that nothing waits for them."""

import time
from collections.abc import Mapping
from typing import Any

import torch

from trainer.measures.curve_records import StepPhase


def moment(device: torch.device) -> Any:
    """Return now: on a GPU the moment at which it has done everything that it was given so far, elsewhere the clock's seconds."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch gives it no types
    event.record(torch.cuda.current_stream(device))
    return event


def seconds_between(first: Any, second: Any) -> float:
    """Return the seconds between two moments of one device, both of them past."""
    if isinstance(first, float):
        return float(second - first)
    return float(first.elapsed_time(second)) / 1000


class StepTiming:
    """The phases of one step, each with the moment at which it ended.

    Args:
        device: what computes.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._ended: list[tuple[StepPhase, Any]] = []
        self._began: Any = None

    def end(self, phase: StepPhase) -> None:
        """Note that a phase ends here; what follows belongs to the next one that does."""
        self._ended.append((phase, moment(self._device)))

    def start_again(self) -> None:
        """Forget what was noted: the step is taken once more, from now."""
        self._ended.clear()
        self._began = moment(self._device)

    def seconds(self, began: Any) -> Mapping[str, float]:
        """Return the seconds of each phase by its metric; only once all of them are past.

        Args:
            began: the moment at which the first phase began, unless the step was started again.
        """
        began = began if self._began is None else self._began
        found = dict.fromkeys((phase.metric for phase in StepPhase), 0.0)
        for phase, ended in self._ended:
            found[phase.metric] += seconds_between(began, ended)
            began = ended
        return found
