"""Decoding of latents: through the VAE, small pictures together, in tiles where the memory is too small for all of one at once."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.models.base_model import TYPE_NAMES, BaseModel, wider_types
from trainer.sampling.compute_setup import free_memory

Pixels = NDArray[np.uint8]

# Pixels on a side, the larger first. Norms see a tile alone, so that large ones come nearer to the whole.
_TILES = (512, 256)

# Pixels decoded at once: eight pictures of 64² take half the time of one after the other (demo, one core: 46 and 89 ms), those of 256²
# as long, and more memory.
_PIXELS_AT_ONCE = 8 * 64 * 64


@torch.no_grad()
def decode(model: BaseModel, latents: Tensor) -> list[Pixels | None]:
    """Return the pictures of latents, uint8 [height, width, 3] each; None for one with a value that is NaN or infinite.

    A VAE in half precision that overflows goes over to a wider type, see BaseModel.encode_pictures.

    Args:
        model: its VAE is brought to the model's device and back where it was put away.
        latents: fp32 [batch, channels, height/f, width/f], as the body knows them.
    """
    usable = torch.isfinite(latents).flatten(1).all(dim=1).nonzero().flatten().tolist()
    pictures: list[Pixels | None] = [None] * len(latents)
    size = latents.shape[-2] * latents.shape[-1] * model.latent_factor**2
    at_once = max(1, _PIXELS_AT_ONCE // size)
    with _vae_there(model):
        for start in range(0, len(usable), at_once):
            group = usable[start : start + at_once]
            for index, picture in zip(group, _together(model, latents[group]), strict=True):
                pictures[index] = picture
    return pictures


def _together(model: BaseModel, latents: Tensor) -> list[Pixels | None]:
    height, width = (side * model.latent_factor for side in latents.shape[-2:])
    if len(latents) > 1 and len(latents) * model.decoding_bytes(height, width) <= free_memory(model.vae.device):
        images = _through(model, latents)
        if bool(torch.isfinite(images).all()):
            return [_pixels(image) for image in images]
    # One that overflows is found alone.
    return [_decoded(model, latents[index : index + 1]) for index in range(len(latents))]


def _decoded(model: BaseModel, latents: Tensor) -> Pixels | None:
    image = _fitting(model, latents)
    if model.vae.dtype != torch.float32 and not bool(torch.isfinite(image).all()):
        image = _wider(model, latents)
    if not bool(torch.isfinite(image).all()):
        return None
    return _pixels(image[0])


def _pixels(image: Tensor) -> Pixels:
    pixels = (image.float() * 127.5 + 127.5).clamp(0, 255).round().to(torch.uint8)
    array: Pixels = pixels.permute(1, 2, 0).contiguous().cpu().numpy()
    return array


def _wider(model: BaseModel, latents: Tensor) -> Tensor:
    """Return the picture from a wider type; the VAE stays in it."""
    narrow = model.vae
    for dtype in wider_types(narrow):
        model.vae = copy.deepcopy(narrow).to(dtype)
        image = _fitting(model, latents)
        if bool(torch.isfinite(image).all()):
            break
    model.vae_notes.append(
        f"the VAE overflows in {TYPE_NAMES[narrow.dtype]} on 1 picture: "
        f"this and all after decoded in {TYPE_NAMES[model.vae.dtype]}"
    )
    return image


def _fitting(model: BaseModel, latents: Tensor) -> Tensor:
    """Return what the VAE makes of latents, whole or in the largest tiles that there is room for."""
    factor = model.latent_factor
    height, width = latents.shape[-2] * factor, latents.shape[-1] * factor
    free = free_memory(model.vae.device)
    tile = next((side for side in _TILES if model.decoding_bytes(side, side) <= free), _TILES[-1])
    if model.decoding_bytes(height, width) <= free:
        try:
            return _through(model, latents)
        except torch.OutOfMemoryError:
            # The estimate is no promise; tiles get their chance before the batch is given up.
            torch.cuda.empty_cache()
            tile = _TILES[-1]
    with model.tiled(tile):
        return _through(model, latents)


def _through(model: BaseModel, latents: Tensor) -> Tensor:
    return model.vae_decode(model.raw(latents).to(model.vae.device, model.vae.dtype))


@contextmanager
def _vae_there(model: BaseModel) -> Iterator[None]:
    """Have the VAE on the model's device while the block lasts."""
    away = model.vae.device != model.device
    if away:
        model.bring_vae()
    try:
        yield
    finally:
        if away:
            model.put_vae_away()
