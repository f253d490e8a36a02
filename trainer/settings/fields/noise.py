"""Settings of noise, timesteps and loss."""

from typing import Literal

from pydantic import BaseModel

from trainer.settings.one_setting import EXACT, setting


class NoiseFields(BaseModel):
    """Section Noise."""

    timestep_sampling: Literal["uniform", "logit_normal", "laplace"] = setting(
        "uniform",
        "Noise",
        "timestep sampling",
        "How often each timestep is drawn: all equally, the middle more (logit_normal, Esser et al. 2024), or around one log-SNR (laplace, Hang et al. 2024).",
        memory="no",
        speed=False,
        metadata="ss_timestep_sampling",
        exactness=EXACT,
        synonyms="times, distribution, noise level",
    )
    logit_mean: float = setting(
        0.0,
        "Noise",
        "logit-normal mean",
        "Middle of logit_normal; above 0: noisier.",
        memory="no",
        speed=False,
        metadata=("ss_logit_mean",),
        exactness=EXACT,
        synonyms="timestep sampling",
        ge=-10,
        le=10,
    )
    logit_std: float = setting(
        1.0,
        "Noise",
        "logit-normal width",
        "Width of logit_normal.",
        memory="no",
        speed=False,
        metadata=("ss_logit_std",),
        exactness=EXACT,
        synonyms="timestep sampling",
        gt=0,
        le=10,
    )
    laplace_mean: float = setting(
        0.0,
        "Noise",
        "laplace mean",
        "The log-SNR at the centre of laplace; below 0: noisier.",
        memory="no",
        speed=False,
        metadata=("ss_laplace_mean",),
        exactness=EXACT,
        synonyms="timestep sampling",
        ge=-20,
        le=20,
    )
    laplace_scale: float = setting(
        0.5,
        "Noise",
        "laplace width",
        "Width of laplace in log-SNR; 0.5 is the paper's.",
        memory="no",
        speed=False,
        metadata=("ss_laplace_scale",),
        exactness=EXACT,
        synonyms="timestep sampling",
        gt=0,
        le=20,
    )
    min_timestep: int = setting(
        0,
        "Noise",
        "min timestep",
        "Timesteps below this are not drawn.",
        memory="no",
        speed=False,
        metadata="ss_min_timestep",
        exactness=EXACT,
        synonyms="first time, noise level",
        ge=0,
        le=999,
    )
    max_timestep: int = setting(
        1000,
        "Noise",
        "max timestep",
        "Timesteps from this one up are not drawn.",
        memory="no",
        speed=False,
        metadata="ss_max_timestep",
        exactness=EXACT,
        synonyms="last time, noise level",
        ge=1,
        le=1000,
    )
    noise_offset: float = setting(
        0.0,
        "Noise",
        "noise offset",
        "Adds this much of one random value per channel to the noise, so that very dark and very bright pictures can be learned. 0: off.",
        memory="no",
        speed=False,
        metadata=("ss_noise_offset",),
        exactness=EXACT,
        synonyms="dark, bright, contrast",
        ge=0,
        le=1,
    )
    noise_offset_random_strength: bool = setting(
        False,
        "Noise",
        "random noise offset",
        "Draw the offset of each batch between 0 and noise_offset.",
        memory="no",
        speed=False,
        metadata="ss_noise_offset_random_strength",
        exactness=EXACT,
        synonyms="strength",
    )
    adaptive_noise_scale: float | None = setting(
        None,
        "Noise",
        "adaptive noise scale",
        "Adds this times the mean of the picture's latents to the noise offset. Blank: off.",
        memory="no",
        speed=False,
        metadata="ss_adaptive_noise_scale",
        exactness=EXACT,
        synonyms="noise offset, brightness",
        ge=-10,
        le=10,
    )
    multires_noise_iterations: int | None = setting(
        None,
        "Noise",
        "multires noise",
        "Adds coarser and coarser noise this many times (Whitaker 2023); 6 is common. Blank: off.",
        unit="times",
        memory="no",
        speed=False,
        metadata="ss_multires_noise_iterations",
        exactness=EXACT,
        synonyms="pyramid noise, multi-resolution, contrast",
        ge=1,
        le=32,
    )
    multires_noise_discount: float = setting(
        0.3,
        "Noise",
        "multires discount",
        "Weight of each coarser layer of multires noise relative to the one before.",
        memory="no",
        speed=False,
        metadata="ss_multires_noise_discount",
        exactness=EXACT,
        synonyms="pyramid noise, multi-resolution",
        gt=0,
        le=1,
    )
    ip_noise_gamma: float | None = setting(
        None,
        "Noise",
        "input perturbation",
        "Noise added to what the U-Net sees but not to what it must predict (Ning et al. 2023; 0.1 is the paper's). Blank: off.",
        memory="no",
        speed=False,
        metadata="ss_ip_noise_gamma",
        exactness=EXACT,
        synonyms="ip noise, input noise",
        gt=0,
        le=1,
    )
    ip_noise_gamma_random_strength: bool = setting(
        False,
        "Noise",
        "random perturbation",
        "Draw the input perturbation of each batch between 0 and ip_noise_gamma.",
        memory="no",
        speed=False,
        metadata="ss_ip_noise_gamma_random_strength",
        exactness=EXACT,
        synonyms="ip noise, input noise, strength",
    )
    loss_type: Literal["l2", "l1", "huber", "smooth_l1"] = setting(
        "l2",
        "Noise",
        "loss type",
        "How an error counts: squared, absolute, or squared near 0 and absolute far from it (huber, smooth_l1).",
        memory="yes",
        speed=False,
        metadata="ss_loss_type",
        exactness=EXACT,
        synonyms="mse, mae, outliers",
    )
    huber_schedule: Literal["snr", "exponential", "constant"] = setting(
        "snr",
        "Noise",
        "huber schedule",
        "How the turning point huber_c depends on the timestep.",
        memory="no",
        speed=False,
        metadata="ss_huber_schedule",
        exactness=EXACT,
        synonyms="loss",
    )
    huber_c: float = setting(
        0.1,
        "Noise",
        "huber c",
        "Where huber and smooth_l1 turn from squared to absolute.",
        memory="no",
        speed=False,
        metadata="ss_huber_c",
        exactness=EXACT,
        synonyms="loss, delta",
        ge=1e-6,
        le=10,
    )
    huber_scale: float = setting(
        1.0,
        "Noise",
        "huber scale",
        "Factor on huber_c, for the schedules exponential and constant.",
        memory="no",
        speed=False,
        metadata="ss_huber_scale",
        exactness=EXACT,
        synonyms="loss",
        ge=1e-6,
        le=100,
    )
    min_snr_gamma: float | None = setting(
        None,
        "Noise",
        "min-SNR gamma",
        "Weights a picture's loss by min(SNR, gamma) / SNR, with v-prediction / (SNR + 1) (Hang et al. 2023; 5 is the paper's). Blank: off.",
        memory="yes",
        speed=False,
        metadata="ss_min_snr_gamma",
        exactness=EXACT,
        synonyms="loss weight, timesteps",
        gt=0,
        le=1000,
    )

    snr_schedule: Literal["used", "as sd-scripts"] = setting(
        "used",
        "Noise",
        "SNR schedule",
        "With zero terminal SNR: take the SNR for the loss weights from the noise schedule in use, or from the unmodified one, as sd-scripts does.",
        memory="no",
        speed=False,
        metadata="ss_snr_schedule",
        exactness=EXACT,
        synonyms="loss weight, ztsnr",
    )
    debiased_estimation_loss: bool = setting(
        False,
        "Noise",
        "debiased loss",
        "Weights a picture's loss by 1 / sqrt(SNR), with v-prediction by 1 / (SNR + 1) (Yu et al. 2023).",
        memory="yes",
        speed=False,
        metadata="ss_debiased_estimation",
        exactness=EXACT,
        synonyms="loss weight, snr",
    )
    scale_v_pred_loss_like_noise_pred: bool = setting(
        False,
        "Noise",
        "v loss like noise",
        "With v-prediction: weights a picture's loss by SNR / (SNR + 1), as noise prediction would.",
        memory="no",
        speed=False,
        metadata="ss_scale_v_pred_loss_like_noise_pred",
        exactness=EXACT,
        synonyms="loss weight, vpred, snr",
    )
    v_pred_like_loss: float | None = setting(
        None,
        "Noise",
        "noise loss like v",
        "With noise prediction: adds this share of the loss as v-prediction would weight it. Blank: off.",
        memory="no",
        speed=False,
        metadata="ss_v_pred_like_loss",
        exactness=EXACT,
        synonyms="loss weight, vpred, snr",
        gt=0,
        le=100,
    )
