"""A guard over the pace: drivers that spill a full card's memory into system memory do so silently, and steps become slow."""

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from trainer.bake.batch import StepBatches
from trainer.bake.reporter import Reporter

# A spilling step takes ten times as long and more; other loads on the machine and larger buckets stay below three.
_SLOW = 3.0
# Below this the pace is back.
_BACK = 1.5
# Steps whose median is the pace now, steps whose median was the pace before, and the least number of the latter.
_NOW_STEPS, _BEFORE_STEPS, _MIN_BEFORE_STEPS = 5, 50, 10
# Share of the card's memory in use that counts as full.
_FULL = 0.95


class SlowWatch:
    """Warns when steps become lastingly slow while the card's memory is full, once each time that happens.

    Seconds are divided by the numbers in a batch's latents, so that larger buckets and batches do not count as slow. The host's
    clock around a step is enough: a card with more work than its queue holds makes the host wait.

    Args:
        report: takes the warning.
        memory: gives the card's (free, total) bytes; None without a card. It is asked only when steps are slow.
    """

    def __init__(self, report: Reporter, memory: Callable[[], tuple[int, int] | None]) -> None:
        self._report = report
        self._memory = memory
        self._now: deque[float] = deque(maxlen=_NOW_STEPS)
        self._before: deque[float] = deque(maxlen=_BEFORE_STEPS)
        self._warned = False

    @contextmanager
    def watch(self, work: StepBatches) -> Iterator[None]:
        """Time a step while the block runs."""
        started = time.perf_counter()
        yield
        self.note(work.step, time.perf_counter() - started, sum(batch.latents.numel() for batch in work.batches))

    def note(self, step: int, seconds: float, numbers: int) -> None:
        """Take a step's time.

        Args:
            step: its number.
            seconds: it took.
            numbers: of the latents of all its batches.
        """
        if len(self._now) == _NOW_STEPS and not self._warned:
            # While it is slow, what it was before stays what to compare with.
            self._before.append(self._now[0])
        self._now.append(seconds / numbers)
        if len(self._now) < _NOW_STEPS or len(self._before) < _MIN_BEFORE_STEPS:
            return
        times = statistics.median(self._now) / statistics.median(self._before)
        if self._warned:
            self._warned = times > _BACK
        elif times > _SLOW:
            self._warn(step, times)

    def _warn(self, step: int, times: float) -> None:
        memory = self._memory()
        if memory is None:
            return
        free, total = memory
        if total - free < _FULL * total:
            return
        self._warned = True
        line = (
            f"around step {step} the steps became {times:.0f} times slower, and the GPU's memory is full "
            f"({(total - free) / 2**30:.1f} of {total / 2**30:.1f} GiB)"
        )
        self._report.log(
            f"{line}: the driver is probably moving part of it to system memory, as it does silently on Windows and WSL. Close "
            "other programs that use the GPU, lower micro_batch_size or set gradient_checkpointing = true. With `CUDA - Sysmem "
            "Fallback Policy: Prefer No Sysmem Fallback` in NVIDIA's settings steps run out of memory instead, and the bake "
            "handles that",
            level="warning",
        )
        self._report.trouble(line)


def card_memory(device: torch.device) -> tuple[int, int] | None:
    """Return a card's (free, total) bytes as the driver counts them; None for another device."""
    return torch.cuda.mem_get_info(device) if device.type == "cuda" else None
