"""How fast does this device multiply? What a step is measured against, on the same device in the same run."""

import time

import torch

SIZES = (1024, 2048, 4096)
ON_CARDS = (2048, 4096, 8192)
ROUNDS = 5


def matmul_peak(device: torch.device, dtype: torch.dtype) -> float:
    """Return the most floating point operations a second in a product of square matrices: the best of several sizes and rounds.

    Args:
        device: where.
        dtype: of the matrices.
    """
    best = 0.0
    for size in ON_CARDS if device.type == "cuda" else SIZES:
        left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
        out = torch.empty_like(left)
        # Alone a single product is too short for a card's clock: as many as last a few milliseconds.
        together = 20 if device.type == "cuda" else 1
        for _ in range(ROUNDS + 1):
            _wait(device)
            began = time.perf_counter()
            for _ in range(together):
                torch.mm(left, right, out=out)
            _wait(device)
            best = max(best, 2 * size**3 * together / (time.perf_counter() - began))
    return best


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
