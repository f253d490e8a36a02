"""diffusers with peft as the reference: our file, loaded there, must change the model as our layers do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.made_lora import NO_ALPHA, Output
from trainer.lora_tools.references import LoraReference
from trainer.lora_tools.resize import resize_lora
from trainer.models.identify import identify_base
from trainer.models.lora_header import read_lora_header
from trainer.models.stable_diffusion.model import StableDiffusion
from trainer.network.injection import LoraNetwork
from trainer.network.lora_file import network_from_file, save_lora

TIMES = torch.tensor([10, 700])
NOISY = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(3))
TEXT = torch.randn(2, 77, 96, generator=torch.Generator().manual_seed(4))


@pytest.fixture
def pipeline(network: LoraNetwork, tmp_path: Path) -> Iterator[Any]:
    from diffusers import StableDiffusionPipeline

    save_lora(network, tmp_path / "x.safetensors", precision="float", metadata={})
    pipeline = StableDiffusionPipeline.from_pretrained(
        identify_base("demo").path, safety_checker=None, local_files_only=True, dtype=torch.float32
    )
    pipeline.load_lora_weights(tmp_path, weight_name="x.safetensors", adapter_name="ours")
    yield pipeline


@torch.no_grad()
def outputs(unet: Any, text_encoder: Any, tokens: Tensor) -> tuple[Tensor, Tensor]:
    return unet(NOISY, TIMES, TEXT, return_dict=False)[0], text_encoder(tokens).last_hidden_state


@pytest.mark.parametrize(("unet", "text_encoder"), [(1.0, 1.0), (0.5, 0.5), (0.3, 1.2)])
def test_unet_and_text_encoder_give_the_same_output(
    demo: StableDiffusion, network: LoraNetwork, pipeline: Any, unet: float, text_encoder: float
) -> None:
    tokens = demo.tokenize(["1girl, smile", "1girl, red dress"])[:, 0, 0]
    network.unet_strength = network.text_encoder_strength = 0.0
    base = outputs(demo.unet, demo.text_encoder, tokens)
    network.unet_strength, network.text_encoder_strength = unet, text_encoder
    ours = outputs(demo.unet, demo.text_encoder, tokens)
    pipeline.set_adapters("ours", {"unet": unet, "text_encoder": text_encoder})
    theirs = outputs(pipeline.unet, pipeline.text_encoder, tokens)
    for plain, own, reference in zip(base, ours, theirs, strict=True):
        effect = (own - plain).abs().max()
        assert effect > 0.01
        assert (own - reference).abs().max() / effect <= 1e-4


def test_a_file_of_different_ranks_without_alphas_gives_the_same_output_too(
    demo: StableDiffusion, network: LoraNetwork, tmp_path: Path
) -> None:
    """With alphas diffusers scales modules wrongly wherever these differ between modules."""
    from diffusers import StableDiffusionPipeline

    save_lora(network, tmp_path / "x.safetensors", precision="float", metadata={})
    source = LoraReference(tmp_path / "x.safetensors", "x")
    resize_lora(source, RankRule(energy=0.6), Output(tmp_path / "y.safetensors", alpha=NO_ALPHA))
    assert len({module.rank for module in read_lora_header(tmp_path / "y.safetensors").modules.values()}) > 1
    tokens = demo.tokenize(["1girl, smile", "1girl, red dress"])[:, 0, 0]
    network.unet_strength = network.text_encoder_strength = 0.0
    base = outputs(demo.unet, demo.text_encoder, tokens)
    resized = network_from_file(demo, tmp_path / "y.safetensors")
    ours = outputs(demo.unet, demo.text_encoder, tokens)
    resized.remove()
    pipeline = StableDiffusionPipeline.from_pretrained(
        identify_base("demo").path, safety_checker=None, local_files_only=True, dtype=torch.float32
    )
    pipeline.load_lora_weights(tmp_path, weight_name="y.safetensors", adapter_name="ours")
    theirs = outputs(pipeline.unet, pipeline.text_encoder, tokens)
    for plain, own, reference in zip(base, ours, theirs, strict=True):
        assert (own - reference).abs().max() / (own - plain).abs().max() <= 1e-4
