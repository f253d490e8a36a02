"""A change of another kind than a plain LoRA beside one frozen layer of the base: LoHa, LoKr, DoRA, a full difference.

Its weight is made from the file's tensors in each forward pass and let go again, so that never more than one is in memory. A
strength w adds w · ΔW, and for a DoRA w (W' - W), where W' is the weight that it was trained to be: so 0 is the base and 1 the DoRA
exactly, as in the webui and in ComfyUI. (LyCORIS weighs the magnitude alone, and PEFT the direction, so that neither has the base
at 0.) W is the base's own weight, whatever else sits on the layer.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.errors import ModelError
from trainer.lean.quantized import weight_of
from trainer.models.lora_keys import Role
from trainer.models.lora_module import LoraModule
from trainer.network.change_weights import change_of, magnitude_factors
from trainer.network.forward_patch import ForwardPatch
from trainer.text import printable


class ChangeLayer(ForwardPatch):
    """A change that is made as a weight, active while it is attached. It is not trained.

    Args:
        name: kohya's module name.
        target: the layer of the base; only its `forward` is replaced.
        module: kind, scale and axis.
        tensors: its tensors by role, as the file has them.
        path: the file, for an error.

    Raises:
        ModelError: its sides are not those of the target.
    """

    def __init__(
        self,
        name: str,
        target: nn.Linear | nn.Conv2d,
        module: LoraModule,
        tensors: Mapping[Role, Tensor],
        path: Path,
    ) -> None:
        """Make the layer without attaching it."""
        super().__init__(name, target)
        self.module = module
        self._tensors = dict(tensors)
        # PEFT's word for the magnitude is another one.
        self._magnitude: Role = "magnitude" if "magnitude" in tensors else "dora_scale"
        # Of a DoRA, what W + ΔV is multiplied by: as frozen as the base, so it is computed once.
        self._factors: Tensor | None = None
        _check_sides(name, target, module, tensors.get(self._magnitude), path)

    def settle(self, device: torch.device, dtype: torch.dtype) -> None:
        """Hold its tensors there, in their own type."""
        self._tensors = {role: tensor.to(device) for role, tensor in self._tensors.items()}
        self._factors = None

    @torch.no_grad()
    def change(self) -> Tensor:
        """Return its change at strength 1, W' - W, fp32 in the shape of the base's weight."""
        target = self._target[0]
        direction = change_of(self.module, self._tensors, target.weight.shape)
        if self.module.dora is None:
            return direction
        weight = weight_of(target, torch.float32)
        direction += weight
        if self._factors is None:
            self._factors = magnitude_factors(direction, self._tensors[self._magnitude], self.module.dora)
        return direction.mul_(self._factors).sub_(weight)

    @torch.no_grad()
    def add_to_weight(self, weight: Tensor) -> None:
        """Add strength times the change to a weight, fp32, in place."""
        weight.add_(self.change(), alpha=self.strength)

    def bias_change(self) -> Tensor | None:
        """Return strength times the difference of the bias that the file has; None where it has none."""
        bias = self._tensors.get("diff_b")
        return None if bias is None else bias.float() * self.strength

    def forward(self, x: Tensor) -> Tensor:
        """Return the base layer's output with the change added, in the type of that output."""
        if self.strength == 0:
            return self._base_forward(x)
        out = self._active_forward_below()(x)
        target = self._target[0]
        # Rounded once: its own type is fp32 and that of the product the input's, half precision wherever the base is.
        weight = self.change().mul_(self.strength).to(x.dtype)
        bias = self.bias_change()
        bias = None if bias is None else bias.to(x.dtype)
        if isinstance(target, nn.Conv2d):
            added = functional.conv2d(x, weight, bias, target.stride, target.padding, target.dilation, target.groups)
        else:
            added = functional.linear(x, weight, bias)
        return out + added.to(out.dtype)


def _check_sides(
    name: str, target: nn.Linear | nn.Conv2d, module: LoraModule, magnitude: Tensor | None, path: Path
) -> None:
    outputs, inputs, *kernel = target.weight.shape
    wanted = outputs if module.dora == "outputs" else inputs
    fits = module.fits(outputs, inputs, kernel[0] if kernel else 1)
    if not fits or (magnitude is not None and magnitude.numel() != wanted):
        raise ModelError(
            printable(str(path)),
            found=f"{printable(name, 80)} is a {module.title} of {module.up[0]} outputs and {list(module.down[1:])} inputs",
            expected=f"{outputs} and {[inputs, *kernel]}",
            way_out="it was made for another base",
        )
