from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.network.draws import generator_for
from trainer.network.injection import LayerRules, LoraNetwork, inject
from trainer.settings.parts import all_parts
from trainer.settings.subject import DEMO_BASE

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo() -> StableDiffusion:
    return load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)


@pytest.fixture
def network(demo: StableDiffusion) -> Iterator[LoraNetwork]:
    """A network of rank 4 and alpha 2 on the demo base whose change is plainly visible."""
    network = inject(demo, LayerRules(4, 2), seed=1, parts=all_parts())
    for layer in network:
        up = torch.randn(layer.up.shape, generator=generator_for(2, layer.name))
        layer.up.data.copy_(up * 0.1)
    yield network
    network.remove()


@pytest.fixture(scope="session")
def tiny_sd1() -> SimpleNamespace:
    """SD1.x in small, of random weights: two blocks each way, projections that are 1x1 convolutions, one text encoder."""
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            block_out_channels=(32, 64),
            layers_per_block=1,
            attention_head_dim=4,
            cross_attention_dim=32,
        )
        return SimpleNamespace(family="sd1", body=frozen(unet), encoders={"text_encoder": frozen(clip())})


@pytest.fixture(scope="session")
def tiny_sdxl() -> SimpleNamespace:
    """SDXL in small, of random weights: its arrangement of blocks, linear projections, two text encoders, sizes as a condition."""
    from diffusers import UNet2DConditionModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            block_out_channels=(32, 64, 64),
            layers_per_block=2,
            transformer_layers_per_block=[1, 2, 3],
            attention_head_dim=[2, 4, 4],
            cross_attention_dim=64,
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=32 + 6 * 8,
        )
        encoders = {"text_encoder": frozen(clip()), "text_encoder_2": frozen(clip(projected=True))}
        return SimpleNamespace(family="sdxl", body=frozen(unet), encoders=encoders)


def clip(*, projected: bool = False) -> nn.Module:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    config = CLIPTextConfig(
        vocab_size=99,
        hidden_size=32,
        intermediate_size=64,
        num_attention_heads=2,
        num_hidden_layers=3,
        projection_dim=32,
        bos_token_id=97,
        eos_token_id=98,
        pad_token_id=98,
    )
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config)


def frozen(module: Any) -> Any:
    return module.requires_grad_(False).eval()
