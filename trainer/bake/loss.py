"""How wrong is a prediction? The loss of each picture in a batch."""

import torch
from torch import Tensor


def picture_losses(predicted: Tensor, noise: Tensor) -> Tensor:
    """Return the mean squared error of each picture, fp32 [batch] (Ho et al. 2020, eq. 14).

    Args:
        predicted: [batch, 4, height/f, width/f], any float type.
        noise: the noise that was added, same shape.
    """
    return (predicted.float() - noise).square().mean(dim=(1, 2, 3))


def min_snr_weights(alphas_cumprod: Tensor, times: Tensor, gamma: float | None) -> Tensor | float:
    """Return min(SNR, gamma) / SNR for each picture, fp32 [batch]; 1 where gamma is None (Hang et al. 2023, eq. 8).

    Args:
        alphas_cumprod: [1000]; SNR at a time is a / (1 - a).
        times: int64 [batch].
        gamma: the setting min_snr_gamma.
    """
    if gamma is None:
        return 1.0
    signal = alphas_cumprod[times]
    snr = signal / (1 - signal)
    return torch.clamp(snr, max=gamma) / snr
