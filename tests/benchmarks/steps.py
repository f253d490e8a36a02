"""How fast is a step of the demo bake, how near to what the device can do, and how do other choices compare?"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from beside import Bake, beside
from compared import Compared
from counted_steps import flops
from matmul_peak import matmul_peak
from measured_memory import measured_step
from ready_steps import ENDLESS, planned_of, ready_steps
from table import Budget, Cell, Table, say

STEPS = 20
WARM = 3


@dataclass(frozen=True)
class Way:
    """A way to take the demo's steps.

    Attributes:
        name: what it is.
        options: changes of the demo's settings.
        threads: 0 for the bake's own choice.
        layout: of the U-Net's weights; None for the bake's own choice.
    """

    name: str
    options: tuple[str, ...] = ()
    threads: int = 0
    layout: torch.memory_format | None = None


WAYS = (
    Way("as shipped"),
    Way("channels last", layout=torch.channels_last),
    Way("two threads", threads=2),
    Way("bf16", ("mixed_precision=bf16",)),
    Way("gradient checkpointing", ("gradient_checkpointing=yes",)),
)


def measure_beside(compared: Compared, budget: Budget) -> Sequence[Table]:
    """Return speed and memory of the demo's steps as settings alone make them, beside another commit's."""
    bakes = [Bake(way.name, way.options, STEPS, 10) for way in WAYS if not way.threads and way.layout is None]
    return beside("steps of the demo, batch 4", bakes, compared, budget)


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return speed, share of the device's peak and memory of the demo's step, taken in several ways."""
    rows: list[list[Cell]] = []
    peaks: dict[torch.dtype, float] = {}
    for way in WAYS:
        if not budget.allows(5):
            rows.append([way.name, *[None] * 6])
            continue
        planned = planned_of(root, (*ENDLESS, *way.options))
        with ready_steps(planned) as ready:
            unet = ready.session.model.unet
            if way.layout is not None:
                unet.to(memory_format=way.layout)
            if way.threads:
                torch.set_num_threads(way.threads)
            seconds = statistics.median([ready.step() for _ in range(WARM + STEPS)][WARM:])
            counted = flops(ready.session, next(ready.works))
            dtype, device = unet.conv_in.weight.dtype, ready.session.model.device
        # Outside: a small base takes its steps with one thread, the peak is the whole device's.
        peak = peaks.setdefault(dtype, peaks.get(dtype) or matmul_peak(device, dtype))
        measured = measured_step(planned)
        first = float(rows[0][1] or 1) if rows else seconds
        mib = [measured.peak / 2**20, measured.rise / 2**20]
        rows.append([way.name, seconds, 1 / seconds, seconds / first, 100 * counted / seconds / peak, *mib])
        say(f"  {way.name}: {seconds:.3f} s a step")
    columns = (
        "demo bake, batch 4",
        "seconds a step, median",
        "steps/s",
        "multiple of the first",
        "MFU, %",
        "peak, MiB",
        "of that in the step alone",
    )
    types = ", ".join(f"{str(dtype).removeprefix('torch.')} {peak / 1e12:.3g}" for dtype, peak in peaks.items())
    note = (
        f"MFU: floating point operations of the step ÷ seconds ÷ the most this device multiplies at ({types} TFLOP/s). "
        "Memory: weights, LoRA, moments and what the step adds, from the allocator."
    )
    return [Table("steps of the demo", columns, rows, note)]
