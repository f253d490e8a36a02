"""How do latents become pictures? Through the VAE, one at a time, in tiles where the memory is too little for the whole."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.models.stable_diffusion import TYPE_NAMES, StableDiffusion, wider_types
from trainer.sampling.compute_setup import free_memory

Pixels = NDArray[np.uint8]

# The layers at the picture's full size begin on the width of the level below. Measured with SD1.5's VAE on a CPU at 256² and
# 384²: 3.7 tensors of that width at once, 3.8 kB a pixel in fp32; the rest is for what a card's convolutions take besides.
_TENSORS_AT_ONCE = 6

# Pixels on a side, the larger first. Norms see a tile alone, so that large ones come nearer to the whole.
_TILES = (512, 256)


@torch.no_grad()
def decode(model: StableDiffusion, latents: Tensor) -> list[Pixels]:
    """Return the pictures of latents, uint8 [height, width, 3] each; what is no number becomes black.

    A VAE in half precision that overflows goes over to a wider type, see StableDiffusion.encode_pictures.

    Args:
        model: its VAE is brought to the model's device and back where it was put away.
        latents: fp32 [batch, 4, height/f, width/f], scaled.
    """
    usable = torch.isfinite(latents).flatten(1).all(dim=1).tolist()
    with _vae_there(model):
        return [_decoded(model, latents[index : index + 1], usable[index]) for index in range(len(latents))]


def picture_factor(model: StableDiffusion) -> int:
    """Return how many pixels a latent stands for, in each direction."""
    return int(2 ** (len(model.vae.config.block_out_channels) - 1))


def decoding_bytes(model: StableDiffusion, height: int, width: int) -> int:
    """Return about how much memory the decoding of a picture takes besides the VAE's weights.

    Args:
        model: gives the VAE's widths and type.
        height, width: pixels.
    """
    widths = model.vae.config.block_out_channels
    return int(_TENSORS_AT_ONCE * widths[min(1, len(widths) - 1)] * height * width * model.vae.dtype.itemsize)


def _decoded(model: StableDiffusion, latents: Tensor, usable: bool) -> Pixels:
    image = _fitting(model, latents)
    if model.vae.dtype != torch.float32 and usable and not bool(torch.isfinite(image).all()):
        image = _wider(model, latents)
    pixels = (image[0].float() * 127.5 + 127.5).nan_to_num(0.0).clamp(0, 255).round().to(torch.uint8)
    array: Pixels = pixels.permute(1, 2, 0).contiguous().cpu().numpy()
    return array


def _wider(model: StableDiffusion, latents: Tensor) -> Tensor:
    """Return the picture from a wider type; the VAE stays in it."""
    narrow = model.vae
    for dtype in wider_types(narrow):
        model.vae = copy.deepcopy(narrow).to(dtype)
        image = _fitting(model, latents)
        if bool(torch.isfinite(image).all()):
            break
    model.vae_notes.append(
        f"the VAE overflows in {TYPE_NAMES[narrow.dtype]} on 1 picture: "
        f"decoded again, and all after, in {TYPE_NAMES[model.vae.dtype]}"
    )
    return image


def _fitting(model: StableDiffusion, latents: Tensor) -> Tensor:
    """Return what the VAE makes of latents, whole or in the largest tiles that there is room for."""
    factor = picture_factor(model)
    height, width = latents.shape[-2] * factor, latents.shape[-1] * factor
    free = free_memory(model.vae.device)
    tile = next((side for side in _TILES if decoding_bytes(model, side, side) <= free), _TILES[-1])
    if decoding_bytes(model, height, width) <= free:
        try:
            return _through(model, latents)
        except torch.OutOfMemoryError:
            # The estimate is no promise; tiles get their chance before the batch is given up.
            torch.cuda.empty_cache()
            tile = _TILES[-1]
    with _tiled(model.vae, tile, tile // factor):
        return _through(model, latents)


def _through(model: StableDiffusion, latents: Tensor) -> Tensor:
    vae = model.vae
    image: Tensor = vae.decode((latents / model.scaling).to(vae.device, vae.dtype), return_dict=False)[0]
    return image


@contextmanager
def _tiled(vae: Any, pixels: int, latents: int) -> Iterator[None]:
    """Let the VAE decode in overlapping tiles of `pixels` on a side while the block lasts."""
    names = ("use_tiling", "tile_sample_min_size", "tile_latent_min_size")
    before = [getattr(vae, name) for name in names]
    vae.use_tiling, vae.tile_sample_min_size, vae.tile_latent_min_size = True, pixels, latents
    try:
        yield
    finally:
        for name, value in zip(names, before, strict=True):
            setattr(vae, name, value)


@contextmanager
def _vae_there(model: StableDiffusion) -> Iterator[None]:
    """Have the VAE on the model's device while the block lasts."""
    away = model.vae.device != model.device
    if away:
        model.vae.to(model.device)
    try:
        yield
    finally:
        if away:
            model.put_vae_away()
