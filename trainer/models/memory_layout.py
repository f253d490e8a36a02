"""Threads and memory layout of the base, chosen by measurement."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Between the demo's U-Net (2.9 M weights) and SD1.5's (860 M).
_SMALL_MODEL = 50_000_000


def cpu_threads(weights: int, available: int) -> int:
    """Return how many threads a training step on the CPU should use.

    Measured on two idle cores, seconds per step with one and two threads: demo base at batch 4 0.117 and 0.110, SD1.5's U-Net
    at 256² 5.5 and 2.8. A small model's layers end before a second thread pays, and under load waiting for it costs more.

    Args:
        weights: parameters of the U-Net.
        available: threads torch may use (OMP_NUM_THREADS, else the cores).
    """
    return 1 if weights < _SMALL_MODEL else available


def memory_format() -> torch.memory_format:
    """Return the layout of the U-Net's convolutions: channels last, in every type that was measured.

    Measured on two busy cores, CPU seconds per step of SD1.5's U-Net at 256² with lean blocks, plain and channels last: fp32 7.2
    and 4.2. Its low levels compute by gathered patches then (see lean.frozen_conv), and tokens are pictures without being copied.
    The demo base in fp32: 0.089 and 0.085. Cards' tensor cores work on half precision channels last; fp32 on a card is unmeasured.
    """
    return torch.channels_last


@contextmanager
def tuned(unet: torch.nn.Module) -> Iterator[None]:
    """Give the bake its threads and reproducible convolutions while the block runs, and what was before after it."""
    threads = torch.get_num_threads()
    cudnn = torch.backends.cudnn
    before = (cudnn.deterministic, cudnn.benchmark)
    torch.set_num_threads(cpu_threads(sum(weight.numel() for weight in unet.parameters()), threads))
    cudnn.deterministic, cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cudnn.deterministic, cudnn.benchmark = before
