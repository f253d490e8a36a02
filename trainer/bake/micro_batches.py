"""Pictures that pass through the model at once: as many as the settings say, fewer once memory has run out in a step."""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from trainer.bake.reporter import Reporter
from trainer.journal.records import Mark, MarkKind
from trainer.text import plural

if TYPE_CHECKING:
    from trainer.bake.batch import Batch

T = TypeVar("T")

# What torch's allocator for the CPU says, on Linux and on Windows, and CUDA's libraries where they allocate by themselves.
_OUT_OF_MEMORY_MESSAGES = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)


@dataclass(frozen=True)
class BatchShare:
    """What one of several processes computes of each batch: neighbouring pictures, as many as the others but for one.

    Attributes:
        rank: of the process.
        processes: how many there are.
    """

    rank: int
    processes: int

    def rows(self, count: int) -> tuple[int, int]:
        """Return the first picture and the one after the last, of a batch of `count`; the same number twice where it has none."""
        return count * self.rank // self.processes, count * (self.rank + 1) // self.processes


class MicroBatches:
    """The parts that a batch passes through the model in.

    A step's gradient is that of the whole batch's mean loss whatever the parts are: noise, times and captions are in the batch
    already, and dropouts are each picture's own.

    Args:
        size: pictures at once; None for the whole batch.
        share: what this process computes of a batch; None where it computes all of it.

    Attributes:
        size, share: in force.
    """

    def __init__(self, size: int | None = None, share: BatchShare | None = None) -> None:
        self.size = size
        self.share = share

    def rows(self, count: int) -> tuple[int, int]:
        """Return the first picture that passes here and the one after the last, of a batch of `count`; never none.

        A process whose share is empty takes the batch's first picture, which does not count (`counts`): so every weight that has a
        gradient in one process has one in all.
        """
        if self.share is None:
            return 0, count
        first, last = self.share.rows(count)
        return (first, last) if first < last else (0, 1)

    def counts(self, count: int) -> bool:
        """Return whether what passes here of a batch of `count` pictures counts."""
        if self.share is None:
            return True
        first, last = self.share.rows(count)
        return first < last

    def whole(self, losses: Tensor, count: int) -> Tensor:
        """Return the losses of those that passed here as those of a batch of `count` pictures; 0 for those of other processes."""
        if self.share is None:
            return losses
        all_of_them = losses.new_zeros(count)
        if self.counts(count):
            all_of_them[slice(*self.rows(count))] = losses
        return all_of_them

    def split(self, batch: "Batch") -> "Iterator[tuple[tuple[int, int], Batch]]":
        """Yield (first picture and the one after the last, part) of what passes here of a batch, in order.

        Args:
            batch: a whole one.
        """
        count = len(batch.timesteps)
        start, end = self.rows(count)
        size = self.size or count
        for first in range(start, end, size):
            rows = first, min(first + size, end)
            yield rows, batch if rows == (0, count) else _part(batch, slice(*rows))

    def run_with_oom_retry(
        self, attempt: Callable[[], T], largest: int, undo: Callable[[], None]
    ) -> tuple[T, int | None]:
        """Return what `attempt` gives; where memory runs out it is undone and made again with half as many pictures at once.

        Args:
            attempt: splits batches by `of`; may be called several times.
            largest: pictures in the largest batch.
            undo: removes what an interrupted attempt left.

        Returns:
            what it gave, and the size it came down to, which stays in force; None where it stayed as it was.

        Raises:
            RuntimeError: anything but a want of memory, and that too with one picture at once (torch.OutOfMemoryError on a card).
        """
        before = self.size
        while True:
            try:
                return attempt(), None if self.size == before else self.size
            except (RuntimeError, MemoryError) as error:
                now = min(self.size or largest, largest)
                if now == 1 or not is_out_of_memory(error):
                    raise
            # Behind the block, so that the error is gone, and with its traceback all that the attempt held.
            undo()
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.size = (now + 1) // 2


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that the card's memory is full, or the computer's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _OUT_OF_MEMORY_MESSAGES)


def keep_size(size: int, step: int, change: Callable[[str], None], report: Reporter) -> None:
    """Record a reduced micro-batch size as a change of settings: logged, marked, and applied again by a resumed bake.

    Args:
        size: pictures at once.
        step: the one that ran out of memory and was repeated.
        change: applies `name=value`.
        report: writes to journal and log.
    """
    assignment = f"micro_batch_size={size}"
    change(assignment)
    # The step itself was done with it: the change stands behind the one before.
    report.mark(Mark(step - 1, time.time(), MarkKind.SET, assignment))
    line = (
        f"step {step} ran out of memory and was repeated with {plural(size, 'picture')} at once: "
        f"{assignment} from here on"
    )
    report.log(
        f"{line}; the LoRA learns from the same batches, only slower. To be faster again: set gradient_checkpointing = true, "
        "lower the resolution, or close other programs that use the memory",
        level="warning",
    )
    report.trouble(line)


def _part(batch: "Batch", rows: slice) -> "Batch":
    """Return some pictures of a batch."""
    values = {each.name: getattr(batch, each.name) for each in fields(batch) if each.name != "folder_of"}
    cut: dict[str, Any] = {name: value[rows] for name, value in values.items() if value is not None}
    return replace(batch, **cut, folder_of=batch.folder_of[:, rows])
