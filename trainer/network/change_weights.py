"""The change of one module as a weight: LoRA, LoHa, LoKr and full differences made from their tensors, and DoRA beside the base's.

The formulas are in trainer.models.lora_module. All is computed in fp32, whatever the file's and the base's type.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from trainer.models.lora_keys import Role
from trainer.models.lora_module import Axis, LoraModule


def change_of(module: LoraModule, tensors: Mapping[Role, Tensor], shape: torch.Size) -> Tensor:
    """Return ΔW of a module, of a DoRA ΔV, with its scale, fp32 in the shape of the base's weight.

    Args:
        module: its kind and scale.
        tensors: its tensors by role; of a plain layer without `mid`, which is multiplied into `down` when the file is read.
        shape: of the base's weight: [outputs, inputs], with a kernel on convolutions.
    """

    def tensor(role: Role) -> Tensor:
        return tensors[role].float()

    match module.kind:
        case "lora":
            change = tensor("up").flatten(1) @ tensor("down").flatten(1)
        case "loha":
            first = _product(tensors, "hada_w1_a", "hada_w1_b", "hada_t1")
            change = first.mul_(_product(tensors, "hada_w2_a", "hada_w2_b", "hada_t2"))
        case "lokr":
            change = _kronecker(tensors)
        case "full":
            # A copy, since it is scaled in place.
            change = tensors["diff"].to(torch.float32, copy=True)
    scale = module.scale * (float(tensors["scalar"]) if "scalar" in tensors else 1.0)
    return change.mul_(scale).reshape(shape)


def magnitude_factors(direction: Tensor, magnitude: Tensor, axis: Axis) -> Tensor:
    """Return what a DoRA multiplies W + ΔV by, one number for each output or input, to be multiplied with weights as it is.

    Args:
        direction: W + ΔV, fp32.
        magnitude: as the file has it, of any shape.
        axis: what it is for.

    Returns:
        fp32 [outputs, 1, …] or [1, inputs, …].
    """
    kept = 0 if axis == "outputs" else 1
    others = [dim for dim in range(direction.dim()) if dim != kept]
    norms = torch.linalg.vector_norm(direction, dim=others, keepdim=True)
    # As LyCORIS does, for a weight of zeros.
    factors: Tensor = magnitude.float().reshape(norms.shape) / (norms + torch.finfo(torch.float32).eps)
    return factors


def _product(tensors: Mapping[Role, Tensor], a: Role, b: Role, core: Role | None = None) -> Tensor:
    """Return a · b as [rows, columns · kernel²], or Tucker's form of it where there is a core between them."""
    left, right = tensors[a].float(), tensors[b].float()
    if core is None or core not in tensors:
        return left @ right.flatten(1)
    inner = torch.einsum("ijkl,jr->irkl", tensors[core].float(), right)
    return left.mT @ inner.flatten(1)


def _kronecker(tensors: Mapping[Role, Tensor]) -> Tensor:
    """Return w1 ⊗ w2 as a matrix; a kernel lies in the columns of w2, so that it stays behind the inputs."""
    first, second = tensors.get("lokr_w1"), tensors.get("lokr_w2")
    left = _product(tensors, "lokr_w1_a", "lokr_w1_b") if first is None else first.float()
    right = _product(tensors, "lokr_w2_a", "lokr_w2_b", "lokr_t2") if second is None else second.float().flatten(1)
    return torch.kron(left.contiguous(), right.contiguous())
