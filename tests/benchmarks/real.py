"""How fast and how lean is a step on bases in their real size, with random weights? Beside sd-scripts, which did the same.

On the CPU SD1.5 at 256², batch 1, dim 32, U-Net and encoder; on a card the source notes' settings (512², batch 3, dim 128) and
SDXL at 1024². Needs 2.1 GB of disk and 6 GB of memory. Each bake has a process of its own, so that its peak is its own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import torch
from beside import Bake, beside
from compared import Compared
from ready_steps import ENDLESS, REAL
from real_shapes import write_hollow, write_real
from table import Budget, Cell, Table, say

PROGRAM = Path(__file__).parent / "one_bake.py"
SMALL = ("resolution=256", "max_bucket_reso=256", "train_batch_size=1", "network_dim=32", "network_alpha=16")
NOTES = ("resolution=512", "max_bucket_reso=512", "train_batch_size=3", "network_dim=128", "network_alpha=64")
LARGE = ("resolution=1024", "max_bucket_reso=1024", "train_batch_size=1", "network_dim=32", "network_alpha=16")
CHECKPOINTED = "gradient_checkpointing=yes"
UNET_ONLY = "network_train_unet_only=yes"
_GIB = 2**30


@dataclass(frozen=True)
class Theirs:
    """What sd-scripts (48d368fa, v0.10.1) took for the same steps on two idle cores, seven steps.

    Attributes:
        seconds: a step, median.
        gib: most resident memory in the steps.
        flops: the most that machine multiplies at, in that precision, floating point operations a second.
    """

    seconds: float
    gib: float
    flops: float


_FP32, _BF16 = 0.33e12, 1.92e12


@dataclass(frozen=True)
class Case:
    """One bake to measure."""

    name: str
    options: tuple[str, ...]
    theirs: Theirs | None = None
    family: str = "sd1"


ON_THE_CPU = (
    Case("fp32", (*SMALL, "mixed_precision=no"), Theirs(4.11, 5.50, _FP32)),
    Case("fp32, checkpointed", (*SMALL, "mixed_precision=no", CHECKPOINTED), Theirs(5.56, 5.06, _FP32)),
    Case("bf16", (*SMALL, "mixed_precision=bf16"), Theirs(2.81, 3.35, _BF16)),
    Case("bf16, checkpointed", (*SMALL, "mixed_precision=bf16", CHECKPOINTED), Theirs(3.68, 3.23, _BF16)),
)
ON_A_CARD = (
    Case("SD1.5 512², batch 3, dim 128, bf16", (*NOTES, "mixed_precision=bf16")),
    Case("SD1.5 512², batch 3, dim 128, bf16, checkpointed", (*NOTES, "mixed_precision=bf16", CHECKPOINTED)),
    Case("SD1.5 512², batch 3, dim 128, fp16", (*NOTES, "mixed_precision=fp16")),
    Case("SD1.5 512², batch 3, dim 128, fp32", (*NOTES, "mixed_precision=no")),
    Case("SDXL 1024², batch 1, dim 32, U-Net, bf16", (*LARGE, UNET_ONLY, "mixed_precision=bf16"), family="sdxl"),
    Case(
        "SDXL 1024², batch 1, dim 32, U-Net, bf16, checkpointed",
        (*LARGE, UNET_ONLY, "mixed_precision=bf16", CHECKPOINTED),
        family="sdxl",
    ),
    Case(
        "SDXL 1024², batch 1, dim 32, U-Net and encoders, bf16, checkpointed",
        (*LARGE, "mixed_precision=bf16", CHECKPOINTED),
        family="sdxl",
    ),
)


def measure_beside(compared: Compared, budget: Budget) -> Sequence[Table]:
    """Return speed and memory of steps on bases in their real size, beside another commit's."""
    card = torch.cuda.is_available()
    bakes = [
        Bake(case.name, (*REAL, *case.options), 12 if card else 5, 40, random_base(case.family), case.family)
        for case in (ON_A_CARD if card else ON_THE_CPU)
    ]
    title = "bases in their real size on this card" if card else "SD1.5 in its real size, 256², batch 1, dim 32"
    return beside(title, bakes, compared, budget)


@cache
def random_base(family: str) -> Callable[[Path], Path]:
    """Return what writes a base of random numbers into a folder: the same for the same base."""
    return partial(write_random, family)


