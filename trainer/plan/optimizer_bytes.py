"""Bytes that an optimizer keeps of the weights it moves, tensor by tensor, so that an allocator's rounding can be put on each."""

from collections.abc import Sequence

from trainer.optimizers import Options, Shape, spec_of


def optimizer_bytes(
    name: str, shapes: Sequence[Shape], options: Options | None = None, *, from_zero: Sequence[bool] = ()
) -> int | None:
    """Return the sum of optimizer_tensors, in bytes."""
    tensors = optimizer_tensors(name, shapes, options, from_zero=from_zero)
    return None if tensors is None else sum(tensors)


def optimizer_tensors(
    name: str, shapes: Sequence[Shape], options: Options | None = None, *, from_zero: Sequence[bool] = ()
) -> list[int] | None:
    """Return the bytes of each tensor that an optimizer keeps beside the weights from its first step on; None where it is not known.

    Args:
        name: a short name, or a class by its path (not known).
        shapes: of the weights that train, fp32.
        options: Settings.optimizer_options.
        from_zero: for each weight whether it is all zeros before the first step, as every lora_up of a new LoRA. Blank: none is.
    """
    spec = spec_of(name)
    if spec is None:
        return None
    given = options or {}
    zeros = from_zero or (False,) * len(shapes)
    kept = [
        size for shape, is_zero in zip(shapes, zeros, strict=True) for size in spec.kept_bytes(shape, given, is_zero)
    ]
    return kept + spec.shared_bytes(shapes, given)
