"""What applies the gradients? AdamW with a group per trained part."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainer.errors import SettingsError
from trainer.models.kohya_names import Part
from trainer.network.injection import LoraNetwork
from trainer.settings.model import Settings

if TYPE_CHECKING:
    from trainer.bake.workbench import Workbench


def make_optimizer(network: LoraNetwork, settings: Settings) -> torch.optim.AdamW:
    """Return AdamW over the network's trained parts; a part of rate 0 gets no group and no gradients.

    Each group carries its `part` and its `peak` rate, which the schedule scales.

    Raises:
        SettingsError: no part has a rate.
    """
    rates: dict[Part, float] = {"unet": settings.unet_rate, "text_encoder": settings.text_encoder_rate}
    trained = {part for part, rate in rates.items() if rate > 0}
    if not trained:
        raise SettingsError(
            "unet_lr",
            found="both rates are 0, nothing would be learned",
            expected="a rate above 0",
            way_out="set unet_lr or text_encoder_lr",
        )
    network.train_only(trained)
    groups = [
        {"params": network.parameters(part), "lr": rate, "peak": rate, "part": part}
        for part, rate in rates.items()
        if part in trained
    ]
    # One fused kernel instead of a dozen small ones for each of up to 528 tensors; CPU and CUDA have it.
    return torch.optim.AdamW(groups, fused=True, **settings.optimizer_options)  # type: ignore[arg-type]  # the options' names decide their types; Settings checked them


def skip_unless_finite(bench: "Workbench", grad_norm: Tensor) -> None:
    """Let the next optimizer step change nothing, moments included, where the gradient is not finite; decided on the device.

    The fused kernels take a flag for it, which is how the gradient scaler of fp16 skips its steps; with a scaler that one decides.

    Args:
        bench: its optimizer steps next.
        grad_norm: length of the gradient, scalar.
    """
    if bench.accelerator.scaler is not None:
        return
    inner = bench.optimizer.optimizer
    inner.grad_scale = None
    inner.found_inf = (~torch.isfinite(grad_norm)).float()
