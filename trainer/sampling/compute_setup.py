"""The compute setup of pictures: device, number type and attention, and the memory there is."""

import psutil
import torch

from trainer.errors import GridError
from trainer.grid.recipe import ComputeSetup, HalfType

_DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def compute_setup_for(precision: str, half: HalfType = "fp16") -> ComputeSetup:
    """Return what this computer makes pictures with.

    `auto` is fp16 on a card, as the webui has it: more digits than bf16 at the same speed, and no gradient to fall out of its
    range; for bases that overflow in it bf16, or fp32 on a card that has none. Without a card it is fp32, which a CPU is
    quickest in.

    Args:
        precision: `auto`, `fp32`, `fp16` or `bf16`.
        half: half precision that the bases can compute in.

    Raises:
        GridError: fp16 without a card, bf16 on a card without it.
    """
    has_card = torch.cuda.is_available()
    # Emulated bf16, which torch counts as support by default, is slower than fp32.
    lacks_bf16 = has_card and not torch.cuda.is_bf16_supported(including_emulation=False)
    if precision == "auto":
        precision = "fp32" if not has_card or (half == "bf16" and lacks_bf16) else half
    if precision == "fp16" and not has_card:
        raise GridError("precision", found="fp16 without a GPU", expected="fp32 or bf16", way_out="set auto")
    if precision == "bf16" and lacks_bf16:
        raise GridError("precision", found="bf16 on a GPU without bf16", expected="fp16 or fp32", way_out="set auto")
    return ComputeSetup("cuda" if has_card else "cpu", precision)


def dtype_of(compute_setup: ComputeSetup) -> torch.dtype:
    """Return the type of U-Net and text encoders."""
    return _DTYPES[compute_setup.precision]


def free_memory(device: torch.device) -> int:
    """Return how many bytes can still be had on a device; on a card what torch holds and does not use counts as free."""
    if device.type != "cuda":
        return int(psutil.virtual_memory().available)
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
