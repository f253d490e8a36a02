"""What does compiling the repeated blocks save in a step, and what does it cost at the first one?

Steps with and without it take turns on one base, so that a busy moment meets both. The kernels are kept in a folder of their own,
empty at the beginning: the first step waits for all of them. The bakes that follow, on the same base in the same process, show
what a changed setting costs.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from ready_steps import ENDLESS, REAL, Ready, planned_of, ready_steps
from real_shapes import fill_with_numbers, write_hollow
from table import Budget, Cell, Table, say
from torch._inductor.utils import fresh_cache

from trainer.lean.compute_options import ComputeOptions

ROUNDS = 5
DEMO = ("network_dim=16", "network_alpha=16")
SD15 = (
    *REAL,
    *("resolution=256", "max_bucket_reso=256", "train_batch_size=1", "network_dim=32", "network_alpha=16"),
)


@dataclass(frozen=True)
class Case:
    """A base and a type to compile in.

    Attributes:
        name: what it is.
        options: changes of the demo's settings.
        hollow: whether the base is SD1.5 in its real size.
        costs: seconds it may take, guessed from two cores.
    """

    name: str
    options: tuple[str, ...]
    hollow: bool
    costs: float


CASES = (
    Case("demo, fp32", (*DEMO, "mixed_precision=no"), False, 300),
    Case("demo, bf16", (*DEMO, "mixed_precision=bf16"), False, 300),
    Case("SD1.5, 256², batch 1, dim 32, fp32", (*SD15, "mixed_precision=no"), True, 900),
    Case("SD1.5, 256², batch 1, dim 32, bf16", (*SD15, "mixed_precision=bf16"), True, 900),
)
COLUMNS = (
    "U-Net and text encoder",
    "seconds a step as it is, least",
    "compiled",
    "multiple",
    "first step, seconds",
    "next bake with another rate, first step",
    "next bake with another rank, first step",
)


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return seconds a step with and without compiled blocks, and of the first steps."""
    return [Table("compiled blocks", COLUMNS, [_row(case, root, budget) for case in CASES])]


def _row(case: Case, root: Path, budget: Budget) -> list[Cell]:
    if not budget.allows(case.costs):
        return [case.name, *[None] * 6]
    base = write_hollow(root.parent / "hollow.safetensors", "sd1") if case.hollow else None
    options = (*ENDLESS, *case.options, *(() if base is None else (f"pretrained_model_name_or_path={base}",)))
    try:
        with fresh_cache():
            plain, compiled, first = _seconds(root, options, case.hollow)
            say(f"  {case.name}: {plain:.3f} s a step, compiled {compiled:.3f} s, the first one {first:.0f} s")
            others = [
                _first_step(root, (*options, change), case.hollow) for change in ("unet_lr=1e-5", "network_dim=8")
            ]
    finally:
        if base is not None:
            base.unlink()
    return [case.name, plain, compiled, compiled / plain, first, *others]


def _seconds(root: Path, options: tuple[str, ...], hollow: bool) -> tuple[float, float, float]:
    """Return the least seconds of a plain step and of a compiled one, and the first compiled one's."""
    with ready_steps(planned_of(root, options)) as ready:
        _fill(ready, hollow)
        model = ready.session.model
        plain = ComputeOptions.of(ready.session.settings)
        seconds: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(ROUNDS + 1):
            for compiled in (False, True):
                model.set_compute_options(replace(plain, compiled=compiled))
                seconds[compiled].append(ready.step())
    # The first of each kind warms up, or compiles.
    return min(seconds[False][1:]), min(seconds[True][1:]), seconds[True][0]


def _first_step(root: Path, options: tuple[str, ...], hollow: bool) -> float:
    """Return the seconds of a bake's first step on a base whose blocks were compiled before."""
    with ready_steps(planned_of(root, (*options, "torch_compile=yes"))) as ready:
        _fill(ready, hollow)
        began = time.perf_counter()
        ready.step()
        return time.perf_counter() - began


def _fill(ready: Ready, hollow: bool) -> None:
    if hollow:
        torch.manual_seed(0)
        fill_with_numbers(ready.session.model.unet)
