"""Disk space of a bake: its states and journal, and what it writes in eight hours."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import DiskFull
from trainer.machine.disk_space import free_bytes
from trainer.optimizers import Shape
from trainer.plan.optimizer_bytes import MeasuredState, optimizer_bytes
from trainer.settings.model import Settings
from trainer.text import printable

STATE_SECONDS = 600.0
"""Maximum age of the newest state where no step count decides, unless writing is very slow."""

EIGHT_HOURS = 8 * 3600.0
"""Seconds of a bake left unattended overnight."""

# Measured with five metrics: what a step leaves in the journal and in metrics.npz, and what one of the writer's two
# batches a second writes through SQLite's log, a full page at a time.
_BYTES_A_STEP = 256
_BYTES_A_BATCH = 106_000
_BATCHES_A_SECOND = 2.0
# For the log, the previews to come, and the file system's own bookkeeping.
_MARGIN = 32 << 20


@dataclass(frozen=True)
class BakeLength:
    """How a bake runs: steps of an epoch, epochs, steps in total, LoRA files, and seconds per step (None: not known)."""

    steps_per_epoch: int
    epochs: int
    total_steps: int
    files: int
    seconds_per_step: float | None


def state_bytes(
    settings: Settings, file_bytes: int, shapes: Sequence[Shape], measured: MeasuredState | None = None
) -> int:
    """Return the size of one training state: the weights and the optimizer's state of each, with all parts training.

    Args:
        settings: name the optimizer.
        file_bytes: of the LoRA's file in fp32.
        shapes: of its weights, lora_down and lora_up in turn.
        measured: from the trial of an optimizer named by its path.
    """
    # A new LoRA's lora_up is all zeros.
    zeros = [index % 2 == 1 and not settings.network_weights for index in range(len(shapes))]
    name, options = settings.optimizer_type, settings.optimizer_options
    kept = optimizer_bytes(name, shapes, options, from_zero=zeros, measured=measured)
    if kept is None:
        # Nobody has tried this class yet: two moments, as most.
        kept = 2 * 4 * sum(math.prod(shape) for shape in shapes)
    return file_bytes + kept


def states_written(settings: Settings, length: BakeLength) -> int | None:
    """Return how many states a bake writes: one per epoch and those between; None where that depends on an unknown speed."""
    between = _states_between(settings, length)
    return None if between is None else length.epochs + int(between * length.total_steps)


def states_disk_bytes(settings: Settings, length: BakeLength, state_bytes: int) -> int:
    """Return the most that states take, in bytes: those that are kept, and the next one before the oldest is deleted."""
    match settings.keep_states:
        case "last":
            most = 2
        case "epochs":
            most = length.epochs + 1
        case number:
            most = int(number) + 1
    written = states_written(settings, length)
    if written is not None:
        most = min(most, written)
    room = most * state_bytes
    if settings.state_budget is not None:
        # The newest stays whatever its size, and the next is written before the budget is checked.
        room = min(room, max(int(settings.state_budget * 1e9), state_bytes) + state_bytes)
    return room


def metrics_disk_bytes(length: BakeLength) -> int:
    """Return the bytes of the steps' metrics in the journal and the bake's folder."""
    return _BYTES_A_STEP * length.total_steps


def bytes_per_8_hours(settings: Settings, length: BakeLength, *, lora_bytes: int, state_bytes: int) -> int | None:
    """Return how many bytes eight hours of this bake write: LoRAs, states and the journal; None without a known speed."""
    between = _states_between(settings, length)
    if length.seconds_per_step is None or between is None:
        return None
    steps = EIGHT_HOURS / length.seconds_per_step
    loras = steps * length.files / length.total_steps * lora_bytes
    states = steps * (1 / length.steps_per_epoch + between) * state_bytes
    batches = min(_BATCHES_A_SECOND * EIGHT_HOURS, steps)
    return int(loras + states + batches * _BYTES_A_BATCH)


def check_disk_space(needed: int | None, folder: Path) -> None:
    """Check that the disk has room for a bake.

    Args:
        needed: bytes it takes, None where that is not known.
        folder: where it will write; it need not be there yet.

    Raises:
        DiskFull: it has not.
    """
    wanted = (needed or 0) + _MARGIN
    try:
        free = free_bytes(folder)
    except OSError:
        # A file system that reports nothing may have room; the bake itself waits where it has none.
        return
    if free < wanted:
        raise DiskFull(
            printable(str(folder)),
            found=f"{size_text(free)} free on this disk",
            expected=f"{size_text(wanted)} for LoRAs, states and the journal",
            way_out="free some space, or keep less: save_every_n_epochs, keep_states, state_budget",
        )


def size_text(size: int) -> str:
    """Return bytes in the unit that fits, counted in thousands as disks are sold."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"


def _states_between(settings: Settings, length: BakeLength) -> float | None:
    """Return how many states a step adds to those at the epochs' ends."""
    if settings.save_state_every_n_steps is not None:
        return 1 / settings.save_state_every_n_steps
    if length.seconds_per_step is None:
        return None
    # Each epoch's end has one, and the clock restarts there.
    return int(length.steps_per_epoch * length.seconds_per_step / STATE_SECONDS) / length.steps_per_epoch
