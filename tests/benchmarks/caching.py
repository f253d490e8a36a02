"""How many pictures does the VAE encode in a second?"""

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from ready_steps import ENDLESS, REAL, planned_of
from real_shapes import fill_with_numbers, write_hollow
from table import Budget, Cell, Table, say

from trainer.bake.latents import encode_pictures
from trainer.bake.precision import fresh_accelerator
from trainer.bake.session import acquire_base_for
from trainer.jobs.preflight import PlannedBake

ROUNDS = 3
_COLUMNS = (
    "base, picture, batch",
    "pictures a second (best of 3 rounds)",
    "pictures a round",
    "of a picture's seconds: VAE, %",
)


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return pictures encoded in a second, read from their files as a bake reads them."""
    card = torch.cuda.is_available()
    rows = [_row(root, "demo, 64²", (), batch, 32, budget) for batch in (1, 8)]
    side = 512 if card else 256
    base = write_hollow(root.parent / "hollow.safetensors", "sd1")
    try:
        options = (
            *(*REAL, f"resolution={side}", f"max_bucket_reso={side}", f"pretrained_model_name_or_path={base}"),
            "mixed_precision=bf16",
        )
        for batch, half in ((1, ""), (4, ""), *(((4, "no_half_vae=no"),) if card else ())):
            name = f"SD1.5 in its real size, {side}², {'bf16' if half else 'fp32'}"
            rows.append(_row(root, name, (*options, *([half] if half else [])), batch, 16 if card else 4, budget))
    finally:
        base.unlink()
    return [Table("caching latents", _COLUMNS, rows)]


def _row(root: Path, name: str, options: tuple[str, ...], batch: int, pictures: int, budget: Budget) -> list[Cell]:
    if not budget.allows(10):
        return [f"{name}, {batch}", None, pictures, None]
    # In one bucket all batches are full.
    planned = planned_of(root, (*ENDLESS, "enable_bucket=no", *options, f"vae_batch_size={batch}"))
    best, share = _speed(planned, pictures, batch)
    say(f"  {name}, batch {batch}: {best:.3g} pictures a second")
    return [f"{name}, {batch}", best, pictures, 100 * share]


def _speed(planned: PlannedBake, count: int, batch: int) -> tuple[float, float]:
    """Return pictures a second, and the VAE's share of the time."""
    chosen = [index % len(planned.data.pictures) for index in range(count)]
    pictures = [planned.data.pictures[index] for index in chosen]
    placements = [planned.plan.placements[index] for index in chosen]
    accelerator, precision = fresh_accelerator(planned.settings.mixed_precision)
    best, share = 0.0, 0.0
    with acquire_base_for(planned.base, planned.settings, accelerator.device, precision) as model:
        if not planned.base.path.is_dir():
            fill_with_numbers(model.vae)
        inside = _Clock(model.encode_pictures)
        model.encode_pictures = inside  # type: ignore[method-assign]
        try:
            for _ in range(ROUNDS + 1):
                inside.seconds = 0.0
                began = time.perf_counter()
                assert len(list(encode_pictures(model, pictures, placements, batch))) == count
                took = time.perf_counter() - began
                if count / took > best:
                    best, share = count / took, inside.seconds / took
        finally:
            del model.encode_pictures
    return best, share


class _Clock:
    """Counts the seconds inside a call that ends with its result on the device."""

    def __init__(self, call: object) -> None:
        self._call = call
        self.seconds = 0.0

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        began = time.perf_counter()
        found: torch.Tensor = self._call(pixels)  # type: ignore[operator]
        if found.device.type == "cuda":
            torch.cuda.synchronize()
        self.seconds += time.perf_counter() - began
        return found
