"""The process that tries torch on the GPU for `lora-tui doctor`, started by `PythonChild`: a line of JSON for the answer."""

import json
import os
import sys
import time
from typing import Any

import torch
from torch import nn

from trainer.machine.python_child import answers

# Sums of products of 64 numbers around 1: what half precision may differ by, with room.
_TOLERANCE = 0.1


def main() -> None:
    """Answer one question, whatever it is."""
    stream = answers()
    sys.stdin.readline()
    stream.write(json.dumps(_tried()) + "\n")
    stream.flush()
    os._exit(0)


def _tried() -> dict[str, Any]:
    """Return what torch is and sees, and where a step on the GPU failed, why."""
    found: dict[str, Any] = {
        "version": str(torch.__version__),
        "cuda": torch.version.cuda or "",
        "gpu": torch.cuda.is_available(),
    }
    if not found["gpu"]:
        return found
    try:
        found["name"] = torch.cuda.get_device_name(0)
        found["capability"] = list(torch.cuda.get_device_capability(0))
        found["kernels"] = torch.cuda.get_arch_list()
        begun = time.monotonic()
        found["difference"] = _step_differs()
        found["seconds"] = time.monotonic() - begun
        if not found["difference"] <= _TOLERANCE:
            found["error"] = f"the GPU's result differs from the CPU's by {found['difference']:.3g}"
    except Exception as error:  # torch raises its own kinds, and any of them is the answer
        found["error"] = f"{type(error).__name__}: {error}"
    return found


def _step_differs() -> float:
    """Return how far a small convolution and its gradient in half precision on the GPU are from the CPU's in full."""
    torch.manual_seed(0)
    layer = nn.Conv2d(4, 4, 3, padding=1)
    pictures = torch.randn(2, 4, 16, 16)
    results = []
    for device, kind in (("cpu", torch.float32), ("cuda", torch.float16)):
        here = nn.Conv2d(4, 4, 3, padding=1).to(device=device, dtype=kind)
        with torch.no_grad():
            for ours, given in zip(here.parameters(), layer.parameters(), strict=True):
                ours.copy_(given)
        out = here(pictures.to(device=device, dtype=kind))
        out.float().square().mean().backward()
        assert here.weight.grad is not None
        results.append((out.float().cpu().detach(), here.weight.grad.float().cpu()))
    return max(float((one - other).abs().max()) for one, other in zip(*results, strict=True))


if __name__ == "__main__":
    main()
