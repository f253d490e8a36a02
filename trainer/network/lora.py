"""One LoRA layer beside one frozen layer of the base: W x + strength · alpha / rank · up(down(x)) (Hu et al. 2021, section 4.1)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.network.draws import generator_for
from trainer.network.dropout import Dropouts


class LoraLayer(nn.Module):
    """Low-rank change of one Linear or convolution, in force as long as it is attached.

    Args:
        name: kohya's module name.
        target: the layer of the base; it is not touched but for its `forward`.
        rank: inner size.
        alpha: the change is scaled by alpha / rank.
        dropouts: what training leaves out; None for nothing.

    Attributes:
        down: fp32 [rank, inputs], or [rank, inputs, kernel, kernel] beside a convolution, at whose stride and padding it runs.
        up: fp32 [outputs, rank], or [outputs, rank, 1, 1].
        strength: factor on the change; 0 leaves the branch out, so that the output is the base's bit for bit.
        left_out: whether the training forwards up to the next draw go without this layer.
    """

    def __init__(
        self, name: str, target: nn.Linear | nn.Conv2d, rank: int, alpha: float, dropouts: Dropouts | None = None
    ) -> None:
        """Make the weights, all zero, on the target's device; the target does not know of them yet."""
        super().__init__()
        self.name = name
        self.rank = rank
        self.alpha = alpha
        self.dropouts = dropouts
        self.strength = 1.0
        self.left_out = False
        self.is_conv = isinstance(target, nn.Conv2d)
        outputs, inputs, *kernel = target.weight.shape
        # The LoRA stays fp32 whatever the base is: at rates of 1e-4 a bf16 weight would round most steps away.
        device = target.weight.device
        self.down = nn.Parameter(torch.zeros((rank, inputs, *kernel), device=device, dtype=torch.float32))
        self.up = nn.Parameter(torch.zeros((outputs, rank, *(1 for _ in kernel)), device=device, dtype=torch.float32))
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
        dropouts = self._dropouts_now()
        if dropouts is not None and self.left_out:
            return out
        # Weights follow the input, which is half precision wherever the base is, with autocast or without.
        inner = self._down(x, self.down.to(x.dtype))
        if dropouts is not None:
            inner = dropouts.thin(inner, is_conv=self.is_conv)
        up = self.up.to(x.dtype)
        change = functional.conv2d(inner, up) if self.is_conv else functional.linear(inner, up)
        # The factor rides on the addition: no pass over the output of its own.
        return torch.add(out, change.to(out.dtype), alpha=self.strength * self.alpha / self.rank)

    def _down(self, x: Tensor, down: Tensor) -> Tensor:
        target = self._target[0]
        if isinstance(target, nn.Conv2d):
            return functional.conv2d(x, down, None, target.stride, target.padding, target.dilation)
        return functional.linear(x, down)

    def _dropouts_now(self) -> Dropouts | None:
        """Return the dropouts where this forward trains this layer: a frozen layer and a forward without gradient are whole."""
        dropouts = self.dropouts
        if dropouts is None or not dropouts.in_force:
            return None
        return dropouts if self.down.requires_grad and torch.is_grad_enabled() else None
