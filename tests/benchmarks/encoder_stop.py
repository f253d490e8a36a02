"""What does stopping the text encoder save? Seconds, FLOPs and kept bytes of a step on SD1.5 in its real size, in one run.

256², batch 1, dim 32, fp32: the work of a step does not depend on the numbers. Needs 6 GB of memory.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path

from counted_steps import flops, saved_bytes
from ready_steps import ENDLESS, REAL, Ready, planned_of, ready_steps
from real_shapes import write_hollow
from table import Budget, Cell, Table

from trainer.dataset.captions import fixed_caption

ROUNDS = 6
SETTINGS = (
    *("resolution=256", "max_bucket_reso=256", "train_batch_size=1", "network_dim=32", "network_alpha=16"),
    *("mixed_precision=no", "text_encoder_stop=1"),
)


def measure(root: Path, budget: Budget) -> Sequence[Table]:
    """Return seconds, FLOPs and kept bytes of a step while the encoder trains, runs without gradients, and runs no more."""
    base = write_hollow(root.parent / "hollow.safetensors", "sd1")
    try:
        planned = planned_of(root, (*ENDLESS, *REAL, *SETTINGS, f"pretrained_model_name_or_path={base}"))
        captions = [fixed_caption(picture) or "" for picture in planned.data.pictures]
        with ready_steps(planned) as ready:
            rows = _rows(ready, captions, budget)
    finally:
        base.unlink()
    columns = ("text encoder", "seconds a step, median", "TFLOP a step", "GiB kept for the backward pass")
    return [Table("stopping the text encoder, SD1.5 in its real size, fp32", columns, rows)]


def _rows(ready: Ready, captions: list[str], budget: Budget) -> list[list[Cell]]:
    """Return the figures of the three ways; steps of each way take turns, so that a busy moment meets all of them."""
    ways: tuple[tuple[str, list[str], int], ...] = (
        ("trains", [], 0),
        ("stopped, captions vary: runs without gradients", [], 1),
        ("stopped, captions stay: its outputs are kept", captions, 1),
    )
    seconds: dict[str, list[float]] = {name: [] for name, _, _ in ways}
    counted: dict[str, list[Cell]] = {}
    for turn in range(ROUNDS):
        if not budget.allows(15):
            break
        for name, words, step in ways:
            _go(ready, words, step)
            took = ready.step()
            # The first one warms up.
            if turn:
                seconds[name].append(took)
    for name, words, step in ways:
        _go(ready, words, step)
        work = next(ready.works)
        tera = flops(ready.session, work) / 1e12
        counted[name] = [tera, saved_bytes(ready.session, next(ready.works)) / 2**30]
    return [[name, statistics.median(seconds[name]) if seconds[name] else None, *counted[name]] for name, _, _ in ways]


def _go(ready: Ready, captions: list[str], step: int) -> None:
    """Let the encoder be where it is after `step` steps, with these captions known."""
    session = ready.session
    session.trained_parts.update(session.settings, session.plan, 0)
    session.text_embeddings.cache_for(captions)
    session.trained_parts.update(session.settings, session.plan, step)
