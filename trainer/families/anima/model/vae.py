"""Qwen-Image's VAE for single pictures: its convolutions over time see one frame, of which only their last slice counts."""

from typing import Any

from diffusers import AutoencoderKLQwenImage
from diffusers.models.autoencoders.autoencoder_kl_qwenimage import QwenImageCausalConv3d
from torch import Tensor, nn
from torch.nn import functional


class FrameConv(QwenImageCausalConv3d):  # type: ignore[misc]  # diffusers is untyped
    """A causal convolution over one frame: what lies before it is zeros, so two thirds of the products are with nothing."""

    def forward(self, x: Tensor, cache_x: Tensor | None = None) -> Tensor:
        """Return [batch, channels, 1, height, width] of the same; with more frames, or some before it, diffusers' own."""
        if cache_x is not None or x.shape[2] != 1 or self.stride[0] != 1:
            found: Tensor = super().forward(x, cache_x)
            return found
        right, bottom = self._padding[0], self._padding[2]
        return functional.conv2d(
            x.squeeze(2), self.weight[:, :, -1], self.bias, self.stride[1:], (bottom, right)
        ).unsqueeze(2)


class FrameVae(AutoencoderKLQwenImage):  # type: ignore[misc]  # diffusers is untyped
    """diffusers' VAE without the memory of frames before, which a picture has none of: the copies double what it takes."""

    def clear_cache(self) -> None:
        """Keep nothing from frame to frame."""
        self._conv_num = self._enc_conv_num = 0
        self._conv_idx, self._enc_conv_idx = [0], [0]
        self._feat_map = self._enc_feat_map = None


def for_frames(vae: Any) -> Any:
    """Make diffusers' VAE one for single pictures, in place; weights, names and outputs stay."""
    for module in vae.modules():
        if type(module) is QwenImageCausalConv3d:
            module.__class__ = FrameConv
    vae.__class__ = FrameVae
    return vae


def factor_of(vae: nn.Module) -> int:
    """Return how many pixels a latent stands for, in each direction."""
    return int(2 ** len(vae.temperal_downsample))  # type: ignore[arg-type]  # diffusers is untyped
