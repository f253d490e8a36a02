"""Changes folded into weights: made once, W + Σ strength · ΔW takes the place of W and of every product beside it.

It is for passes without gradient in which the same changes are in force many times. The base's own weights stay as they are, since
the sum is a tensor of its own; outputs differ by what rounding makes of another order of the same sums.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from trainer.lean.forward_wrapper import ForwardWrapper
from trainer.lean.frozen_conv import FrozenConv2d, convolved
from trainer.lean.weight_product import times_weight
from trainer.network.forward_patch import ForwardPatch

Target = nn.Linear | nn.Conv2d

# Forward passes that are the weight times the input, whatever else: those of layers in fp32.
_PLAIN_FORWARDS: set[object] = {nn.Linear.forward, nn.Conv2d.forward, FrozenConv2d.forward}


class _FoldedLayer(ForwardWrapper):
    """A layer that computes with another weight than its own."""

    def __init__(self, layer: Target, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__(layer)
        self._layer, self._weight, self._bias = layer, weight, bias

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the layer's output, of its one input."""
        (x,) = args
        if isinstance(self._layer, nn.Conv2d):
            return convolved(self._layer, x, self._weight, self._bias)
        return times_weight(x, self._weight, self._bias)


class FoldedWeights:
    """The folded layers of one model, and the tensors that their weights lie in.

    Nothing may be put on these layers or taken off while they are folded.
    """

    def __init__(self) -> None:
        self._attached: list[_FoldedLayer] = []
        # By the layer: the next fold writes over them.
        self._weights: dict[Target, Tensor] = {}

    def fold(self, patches: Iterable[ForwardPatch], device: torch.device, free: int) -> None:
        """Let every layer compute with its changes folded, where they can be folded and there is room for the weights.

        A layer is left as it is where its weight is not fp32, because a change would be lost in the digits that half precision and
        8 bits have not, where it lies elsewhere than it computes, and where something else sits on it.

        Args:
            patches: the changes that are attached and in force.
            device: where the layers compute.
            free: bytes that can be had there; half of them are left.
        """
        self.unfold()
        chains: dict[Target, list[ForwardPatch]] = {}
        for patch in patches:
            if patch.strength != 0:
                chains.setdefault(patch.target, []).append(patch)
        here = {target: chain for target, chain in chains.items() if target.weight.device.type == device.type}
        chains = {target: chain for target, chain in here.items() if _can_fold(target, chain)}
        if sum(target.weight.nbytes for target in chains if target not in self._weights) > free // 2:
            return
        with torch.no_grad():
            for target, chain in chains.items():
                weight = self._weights.get(target)
                if weight is None:
                    weight = self._weights[target] = torch.empty_like(target.weight, memory_format=_layout(target))
                weight.copy_(target.weight)
                bias = target.bias
                for patch in chain:
                    patch.add_to_weight(weight)
                    added = patch.bias_change()
                    if added is not None:
                        bias = added if bias is None else bias + added
                folded = _FoldedLayer(target, weight, bias)
                folded.attach()
                self._attached.append(folded)

    def unfold(self) -> None:
        """Let every layer compute with its changes beside it again."""
        while self._attached:
            self._attached.pop().remove()

    def clear(self) -> None:
        """Unfold, and give the memory back."""
        self.unfold()
        self._weights.clear()


def _can_fold(target: Target, chain: list[ForwardPatch]) -> bool:
    """Return whether nothing but these changes, and others of strength 0, sits on a layer of fp32."""
    if target.weight.dtype != torch.float32:
        return False
    if isinstance(target, nn.Conv2d) and (target.padding_mode != "zeros" or isinstance(target.padding, str)):
        return False
    forward: Callable[[Tensor], Tensor] = target.forward
    wanted = set(chain)
    while isinstance(patch := getattr(forward, "__self__", None), ForwardPatch):
        if patch.strength != 0 and patch not in wanted:
            return False
        wanted.discard(patch)
        forward = patch.forward_below
    return not wanted and getattr(forward, "__func__", None) in _PLAIN_FORWARDS


def _layout(target: Target) -> torch.memory_format:
    is_last = target.weight.dim() == 4 and target.weight.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format
