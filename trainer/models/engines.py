"""Loading a base of any family: the record of the family names the module that can."""

import importlib
from typing import cast

import torch

from trainer.families.registry import family_record
from trainer.lean.quantized import Kind
from trainer.models.base_model import BaseLoader, BaseModel
from trainer.models.identify import Base


def load_base(
    base: Base,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
    waiting: bool = False,
) -> BaseModel:
    """Load `base`, without network, prints or gradients; its schedule is the family's usual one until something else is decided.

    Args:
        base: from identify_base.
        device: where the parts compute.
        dtype: type of body and text encoders; weights are read straight into it.
        vae: path of a VAE to take in place of the base's.
        vae_dtype: type of the VAE; fp16 overflows in several of them.
        quantized: in which 8 bits the large weights of body and text encoders are held; None for `dtype`.
        waiting: whether the parts wait in the computer's memory until they are brought to the device.

    Raises:
        ModelError: a part cannot be loaded.
    """
    return _engine(base).load_base(
        base, device=device, dtype=dtype, vae=vae, vae_dtype=vae_dtype, quantized=quantized, waiting=waiting
    )


def load_shapes(
    base: Base,
    *,
    dtype: torch.dtype,
    vae: str = "",
    vae_dtype: torch.dtype = torch.float32,
    quantized: Kind | None = None,
) -> BaseModel:
    """Return the modules that load_base would fill, on the meta device: all shapes and types, no number.

    Nothing of it moves, and any words are the same tokens.

    Args:
        base, dtype, vae, vae_dtype, quantized: as for load_base.

    Raises:
        ModelError: a weight is missing or of another shape, or a config cannot be used.
    """
    return _engine(base).load_shapes(base, dtype=dtype, vae=vae, vae_dtype=vae_dtype, quantized=quantized)


def _engine(base: Base) -> BaseLoader:
    return cast(BaseLoader, importlib.import_module(family_record(base.family).engine))
