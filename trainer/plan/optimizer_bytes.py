"""Bytes that an optimizer keeps of the weights it moves, tensor by tensor, so that an allocator's rounding can be put on each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from trainer.optimizers import Options, Shape, spec_of


@dataclass(frozen=True)
class MeasuredState:
    """What an optimizer named by its path kept of weights of each shape, as its trial saw it.

    Attributes:
        sizes: shape of a weight -> bytes of each tensor kept of it.
        shared: bytes of all that is kept of no single weight, per value of the weights.
    """

    sizes: Mapping[Shape, tuple[int, ...]]
    shared: float

    def tensors(self, shapes: Sequence[Shape]) -> list[int] | None:
        """Return the bytes of each tensor for weights of these shapes; None where one of them was not tried."""
        if any(shape not in self.sizes for shape in shapes):
            return None
        shared = round(self.shared * sum(map(math.prod, shapes)))
        return [size for shape in shapes for size in self.sizes[shape]] + ([shared] if shared else [])

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"sizes": [[list(shape), list(sizes)] for shape, sizes in self.sizes.items()], "shared": self.shared}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what to_json wrote.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        sizes = {tuple(map(int, shape)): tuple(map(int, each)) for shape, each in values["sizes"]}
        return cls(sizes, float(values["shared"]))


def optimizer_bytes(
    name: str,
    shapes: Sequence[Shape],
    options: Options | None = None,
    *,
    from_zero: Sequence[bool] = (),
    measured: MeasuredState | None = None,
) -> int | None:
    """Return the sum of optimizer_tensors, in bytes."""
    tensors = optimizer_tensors(name, shapes, options, from_zero=from_zero, measured=measured)
    return None if tensors is None else sum(tensors)


def optimizer_tensors(
    name: str,
    shapes: Sequence[Shape],
    options: Options | None = None,
    *,
    from_zero: Sequence[bool] = (),
    measured: MeasuredState | None = None,
) -> list[int] | None:
    """Return the bytes of each tensor that an optimizer keeps beside the weights from its first step on; None where it is not known.

    Args:
        name: a short name, or a class by its path, which is not known unless measured.
        shapes: of the weights that train, fp32.
        options: Settings.optimizer_options.
        from_zero: for each weight whether it is all zeros before the first step, as every lora_up of a new LoRA. Blank: none is.
        measured: from the trial of a class by its path.
    """
    spec = spec_of(name)
    if spec is None:
        return None if measured is None else measured.tensors(shapes)
    given = options or {}
    zeros = from_zero or (False,) * len(shapes)
    kept = [
        size for shape, is_zero in zip(shapes, zeros, strict=True) for size in spec.kept_bytes(shape, given, is_zero)
    ]
    return kept + spec.shared_bytes(shapes, given)
