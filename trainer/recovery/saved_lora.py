"""A saved LoRA as its metadata tell of it: steps, epoch, when it was written."""

import math
from collections.abc import Mapping

from trainer.journal.records import LAST_SECOND, Checkpoint


def saved_lora(file: str, texts: Mapping[str, str], size: int, modified: float) -> Checkpoint:
    """Return the record of a LoRA file.

    Args:
        file: its name, as the record has it.
        texts: its metadata.
        size: bytes.
        modified: when the file was written, epoch seconds; counts where the metadata do not tell.
    """
    finished = moment_in(texts, "ss_training_finished_at")
    return Checkpoint(
        epoch=_complete_epochs(texts),
        step=count_in(texts, "ss_steps"),
        file=file,
        size=size,
        loss=None,
        val=None,
        val_change=None,
        val_error=None,
        seconds=min(max(0.0, modified), LAST_SECOND) if finished is None else finished,
    )


def steps_per_epoch(texts: Mapping[str, str]) -> int:
    """Return the optimizer steps of an epoch, 0 where the metadata do not tell."""
    batches = count_in(texts, "ss_num_batches_per_epoch")
    return -(-batches // max(1, count_in(texts, "ss_gradient_accumulation_steps")))


def count_in(texts: Mapping[str, str], key: str) -> int:
    """Return a count from the metadata, 0 if it is missing."""
    value = number_in(texts, key)
    return int(value) if value is not None and 0 <= value < 2**53 else 0


def number_in(texts: Mapping[str, str], key: str) -> float | None:
    """Return a number from the metadata, None where it is missing or none."""
    try:
        value = float(texts.get(key, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def moment_in(texts: Mapping[str, str], key: str) -> float | None:
    """Return a moment from the metadata, epoch seconds; None where it is missing or none that a calendar has."""
    value = number_in(texts, key)
    return value if value is not None and 0 <= value <= LAST_SECOND else None


def _complete_epochs(texts: Mapping[str, str]) -> int:
    """Return how many epochs are complete in a file: `ss_epoch` also counts the one inside which its bake ended."""
    epoch, step, of_epoch = count_in(texts, "ss_epoch"), count_in(texts, "ss_steps"), steps_per_epoch(texts)
    return min(epoch, step // of_epoch) if of_epoch else epoch