def write_random(family: str, folder: Path) -> Path:
    """Write a base of random numbers into `folder`, for bakes that read it as they read any other, and return its path."""
    return write_real(folder / f"{family}.safetensors", family)


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return seconds and memory of steps on bases in their real size."""
    card = torch.cuda.is_available()
    cases = ON_A_CARD if card else ON_THE_CPU
    bases: dict[str, Path] = {}
    found: list[tuple[Case, dict[str, float] | None]] = []
    try:
        for case in cases:
            if not budget.allows(25):
                found.append((case, None))
                continue
            if case.family not in bases:
                say(f"  writing {case.family}")
                path = root.parent / f"{case.family}.safetensors"
                # A card's numbers are made on the card; SD1.5's file on the CPU is read as a bake reads one.
                bases[case.family] = write_hollow(path, case.family) if card else write_real(path, case.family)
            figures = _of_its_own(case, bases[case.family], root, card, budget)
            found.append((case, figures))
    finally:
        for path in bases.values():
            path.unlink()
    return [_on_a_card(found)] if card else [_beside_theirs(found), _loading(found)]


def _of_its_own(case: Case, base: Path, root: Path, card: bool, budget: Budget) -> dict[str, float] | None:
    """Return the figures of a bake in a process of its own; None where it outlives the budget."""
    options = [*ENDLESS, *REAL, *case.options, f"pretrained_model_name_or_path={base}"]
    steps, warm = (12, 3) if card else (7, 2)
    command = [sys.executable, str(PROGRAM), str(root), str(steps), str(warm), *options, *(["hollow"] if card else [])]
    # A base of this size pays for every core, whatever the caller allowed itself.
    env = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    try:
        ran = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=budget.left)
    except subprocess.TimeoutExpired:
        return None
    if ran.returncode:
        raise RuntimeError(f"{case.name}: {ran.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    say(f"  {case.name}: {figures['seconds']:.2f} s a step, all in all {figures['took']:.0f} s")
    return figures


def _mfu(figures: dict[str, float]) -> float:
    return 100 * figures["flops"] / figures["seconds"] / figures["peak_flops"]


def _beside_theirs(found: list[tuple[Case, dict[str, float] | None]]) -> Table:
    rows: list[list[Cell]] = []
    for case, figures in found:
        theirs = case.theirs
        if figures is None or theirs is None:
            rows.append([case.name, *[None] * 11])
            continue
        ours = figures["seconds"] * figures["peak_flops"]
        gib = figures["steps_bytes"] / _GIB
        rows.append(
            [
                *(case.name, figures["seconds"], figures["least"], theirs.seconds, figures["seconds"] / theirs.seconds),
                ours / (theirs.seconds * theirs.flops),
                *(figures["peak_flops"] / 1e12, theirs.flops / 1e12, _mfu(figures)),
                *(gib, theirs.gib, gib / theirs.gib),
            ]
        )
    columns = (
        *("SD1.5, 256², batch 1, dim 32", "s/step, median", "least", "sd-scripts", "ratio", "ratio at equal peaks"),
        *("peak, TFLOP/s", "theirs", "MFU, %"),
        *("resident in steps, GiB", "sd-scripts", "ratio"),
    )
    note = (
        "sd-scripts was measured on two idle cores of another day. At equal peaks: seconds × the most the machine multiplies at, "
        "ours ÷ theirs. Aims: 0.65 of its seconds in fp32, 0.45 in bf16, 0.8 of its memory."
    )
    return Table("SD1.5 in its real size, U-Net and encoder", columns, rows, note)


def _loading(found: list[tuple[Case, dict[str, float] | None]]) -> Table:
    rows: list[list[Cell]] = []
    for case, figures in found:
        if figures is None:
            rows.append([case.name, *[None] * 5])
            continue
        rise = figures["load_bytes"] - figures["before_bytes"]
        before, load, weights = (figures[f"{name}_bytes"] / _GIB for name in ("before", "load", "weights"))
        rows.append([case.name, before, load, weights, rise / figures["weights_bytes"], load / 6.80])
    columns = (
        *("loading", "resident before, GiB", "most while loading", "weights in compute type"),
        *("rise ÷ weights", "of sd-scripts' 6.80 GiB"),
    )
    return Table("loading SD1.5 in its real size", columns, rows, "Aim: a rise of at most 1.3 times the weights.")


def _on_a_card(found: list[tuple[Case, dict[str, float] | None]]) -> Table:
    rows: list[list[Cell]] = []
    for case, figures in found:
        if figures is None:
            rows.append([case.name, *[None] * 6])
            continue
        memory = (figures["card_bytes"] / _GIB, figures["card_reserved"] / _GIB)
        speed = (figures["seconds"], 1 / figures["seconds"], figures["peak_flops"] / 1e12)
        rows.append([case.name, *speed, _mfu(figures), *memory])
    columns = ("bake", "s/step", "steps/s", "peak, TFLOP/s", "MFU, %", "allocated at most, GiB", "reserved, GiB")
    return Table("bases in their real size on this card", columns, rows)
