"""How much does an optimizer keep of the weights it moves? Tensor by tensor, so that an allocator's rounding can be put on each."""

import math
from collections.abc import Mapping, Sequence

from trainer.settings.optimizers import Value

_FP32 = 4
# bitsandbytes 0.50, optim/optimizer.py: a scale for so many numbers, 32 bits below so many, and two tables for all weights.
_BLOCK = 256
_LEAST_IN_8_BITS = 4096
_TABLE = 256 * _FP32

Shape = tuple[int, ...]


def optimizer_bytes(
    name: str, shapes: Sequence[Shape], options: Mapping[str, Value] | None = None, *, from_zero: Sequence[bool] = ()
) -> int | None:
    """Return the sum of optimizer_tensors, in bytes."""
    tensors = optimizer_tensors(name, shapes, options, from_zero=from_zero)
    return None if tensors is None else sum(tensors)


def optimizer_tensors(
    name: str, shapes: Sequence[Shape], options: Mapping[str, Value] | None = None, *, from_zero: Sequence[bool] = ()
) -> list[int] | None:
    """Return the bytes of each tensor that an optimizer keeps beside the weights from its first step on; None where it is not known.

    Args:
        name: one of settings.optimizers.NAMES, or a class by its path (not known).
        shapes: of the weights that train, fp32.
        options: Settings.optimizer_options.
        from_zero: for each weight whether it is all zeros before the first step, as every lora_up of a new LoRA: of such a one
            Prodigy need not keep where it began. Blank: none is.
    """
    told = options or {}
    zeros = from_zero or (False,) * len(shapes)
    found: list[int] = []
    for shape, is_zero in zip(shapes, zeros, strict=True):
        of_one = _of_one(name, shape, told, is_zero)
        if of_one is None:
            return None
        found += of_one
    if name == "AdamW8bit" and any(math.prod(shape) >= _least(told) for shape in shapes):
        found += [_TABLE, _TABLE]
    return found


def _of_one(name: str, shape: Shape, options: Mapping[str, Value], from_zero: bool) -> list[int] | None:
    numbers = math.prod(shape)
    whole = _FP32 * numbers
    match name:
        case "AdamW":
            # Fused, it counts its steps on the device.
            return [_FP32, *[whole] * (3 if options.get("amsgrad") else 2)]
        case "Lion" | "SGDNesterov":
            return [whole]
        case "AdamW8bit":
            return _adam_of_8_bits(numbers, options)
        case "Adafactor":
            momentum = [whole] if options.get("beta1") is not None else []
            # Of the two last axes one is summed away: in a convolution these are the kernel's. And one number, the weight's length.
            return [*momentum, whole // shape[-1], whole // shape[-2], _FP32]
        case "Prodigy":
            return _prodigy(numbers, options, from_zero)
        case _:
            return None


def _least(options: Mapping[str, Value]) -> int:
    least = options.get("min_8bit_size", _LEAST_IN_8_BITS)
    return least if isinstance(least, int) else _LEAST_IN_8_BITS


def _adam_of_8_bits(numbers: int, options: Mapping[str, Value]) -> list[int]:
    """Return two moments of a byte a number and their scales; of four bytes in small weights."""
    if numbers < _least(options):
        return [_FP32 * numbers] * 2
    scales = _FP32 * math.ceil(numbers / _BLOCK)
    return [numbers, numbers, scales, scales]


def _prodigy(numbers: int, options: Mapping[str, Value], from_zero: bool) -> list[int]:
    """Return two moments, the gradients' sum and where the weight began; of the last two every slice_p-th number."""
    every = options.get("slice_p", 1)
    sliced = _FP32 * math.ceil(numbers / (every if isinstance(every, int) else 1))
    betas = options.get("betas")
    moments = 1 if isinstance(betas, tuple) and betas[0] == 0 else 2
    return [*[_FP32 * numbers] * moments, sliced, _FP32 if from_zero else sliced]
