"""What does a training step work with? The loaded base, the LoRA on it and the optimizer, put away at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from trainer.bake.accelerator import fresh_accelerator
from trainer.bake.ground import Ground
from trainer.bake.optimizer import make_optimizer
from trainer.bake.pace import memory_format, settled
from trainer.bake.precision import Precision, check_xformers
from trainer.models.sd1 import SD1, load_sd1
from trainer.network.injection import LoraNetwork, inject
from trainer.plan.plan import Plan
from trainer.settings.model import Settings


@dataclass(frozen=True)
class Workbench:
    """What a training step works with.

    Attributes:
        settings, plan: what was asked for.
        accelerator: accelerate's: autocast, backward, clipping, device.
        precision: the one in force.
        model: the frozen base.
        network: the LoRA, attached to it.
        optimizer: over the trained parts, wrapped by the accelerator.
        trains_text_encoder: whether gradients must reach the text encoder.
    """

    settings: Settings
    plan: Plan
    accelerator: Any
    precision: Precision
    model: SD1
    network: LoraNetwork
    optimizer: Any
    trains_text_encoder: bool


@contextmanager
def workbench(settings: Settings, ground: Ground) -> Iterator[Workbench]:
    """Load the base, put the LoRA on it, and take both apart when the block ends.

    Raises:
        SettingsError, DeviceError, ModelError: the machine or the base cannot do what the settings ask.
    """
    accelerator, precision = fresh_accelerator(settings.mixed_precision)
    if settings.xformers:
        check_xformers(accelerator.device)
    model = load_sd1(ground.base, device=accelerator.device, dtype=precision.dtype)
    model.unet.to(memory_format=memory_format(precision.dtype))
    if settings.xformers:
        model.unet.enable_xformers_memory_efficient_attention()
    if settings.gradient_checkpointing:
        model.enable_checkpointing()
    network = inject(
        model,
        settings.network_dim,
        settings.alpha,
        settings.seed,
        unet=settings.trains_unet,
        text_encoder=settings.trains_text_encoder,
    )
    try:
        with settled(model.unet):
            optimizer = accelerator.prepare(make_optimizer(network, settings))
            yield Workbench(
                settings=settings,
                plan=ground.plan,
                accelerator=accelerator,
                precision=precision,
                model=model,
                network=network,
                optimizer=optimizer,
                trains_text_encoder=settings.text_encoder_rate > 0,
            )
    finally:
        network.remove()
        accelerator.free_memory()
        if accelerator.device.type == "cuda":
            torch.cuda.empty_cache()
