"""How near is the predicted peak of a step to the measured one?

The predictor runs the step on tensors without numbers, in a process of its own. The measure runs a real one: on the CPU it adds up
the allocator's own events, on a card it asks the allocator. They share no code but the step. And how long does a prediction take?
"""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import torch
from memory_cases import DEMO, ON_A_CARD, SD15_ON_THE_CPU, Case, Compared, compared
from real_shapes import write_hollow
from table import Budget, Cell, Table, say

from trainer.memory.predictor import PeakPredictor
from trainer.memory.request import BucketUse, MemoryRequest
from trainer.settings.model import Settings
from trainer.settings.parts import Family

_MIB = 2**20
_SHARE = 0.05
_UNDER = 0.03
_COLUMNS = ("combination", "measured, MiB", "of that in the step alone", "predicted, MiB", "apart, %", "moment")


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return predicted and measured peaks of steps on the demo base and on bases in their real size."""
    card = torch.cuda.is_available()
    real = ON_A_CARD if card else SD15_ON_THE_CPU
    # Of both families predictions are timed.
    families = ("sd1", "sdxl")
    bases = {family: write_hollow(root.parent / f"{family}.safetensors", family) for family in families}
    try:
        # First, for a budget may end before the demo's.
        of_real = _table("bases in their real size", real, root, bases, budget, seconds=20)
        seconds = _seconds(bases)
    finally:
        for path in bases.values():
            path.unlink()
    return [of_real, _table("the demo base", DEMO, root, {}, budget, seconds=6), seconds]


def _seconds(bases: dict[str, Path]) -> Table:
    """Return the table of what predictions take, imports aside: the first of a new process, then as in a fit the same base's others."""
    cases: tuple[tuple[str, Family, int], ...] = (
        ("SD1.5 512², dim 32, U-Net and encoder", "sd1", 512),
        ("SDXL 1024², dim 32, U-Net and both encoders", "sdxl", 1024),
    )
    rows: list[list[Cell]] = []
    for name, family, side in cases:
        with PeakPredictor(None) as predictor:
            took = [
                predictor.predict(_request(bases[family], family, side, batch, checkpointed)).took
                for batch, checkpointed in ((1, False), (1, True), (2, True))
            ]
        rows.append([name, *took])
        say(f"  {name}: {', '.join(f'{seconds:.1f} s' for seconds in took)}")
    columns = ("a GPU's memory predicted in s", "first question", "checkpointed", "in batches of two")
    return Table("seconds of a prediction", columns, rows, "Aims: 4 s for SD1.5, 12 s for SDXL.")


def _request(base: Path, family: Family, side: int, batch: int, checkpointed: bool) -> MemoryRequest:
    settings = Settings(
        resolution=str(side),
        max_bucket_reso=2048,
        train_batch_size=batch,
        network_dim=32,
        gradient_checkpointing=checkpointed,
    )
    return MemoryRequest(settings, family, str(base), "", (BucketUse(side, side, 100),), True, None, "card")


def _table(
    what: str, cases: Sequence[Case], root: Path, bases: dict[str, Path], budget: Budget, *, seconds: float
) -> Table:
    """Return the table of some cases; one that takes about `seconds` and does not fit the budget any more is not run."""
    found: list[Compared] = []
    # closing: a generator that is not run to its end keeps the predictor's process.
    with closing(compared(root, cases, bases)) as each:
        while len(found) < len(cases) and budget.allows(seconds):
            one = next(each)
            say(f"  {one.case.name}: {one.measured.peak / _MIB:.1f} MiB, predicted {100 * one.apart:+.1f} %")
            found.append(one)
    rows: list[list[Cell]] = [_row(one) for one in found]
    rows += [[case.name, *[None] * 5] for case in cases[len(found) :]]
    near = sum(abs(one.apart) <= _SHARE for one in found)
    under = min((one.apart for one in found), default=0.0)
    note = (
        f"{near} of {len(found)} within {_SHARE:.0%}; the furthest under by {max(0.0, -under):.1%}. "
        f"Aims: all within {_SHARE:.0%} on the CPU; on a card 90 % of them, and none under by more than {_UNDER:.0%}."
    )
    return Table(f"predicted and measured peak of a step, {what}", _COLUMNS, rows, note)


def _row(one: Compared) -> list[Cell]:
    measured = (one.measured.peak / _MIB, one.measured.rise / _MIB)
    return [one.case.name, *measured, one.step.bytes / _MIB, round(100 * one.apart, 2), one.step.moment]
