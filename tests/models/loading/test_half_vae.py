"""A VAE in half precision that overflows is met with a wider type, seen on one picture."""

import copy

import pytest
import torch
from torch import Tensor, nn

from trainer.models.stable_diffusion.model import StableDiffusion

# A grey picture is 0.004 to the VAE, a white one 1: only the white one overflows.
GREY, WHITE = torch.full((64, 64, 3), 128, dtype=torch.uint8), torch.full((64, 64, 3), 255, dtype=torch.uint8)


@pytest.fixture
def loud(demo: StableDiffusion) -> StableDiffusion:
    """The demo base with a VAE in fp16 whose first layer is so loud that white overflows."""
    model = copy.deepcopy(demo)
    weight = model.vae.encoder.conv_in.weight
    # As loud as fp16 can hold: what it makes of white, a sum of 27 of these, it cannot.
    weight.mul_(6e4 / weight.abs().max())
    model.vae.to(torch.float16)
    return model


@pytest.fixture
def exact(loud: StableDiffusion) -> StableDiffusion:
    """The same weights in fp32."""
    model = copy.deepcopy(loud)
    model.vae.to(torch.float32)
    return model


def spoil_bf16(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
    return output * float("nan") if output.dtype == torch.bfloat16 else output


def test_what_fits_stays_in_half(loud: StableDiffusion, exact: StableDiffusion) -> None:
    latents = loud.encode_pictures(GREY[None])
    assert (loud.vae.dtype, loud.vae_notes) == (torch.float16, [])
    assert torch.allclose(latents, exact.encode_pictures(GREY[None]), atol=0.05)


def test_a_picture_that_overflows_is_encoded_again_in_bf16_and_reported(
    loud: StableDiffusion, exact: StableDiffusion
) -> None:
    in_half = loud.encode_pictures(GREY[None])
    pixels = torch.stack([GREY, WHITE])
    latents = loud.encode_pictures(pixels)
    assert loud.vae.dtype == torch.bfloat16
    assert torch.allclose(latents[1], exact.encode_pictures(pixels)[1], atol=0.1)
    # The picture that fitted keeps what it had.
    assert torch.allclose(latents[0], in_half[0], atol=0.01)
    assert loud.vae_notes == [
        "the VAE overflows in fp16 on 1 picture: this and all after encoded in bf16",
    ]


def test_the_vae_stays_in_the_wider_type(loud: StableDiffusion) -> None:
    loud.encode_pictures(WHITE[None])
    loud.encode_pictures(GREY[None])
    loud.encode_pictures(WHITE[None])
    assert (loud.vae.dtype, len(loud.vae_notes)) == (torch.bfloat16, 1)


def test_where_bf16_fails_too_fp32_has_the_digits_of_the_first_weights(
    loud: StableDiffusion, exact: StableDiffusion
) -> None:
    loud.vae.encoder.conv_in.register_forward_hook(spoil_bf16)
    latents = loud.encode_pictures(WHITE[None])
    assert loud.vae.dtype == torch.float32
    assert torch.equal(latents, exact.encode_pictures(WHITE[None]))
    assert loud.vae_notes[0].endswith("in fp32")


def test_no_number_in_fp32_is_left_to_the_caller(demo: StableDiffusion) -> None:
    model = copy.deepcopy(demo)
    model.vae.encoder.conv_in.weight.fill_(float("inf"))
    assert not bool(torch.isfinite(model.encode_pictures(WHITE[None])).any())
    assert model.vae_notes == []
