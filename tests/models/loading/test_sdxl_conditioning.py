"""SDXL's texts and sizes reach the U-Net as in diffusers' own pipeline."""

from typing import Any

import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline
from encode_text import encode_text
from library_tokenizer import DEMO, library_tokenizer
from torch import Tensor

from trainer.models.stable_diffusion.model import StableDiffusion

CAPTIONS = ["1girl, upper body, smile", "", "1girl, red dress, " * 40]


@pytest.fixture(scope="module")
def pipeline(tiny_sdxl: StableDiffusion) -> Any:
    second = library_tokenizer(DEMO)
    second.pad_token = "!"
    assert second.pad_token_id == 0
    return StableDiffusionXLPipeline(
        vae=tiny_sdxl.vae,
        text_encoder=tiny_sdxl.encoders["text_encoder"],
        text_encoder_2=tiny_sdxl.encoders["text_encoder_2"],
        tokenizer=library_tokenizer(DEMO),
        tokenizer_2=second,
        unet=tiny_sdxl.unet,
        scheduler=EulerDiscreteScheduler(),
        add_watermarker=False,
    )


def difference(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


def test_texts_are_encoded_as_in_diffusers_pipeline(tiny_sdxl: StableDiffusion, pipeline: Any) -> None:
    embeddings, _, pooled, _ = pipeline.encode_prompt(CAPTIONS, device="cpu", do_classifier_free_guidance=False)
    text = encode_text(tiny_sdxl, CAPTIONS, 1)
    assert text.pooled is not None
    assert (text.embeddings.shape, text.pooled.shape) == ((3, 77, 80), (3, 24))
    assert difference(text.embeddings, embeddings) < 1e-6
    assert difference(text.pooled, pooled) < 1e-6


def test_clip_skip_changes_nothing(tiny_sdxl: StableDiffusion) -> None:
    one, two = (encode_text(tiny_sdxl, CAPTIONS, clip_skip) for clip_skip in (1, 2))
    assert torch.equal(one.embeddings, two.embeddings)


def test_the_unet_gets_pooled_text_and_sizes_as_from_diffusers_pipeline(
    tiny_sdxl: StableDiffusion, pipeline: Any
) -> None:
    original, crop, target = (900, 600), (0, 37), (96, 64)
    ids = pipeline._get_add_time_ids(original, crop, target, torch.float32, text_encoder_projection_dim=24)
    text = encode_text(tiny_sdxl, CAPTIONS[:1], 1)
    noisy = torch.randn(1, 4, 16, 8, generator=torch.Generator().manual_seed(0))
    times = torch.tensor([500])
    added = {"text_embeds": text.pooled, "time_ids": ids}
    theirs = tiny_sdxl.unet(noisy, times, text.embeddings, added_cond_kwargs=added).sample
    ours = tiny_sdxl.predict(noisy, times, text, torch.tensor([[*original, *crop, *target]]))
    assert difference(ours, theirs) < 1e-6


@pytest.mark.parametrize("changed", range(6))
def test_each_size_is_heard(tiny_sdxl: StableDiffusion, changed: int) -> None:
    text = encode_text(tiny_sdxl, CAPTIONS[:1], 1)
    noisy, times = torch.ones(1, 4, 16, 8), torch.tensor([500])
    sizes = torch.tensor([[900, 600, 0, 37, 96, 64]])
    other = sizes.clone()
    other[0, changed] += 8
    before, after = (tiny_sdxl.predict(noisy, times, text, told) for told in (sizes, other))
    assert difference(after, before) > 1e-5
