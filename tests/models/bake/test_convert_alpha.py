"""alpha = dim against its conversion to alpha 1: the same training, on a U-Net of random weights with our layers and optimizers.

The figures on the demo base, and with clipping, are in docs/experiments.md.
"""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from trainer.bake.optimizer import make_optimizer
from trainer.network.injection import LayerRules, inject
from trainer.settings.convert import convert_alpha
from trainer.settings.model import Settings

STEPS, DIM = 60, 8
RATES = {"AdamW": 1e-3, "Lion": 1e-4, "Adafactor": 1e-3}


@pytest.fixture(scope="module")
def base() -> SimpleNamespace:
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            down_block_types=("CrossAttnDownBlock2D",),
            up_block_types=("CrossAttnUpBlock2D",),
            block_out_channels=(32,),
            layers_per_block=1,
            attention_head_dim=4,
            cross_attention_dim=16,
        )
    return SimpleNamespace(family="sd1", body=unet.requires_grad_(False).eval(), encoders={})


def settings_of(optimizer: str, **values: Any) -> Settings:
    arguments = ["weight_decay=0"]
    chosen = {"optimizer_type": optimizer, "optimizer_args": arguments, "unet_lr": RATES[optimizer], "max_grad_norm": 0}
    alike = {"network_dim": DIM, "network_alpha": DIM, "network_train_unet_only": True}
    return Settings.model_validate({**chosen, **alike, **values})


def trained(base: Any, settings: Settings, steps: int = STEPS) -> Tensor:
    """Return all changes of the base's weights, in one row, after some steps of noise prediction in fp32."""
    network = inject(base, LayerRules.of(settings), 0, ["unet"])
    try:
        optimizer = make_optimizer(network, settings, "sd1")
        for step in range(steps):
            generator = torch.Generator().manual_seed(step)
            noisy, noise = (torch.randn(2, 4, 8, 8, generator=generator) for _ in range(2))
            text = torch.randn(2, 5, 16, generator=generator)
            times = torch.randint(0, 1000, (2,), generator=generator)
            nn.functional.mse_loss(base.body(noisy, times, text).sample, noise).backward()
            optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad():
            changes = [layer.up.flatten(1) @ layer.down.flatten(1) * layer.alpha / layer.rank for layer in network]
        return torch.cat([change.flatten() for change in changes])
    finally:
        network.remove()


def apart(one: Tensor, other: Tensor) -> float:
    """Return how far `other` lies from `one`, as a share of its length."""
    return float((one - other).norm() / one.norm())


@pytest.fixture(scope="module")
def by_adamw(base: Any) -> Tensor:
    return trained(base, settings_of("AdamW"))


def test_the_conversion_to_alpha_1_trains_the_same_change(base: Any, by_adamw: Tensor) -> None:
    assert apart(by_adamw, trained(base, convert_alpha(settings_of("AdamW"), 1))) < 0.02


def test_the_same_factor_on_both_rates_does_not(base: Any, by_adamw: Tensor) -> None:
    naive = {"network_alpha": 1.0, "unet_lr": DIM * RATES["AdamW"]}
    assert apart(by_adamw, trained(base, settings_of("AdamW", **naive))) > 0.5


@pytest.mark.parametrize("optimizer", ["Lion", "Adafactor"])
def test_the_conversion_holds_for_every_optimizer_that_does_not_see_a_gradients_length(
    base: Any, optimizer: str
) -> None:
    settings = settings_of(optimizer)
    alone = settings.model_copy(update={"network_alpha": 3.0})
    wanted, converted, changed = (trained(base, one, 10) for one in (settings, convert_alpha(settings, 3), alone))
    assert apart(wanted, converted) < 0.02
    assert apart(wanted, changed) > 0.5
