"""What a forward pass keeps for its backward pass, as autograd itself says it."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


def kept_bytes(forward: Callable[[], object]) -> int:
    """Return the bytes of all tensors that `forward` keeps, each memory once; weights are not counted.

    Args:
        forward: computes something with gradients.
    """
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        whole = tensor if tensor._base is None else tensor._base
        if not isinstance(whole, nn.Parameter):
            # The tensor is held, so that no later one gets its address.
            kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        out = forward()
    del out
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
