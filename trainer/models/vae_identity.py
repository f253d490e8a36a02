"""Identity of a VAE by what encodes pictures, so that latents are found again whichever base has it."""

import hashlib
import weakref
from typing import Any

from trainer.models.safetensors_write import bytes_of

# Of each VAE that was asked; its weights are frozen.
_vaes: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def has_identity(vae: Any) -> bool:
    """Return whether a VAE's weights need not be there any more to know it."""
    return vae in _vaes


def vae_identity(vae: Any) -> str:
    """Return sha256 of the weights that encode: the same VAE in two bases is one."""
    known = _vaes.get(vae)
    if known is None:
        digest = hashlib.sha256(str(sorted(vae.config.items(), key=str)).encode())
        for name, weight in sorted(vae.state_dict().items()):
            if not name.startswith(("decoder.", "post_quant_conv.")):
                digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
                digest.update(bytes_of(weight))
        known = _vaes[vae] = digest.hexdigest()
    return known
