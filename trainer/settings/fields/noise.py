"""What may be asked of noise, times and loss?"""

from typing import Literal

from pydantic import BaseModel

from trainer.settings.one_setting import setting


class NoiseFields(BaseModel):
    """Section Noise."""

    timestep_sampling: Literal["uniform", "logit_normal", "laplace"] = setting(
        "uniform",
        "Noise",
        "times",
        "How often each time is drawn: all alike, the middle more (logit_normal, Esser et al. 2024), or around one log-SNR (laplace, Hang et al. 2024).",
    )
    logit_mean: float = setting(0.0, "Noise", "logit mean", "Middle of logit_normal; above 0: noisier.", ge=-10, le=10)
    logit_std: float = setting(1.0, "Noise", "logit width", "Width of logit_normal.", gt=0, le=10)
    laplace_mean: float = setting(
        0.0, "Noise", "laplace mean", "The log-SNR that laplace draws around; below 0: noisier.", ge=-20, le=20
    )
    laplace_scale: float = setting(
        0.5, "Noise", "laplace width", "Width of laplace in log-SNR; 0.5 is the paper's.", gt=0, le=20
    )
    min_timestep: int = setting(0, "Noise", "first time", "No time below this is drawn.", ge=0, le=999)
    max_timestep: int = setting(1000, "Noise", "last time", "No time from this on is drawn.", ge=1, le=1000)
    noise_offset: float = setting(
        0.0,
        "Noise",
        "noise offset",
        "Adds this much of one random value per channel to the noise, so that very dark and bright pictures can be learned. 0: off.",
        ge=0,
        le=1,
    )
    noise_offset_random_strength: bool = setting(
        False, "Noise", "random offset", "Draw the offset of each batch between 0 and noise_offset."
    )
    adaptive_noise_scale: float | None = setting(
        None,
        "Noise",
        "by the picture",
        "Added to the offset times the mean of the picture's latents. Blank: off.",
        ge=-10,
        le=10,
    )
    multires_noise_iterations: int | None = setting(
        None,
        "Noise",
        "multires noise",
        "Coarser and coarser noise added this many times (Whitaker 2023); 6 is common. Blank: off.",
        unit="times",
        ge=1,
        le=32,
    )
    multires_noise_discount: float = setting(
        0.3, "Noise", "its discount", "What each coarser layer counts of the one before.", gt=0, le=1
    )
    ip_noise_gamma: float | None = setting(
        None,
        "Noise",
        "input noise",
        "Noise added to what the U-Net sees and not to what it shall predict (Ning et al. 2023; 0.1 is the paper's). Blank: off.",
        gt=0,
        le=1,
    )
    ip_noise_gamma_random_strength: bool = setting(
        False, "Noise", "random input", "Draw that of each batch between 0 and ip_noise_gamma."
    )
    loss_type: Literal["l2", "l1", "huber", "smooth_l1"] = setting(
        "l2",
        "Noise",
        "loss",
        "How an error counts: squared, plain, or squared near 0 and plain far off (huber, smooth_l1).",
    )
    huber_schedule: Literal["snr", "exponential", "constant"] = setting(
        "snr", "Noise", "huber's turn", "How the turning point huber_c runs with the time."
    )
    huber_c: float = setting(
        0.1, "Noise", "huber's c", "Where huber and smooth_l1 turn from squared to plain.", ge=1e-6, le=10
    )
    huber_scale: float = setting(
        1.0,
        "Noise",
        "huber's scale",
        "Factor on that point, for the schedules exponential and constant.",
        ge=1e-6,
        le=100,
    )
    min_snr_gamma: float | None = setting(
        None,
        "Noise",
        "min-SNR gamma",
        "Weighs a picture by min(SNR, gamma) / SNR, with v-prediction / (SNR + 1) (Hang et al. 2023; 5 is the paper's). Blank: off.",
        gt=0,
        le=1000,
    )

    snr_schedule: Literal["used", "as sd-scripts"] = setting(
        "used",
        "Noise",
        "SNR from",
        "With zero terminal SNR: take the SNR of these weights from the schedule in use, or from the one before, as sd-scripts does.",
    )
    debiased_estimation_loss: bool = setting(
        False,
        "Noise",
        "debiased",
        "Weighs a picture by 1 / sqrt(SNR), with v-prediction by 1 / (SNR + 1) (Yu et al. 2023).",
    )
    scale_v_pred_loss_like_noise_pred: bool = setting(
        False,
        "Noise",
        "v like noise",
        "With v-prediction: weighs a picture by SNR / (SNR + 1), as noise prediction would.",
    )
    v_pred_like_loss: float | None = setting(
        None,
        "Noise",
        "noise like v",
        "With noise prediction: adds this share of the loss as v-prediction would count it. Blank: off.",
        gt=0,
        le=100,
    )
