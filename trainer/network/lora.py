"""One LoRA layer beside one frozen layer of the base: W x + strength · alpha / rank · up(down(x)) (Hu et al. 2021, section 4.1)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainer.lean.eight_bit import EightBitConv2d, EightBitLinear
from trainer.lean.frozen_conv import FrozenConv2d
from trainer.network.draws import generator_for
from trainer.network.dropout import Dropouts
from trainer.network.forward_patch import ForwardPatch
from trainer.network.lora_product import LoraChange, lean_product, plain_product

# Forward passes that compute with the layer's weight alone and return a tensor that nothing else holds. Beside any other, which may
# be another library's, the LoRA is computed by plain_product.
_PLAIN_FORWARDS: set[object] = {
    nn.Linear.forward,
    nn.Conv2d.forward,
    FrozenConv2d.forward,
    EightBitLinear.forward,
    EightBitConv2d.forward,
}


class LoraLayer(ForwardPatch):
    """Low-rank change of one Linear or convolution, active while it is attached.

    Args:
        name: kohya's module name.
        target: the layer of the base; only its `forward` is replaced.
        rank: inner size.
        alpha: the change is scaled by alpha / rank.
        dropouts: what training leaves out; None for nothing.

    Attributes:
        down: fp32 [rank, inputs], or [rank, inputs, kernel, kernel] beside a convolution, at whose stride and padding it runs.
        up: fp32 [outputs, rank], or [outputs, rank, 1, 1].
        left_out: whether training forwards skip this layer until the next draw.
    """

    def __init__(
        self, name: str, target: nn.Linear | nn.Conv2d, rank: int, alpha: float, dropouts: Dropouts | None = None
    ) -> None:
        """Make the weights, all zero, on the target's device, without attaching the layer."""
        super().__init__(name, target)
        self.rank = rank
        self.alpha = alpha
        self.dropouts = dropouts
        self.dropped = False
        self.is_conv = isinstance(target, nn.Conv2d)
        outputs, inputs, *kernel = target.weight.shape
        # The LoRA stays fp32 whatever the base is: at rates of 1e-4 a bf16 weight would round most steps away.
        device = target.weight.device
        self.down = nn.Parameter(torch.zeros((rank, inputs, *kernel), device=device, dtype=torch.float32))
        self.up = nn.Parameter(torch.zeros((outputs, rank, *(1 for _ in kernel)), device=device, dtype=torch.float32))

    def init_weights(self, seed: int) -> None:
        """Initialize `down`: kaiming uniform with a = sqrt 5 (sd-scripts: networks.lora); `up` is zeros already.

        The numbers depend on the seed and the layer's name, not on the order of layers.
        """
        if self.down.device.type == "meta":
            return
        generator = generator_for(seed, "lora", self.name)
        with torch.no_grad():
            if self.down.device.type == "cpu":
                nn.init.kaiming_uniform_(self.down, a=math.sqrt(5), generator=generator)
                return
            start = torch.empty(self.down.shape, dtype=torch.float32)
            nn.init.kaiming_uniform_(start, a=math.sqrt(5), generator=generator)
            self.down.copy_(start)

    def settle(self, device: torch.device, dtype: torch.dtype) -> None:
        """Hold the weights there in the type that the base computes in, so that no forward rounds them again."""
        for weight in (self.down, self.up):
            weight.requires_grad_(False)
            weight.data = weight.data.to(device, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the base layer's output with the change added, in the type of that output."""
        dropouts = self._active_dropouts()
        if self.strength == 0 or (dropouts is not None and self.dropped):
            return self._base_forward(x)
        # Weights follow the input, which is half precision wherever the base is.
        change = LoraChange(
            self._target[0],
            self.strength * self.alpha / self.rank,
            None if dropouts is None else dropouts.of(self.name),
        )
        base = self._active_forward_below()
        if not _is_plain(base) or torch.compiler.is_compiling():
            return plain_product(base(x), x, self.down, self.up, change)
        return lean_product(base, x, self.down, self.up, change)

    @torch.no_grad()
    def add_to_weight(self, weight: Tensor) -> None:
        """Add strength · alpha / rank · up down to a weight, fp32, in place."""
        up, down = self.up.float().flatten(1), self.down.float()
        if self.is_conv:
            # As a matrix whose rows lie in memory as they are: channels last or plain.
            is_last = weight.is_contiguous(memory_format=torch.channels_last)
            order = (0, 2, 3, 1) if is_last else (0, 1, 2, 3)
            weight, down = weight.permute(order).flatten(1), down.permute(order).flatten(1)
        torch.addmm(weight, up, down, alpha=self.strength * self.alpha / self.rank, out=weight)

    def _active_dropouts(self) -> Dropouts | None:
        """Return the dropouts where this forward trains this layer; None for a frozen layer or a forward without gradient."""
        dropouts = self.dropouts
        if dropouts is None or not dropouts.active:
            return None
        return dropouts if self.down.requires_grad and torch.is_grad_enabled() else None


def _is_plain(forward: Callable[[Tensor], Tensor]) -> bool:
    """Return whether a base layer's forward is its weight times the input in a tensor that nothing else holds."""
    return getattr(forward, "__func__", None) in _PLAIN_FORWARDS
