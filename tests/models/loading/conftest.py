import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.model import StableDiffusion, load_base
from trainer.settings.subject import DEMO_BASE

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def demo() -> StableDiffusion:
    return load_base(identify_base(DEMO_BASE), device="cpu", dtype=torch.float32)


@pytest.fixture(scope="session")
def tiny_sdxl(demo: StableDiffusion) -> StableDiffusion:
    """SDXL's parts with random weights and small widths, on the demo's vocabulary."""
    torch.manual_seed(0)
    words = {"vocab_size": 1642, "bos_token_id": 1640, "eos_token_id": 1641}
    small = {"num_attention_heads": 2, "intermediate_size": 64, **words}
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(2, 4, 4),
        cross_attention_dim=32 + 48,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24 + 6 * 8,
    )
    first = CLIPTextModel(CLIPTextConfig(hidden_size=32, num_hidden_layers=3, pad_token_id=1641, **small))
    second = CLIPTextModelWithProjection(
        CLIPTextConfig(
            hidden_size=48, num_hidden_layers=4, projection_dim=24, hidden_act="gelu", pad_token_id=0, **small
        )
    )
    vae = AutoencoderKL(block_out_channels=(32, 32), latent_channels=4, scaling_factor=0.13025, norm_num_groups=8)
    for module in (unet, first, second, vae):
        module.requires_grad_(False)
        module.eval()
    tokenizer = demo.tokenizers["text_encoder"]
    return StableDiffusion(
        "sdxl",
        unet,
        {"text_encoder": first, "text_encoder_2": second},
        vae,
        {"text_encoder": tokenizer, "text_encoder_2": tokenizer},
    )
