"""One LoRA layer beside one frozen layer of the base: W x + strength · alpha / rank · up(down(x)) (Hu et al. 2021, section 4.1)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.network.draws import generator_for


class LoraLayer(nn.Module):
    """Low-rank change of one Linear or 1x1 convolution, in force as long as it is attached.

    Args:
        name: kohya's module name.
        target: the layer of the base; it is not touched but for its `forward`.
        rank: inner size.
        alpha: the change is scaled by alpha / rank.

    Attributes:
        down: fp32 [rank, inputs], or [rank, inputs, 1, 1] beside a convolution.
        up: fp32 [outputs, rank], or [outputs, rank, 1, 1].
        strength: factor on the change; 0 leaves the branch out, so that the output is the base's bit for bit.
    """

    def __init__(self, name: str, target: nn.Linear | nn.Conv2d, rank: int, alpha: float) -> None:
        """Make the weights, all zero, on the target's device; the target does not know of them yet."""
        super().__init__()
        self.name = name
        self.rank = rank
        self.alpha = alpha
        self.strength = 1.0
        self.is_conv = isinstance(target, nn.Conv2d)
        outputs, inputs = target.weight.shape[:2]
        ones = (1, 1) if self.is_conv else ()
        # The LoRA stays fp32 whatever the base is: at rates of 1e-4 a bf16 weight would round most steps away.
        device = target.weight.device
        self.down = nn.Parameter(torch.zeros((rank, inputs, *ones), device=device, dtype=torch.float32))
        self.up = nn.Parameter(torch.zeros((outputs, rank, *ones), device=device, dtype=torch.float32))
        # In a list, or nn.Module would make the base's layer a child and save it with the LoRA.
        self._target = [target]
        self._forward_before: Callable[[Tensor], Tensor] | None = None
        self._base_forward: Callable[[Tensor], Tensor] = target.forward

    def draw(self, seed: int) -> None:
        """Give `down` its start values, kaiming uniform with a = sqrt 5, and `up` zeros (sd-scripts: networks.lora).

        The numbers depend on the seed and the layer's name, not on the order of layers.
        """
        if self.down.device.type == "meta":
            return
        start = torch.empty(self.down.shape, dtype=torch.float32)
        nn.init.kaiming_uniform_(start, a=math.sqrt(5), generator=generator_for(seed, "lora", self.name))
        with torch.no_grad():
            self.down.copy_(start)
            self.up.zero_()

    def attach(self) -> None:
        """Put the layer into the base's forward pass."""
        target = self._target[0]
        self._base_forward = target.forward
        # Another library may have set its own `forward` on the instance; remove() gives it back.
        self._forward_before = target.__dict__.get("forward")
        target.__dict__["forward"] = self.forward

    def remove(self) -> None:
        """Take the layer out of the base's forward pass."""
        target = self._target[0]
        if self._forward_before is not None:
            target.__dict__["forward"] = self._forward_before
        else:
            del target.__dict__["forward"]

    def forward(self, x: Tensor) -> Tensor:
        """Return the base layer's output with the change added, in the type of that output."""
        out = self._base_forward(x)
        if self.strength == 0:
            return out
        # Weights follow the input, which is half precision wherever the base is, with autocast or without.
        down, up = self.down.to(x.dtype), self.up.to(x.dtype)
        if self.is_conv:
            change = functional.conv2d(functional.conv2d(x, down), up)
        else:
            change = functional.linear(functional.linear(x, down), up)
        # The factor rides on the addition: no pass over the output of its own.
        return torch.add(out, change.to(out.dtype), alpha=self.strength * self.alpha / self.rank)
