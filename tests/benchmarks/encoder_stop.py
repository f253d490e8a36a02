"""What does stopping the text encoder save? Seconds, FLOPs and kept bytes of a step on SD1.5 in its real size, in one run.

    python tests/benchmarks/encoder_stop.py [--json]

Random weights, 256², batch 1, dim 32, fp32: the work of a step does not depend on the numbers. Needs 2.1 GB of disk and 6 GB of memory.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import torch
from counted_steps import flops, saved_bytes
from real_shapes import write_real

from trainer.bake.feeding import Feed, StepWork
from trainer.bake.latents import Prepared
from trainer.bake.step import train_step
from trainer.bake.workbench import Workbench, workbench
from trainer.demo.workspace import make_demo
from trainer.jobs import check
from trainer.settings.toml_file import apply_overrides, load_settings

ROUNDS = 6
SETTINGS = (
    *("resolution=256", "max_bucket_reso=256", "bucket_reso_steps=64", "train_batch_size=1", "validation_data_dir="),
    *("network_dim=32", "network_alpha=16", "mixed_precision=no", "shuffle_caption=no", "v_parameterization=no"),
    *("text_encoder_stop=1", "lr_warmup_steps=0"),
)


def measure_encoder_stop(root: Path) -> dict[str, float]:
    """Return seconds, FLOPs and kept bytes of a step while the encoder trains, runs without gradients, and runs no more.

    Args:
        root: a demo workspace; the checkpoint is written beside it and removed.
    """
    base = write_real(root.parent / "sd15.safetensors", "sd1")
    try:
        path = root / "hifumi.toml"
        settings = apply_overrides(load_settings(path), (*SETTINGS, f"pretrained_model_name_or_path={base}"))
        ground = check(settings, path)
        with workbench(ground.settings, ground) as bench:
            captions = [picture.caption for picture in ground.data.pictures]
            prepared = {index: _noise(placement.bucket) for index, placement in enumerate(ground.plan.placements)}
            with Feed(bench, ground.data, prepared, pin=bench.model.device.type == "cuda") as feed:
                return _measured(bench, iter(feed), captions)
    finally:
        base.unlink()


def _measured(bench: Workbench, works: Iterator[StepWork], captions: list[str]) -> dict[str, float]:
    """Return the figures of the three ways; steps of each way take turns, so that a busy moment meets all of them."""
    ways = (("trains", [], 0), ("runs without gradients", [], 1), ("its outputs are kept", captions, 1))
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in ways}
    counted: dict[str, float] = {}
    for turn in range(ROUNDS + 1):
        for name, words, step in ways:
            _go(bench, words, step)
            if turn == ROUNDS:
                counted[f"{name}: TFLOP a step"] = flops(bench, next(works)) / 1e12
                counted[f"{name}: GiB kept for the backward pass"] = saved_bytes(bench, next(works)) / 2**30
                continue
            work = next(works)
            _wait(bench)
            began = time.perf_counter()
            train_step(bench, work)
            _wait(bench)
            seconds[name].append(time.perf_counter() - began)
    # The first turn warms up.
    timed = {f"{name}: seconds a step (median)": statistics.median(each[1:]) for name, each in seconds.items()}
    return timed | counted


def _go(bench: Workbench, captions: list[str], step: int) -> None:
    """Let the encoder be where it is after `step` steps, with these captions known."""
    bench.training.settle(bench.settings, bench.plan, 0)
    bench.texts.know(captions)
    bench.training.settle(bench.settings, bench.plan, step)


def _wait(bench: Workbench) -> None:
    if bench.model.device.type == "cuda":
        torch.cuda.synchronize()


def _noise(bucket: tuple[int, int]) -> Prepared:
    width, height = bucket
    return Prepared(torch.randn(4, height // 8, width // 8), None, (height, width, 0, 0, height, width))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = measure_encoder_stop(make_demo(Path(folder) / "demo").root)
    print(
        json.dumps(found, indent=2)
        if "--json" in sys.argv
        else "\n".join(f"{k:60s} {v:8.3f}" for k, v in found.items())
    )
