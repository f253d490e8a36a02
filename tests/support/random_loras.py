"""LoRA files of random numbers whose change is plain to see in a picture."""

from collections.abc import Collection
from pathlib import Path

import torch

from trainer.models.stable_diffusion.model import StableDiffusion
from trainer.network.draws import generator_for
from trainer.network.injection import LayerRules, inject
from trainer.network.lora_file import save_lora
from trainer.settings.parts import Part, all_parts


def write_random_lora(
    path: Path,
    model: StableDiffusion,
    *,
    seed: int = 1,
    rules: LayerRules | None = None,
    parts: Collection[Part] = all_parts(),
    size: float = 0.1,
) -> Path:
    """Write a LoRA for `model` in fp32 and return its path.

    Args:
        path: the .safetensors file.
        model: what it fits on.
        seed: another one gives another change.
        rules: ranks and alphas; rank 4 and alpha 2 where left out.
        parts: which parts it has layers for.
        size: of the numbers in the up layers.
    """
    network = inject(model, rules or LayerRules(4, 2.0), seed=seed, parts=parts)
    try:
        for layer in network:
            up = torch.randn(layer.up.shape, generator=generator_for(seed, "random", layer.name))
            layer.up.data.copy_(up * size)
        save_lora(network, path, precision="float", metadata={})
    finally:
        network.remove()
    return path
