"""Steps of one bake in a process of its own, so that its peak memory is its own.

    python one_bake.py ROOT STEPS WARM OPTIONS…

Loads, takes WARM + STEPS steps and prints one JSON object: seconds and bytes, see `one_bake`.
"""

import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import torch
from counted_steps import flops
from matmul_peak import matmul_peak
from process_memory import most_resident, resident
from ready_steps import planned_of, ready_steps
from real_shapes import fill_with_numbers


def one_bake(root: Path, options: Sequence[str], *, steps: int, warm: int, fill: bool = False) -> dict[str, float]:
    """Return what one bake's loading and its steps take.

    Args:
        root: a demo workspace.
        options: changes of its settings.
        steps, warm: how many steps are measured, and how many before them are not.
        fill: whether the base is hollow and gets its numbers on the device.

    Returns:
        `seconds` a step (median), `flops` of it, `peak_flops` the device multiplies at, `steps_bytes` and `load_bytes` the
        most this process held in steps and while loading, `before_bytes` what it held before, `weights_bytes` what U-Net,
        encoders and VAE take in the compute type; on a card `card_bytes` and `card_reserved`.
    """
    card = torch.cuda.is_available()
    planned = planned_of(root, options)
    before = resident()
    with most_resident() as loading:
        opened = ready_steps(planned)
        ready = opened.__enter__()
    try:
        model = ready.session.model
        modules = (model.unet, model.vae, *model.encoders.values())
        dtype = model.unet.conv_in.weight.dtype
        weights = sum(weight.numel() for module in modules for weight in module.parameters()) * dtype.itemsize
        if fill:
            for module in (model.unet, *model.encoders.values()):
                fill_with_numbers(module)
        if card:
            torch.cuda.reset_peak_memory_stats()
        with most_resident() as stepping:
            seconds = [ready.step() for _ in range(warm + steps)]
        found = {
            "seconds": statistics.median(seconds[warm:]),
            "least": min(seconds[warm:]),
            "steps_bytes": float(stepping.bytes),
            "load_bytes": float(loading.bytes),
            "before_bytes": float(before),
            "weights_bytes": float(weights),
        }
        if card:
            found["card_bytes"] = float(torch.cuda.max_memory_allocated())
            found["card_reserved"] = float(torch.cuda.max_memory_reserved())
        found["flops"] = float(flops(ready.session, next(ready.works)))
    finally:
        opened.__exit__(None, None, None)
    # Last, for its matrices are memory too.
    return found | {"peak_flops": matmul_peak(model.device, dtype)}


if __name__ == "__main__":
    _, where, measured, first, *wanted = sys.argv
    began = time.monotonic()
    hollow = "hollow" in wanted
    told = one_bake(
        Path(where), [each for each in wanted if each != "hollow"], steps=int(measured), warm=int(first), fill=hollow
    )
    print(json.dumps(told | {"took": time.monotonic() - began}))
