"""How long does a LoRA in its real size take to be measured by its weights, compared with the epoch before?"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from kohya_modules import kohya_modules
from lora_of_numbers import Layer, write_lora_of_numbers
from table import Budget, Cell, Table, say

from trainer.measures.weights import measure_lora

SIZES: tuple[tuple[str, Literal["sd15", "sdxl"], int], ...] = (
    ("SD1.5, U-Net and encoder", "sd15", 32),
    ("SD1.5, U-Net and encoder", "sd15", 128),
    ("SDXL, U-Net and encoders", "sdxl", 32),
    ("SDXL, U-Net and encoders", "sdxl", 64),
)
ROUNDS = 3


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return the table of times."""
    rows = [row for title, base, rank in SIZES for row in [_row(root, title, base, rank)]]
    columns = ("LoRA in fp16", "dim", "MiB", "modules", "two threads, s", "one thread, s", "processor, s")
    note = (
        "The best of three, with the files in memory. A bake measures in one thread of the lowest priority, `measure` in two. "
        "Wall time on a busy machine says little: beside it stands the processor's time of one thread."
    )
    return [Table("A LoRA measured by its weights, beside the epoch before", columns, rows, note)]


def _row(root: Path, title: str, base: Literal["sd15", "sdxl"], rank: int) -> list[Cell]:
    say(f"measures: {title}, dim {rank}")
    layers = {
        name: Layer(up[0], down[1], rank, kernel=1 if len(down) == 4 else None, alpha=rank / 2)
        for name, (down, up) in kohya_modules(base).items()
    }
    before, now = (
        write_lora_of_numbers(root / f"{near}.safetensors", layers, dtype="F16", near=near) for near in (None, 0.05)
    )
    two, _ = _best(now, before, threads=2)
    one, processor = _best(now, before, threads=1)
    size = now.stat().st_size / 2**20
    for path in (before, now):
        path.unlink()
    return [title, rank, round(size), len(layers), round(two, 2), round(one, 2), round(processor, 2)]


def _best(path: Path, before: Path, threads: int) -> tuple[float, float]:
    walls, processor = [], []
    for _ in range(ROUNDS):
        began, used = time.perf_counter(), time.process_time()
        measure_lora(path, before=before, threads=threads).values(1)
        walls.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
    return min(walls), min(processor)
