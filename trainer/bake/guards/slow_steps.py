"""Has the bake become slow because the card's memory is full? Drivers that spill into system memory say nothing of it."""

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
# When the pace is that near to the old one again, the spell is over.
_OVER = 1.5
# Steps that say what the pace is, those that say what it was, and how few of these will do.
_NOW, _BEFORE, _FEWEST = 5, 50, 10
_FULL = 0.95


class SlowWatch:
    """Warns when steps become slow for good while the card's memory is full, once each time that happens.

    Seconds are taken for each number of a batch's latents, so that larger buckets and batches are not slow. The host's clock around
    a step is enough: a card with more work than its queue holds makes the host wait.

    Args:
        report: the bake's voice.
        memory: gives the card's (free, total) bytes; None without a card. It is asked only when steps are slow.
    """

    def __init__(self, report: Reporter, memory: Callable[[], tuple[int, int] | None]) -> None:
        """Know no step yet."""
        self._report = report
        self._memory = memory
        self._now: deque[float] = deque(maxlen=_NOW)
        self._before: deque[float] = deque(maxlen=_BEFORE)
        self._warned = False

    @contextmanager
    def watch(self, work: StepBatches) -> Iterator[None]:
        """Take the time of a step while the block runs."""
        began = time.perf_counter()
        yield
        self.note(work.step, time.perf_counter() - began, sum(batch.latents.numel() for batch in work.batches))

    def note(self, step: int, seconds: float, numbers: int) -> None:
        """Take a step's time.

        Args:
            step: its number.
            seconds: it took.
            numbers: of the latents of all its batches.
        """
        if len(self._now) == _NOW and not self._warned:
            # While it is slow, what it was before stays what to compare with.
            self._before.append(self._now[0])
        self._now.append(seconds / numbers)
        if len(self._now) < _NOW or len(self._before) < _FEWEST:
            return
        times = statistics.median(self._now) / statistics.median(self._before)
        if self._warned:
            self._warned = times > _OVER
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
            f"around step {step} the steps became {times:.0f} times slower, and the card's memory is full "
            f"({(total - free) / 2**30:.1f} of {total / 2**30:.1f} GiB)"
        )
        self._report.log(
            f"{line}: the driver probably keeps a part of it in the computer's memory, as those of Windows and WSL do without a "
            "word. Close what else uses the card, set micro_batch_size to less or gradient_checkpointing = true; in NVIDIA's "
            "settings `CUDA - Sysmem Fallback Policy: Prefer No Sysmem Fallback` makes it an error that is dealt with instead",
            level="warning",
        )
        self._report.trouble(line)


def card_memory(device: torch.device) -> tuple[int, int] | None:
    """Return a card's (free, total) bytes as the driver counts them; None for another device."""
    return torch.cuda.mem_get_info(device) if device.type == "cuda" else None
