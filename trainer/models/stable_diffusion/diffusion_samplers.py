"""diffusers' schedulers of diffusion models, set up so that each means what the webui means by the sampler's name."""

from typing import Any

import numpy as np
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from trainer.families.record import Prediction
from trainer.families.stable_diffusion import BETA_END, BETA_START, TIMESTEPS

# What the ratio of signal at the last time of a schedule with zero terminal SNR is taken for where it is divided by: what
# diffusers' other schedulers take (the smallest number of fp16).
_NEXT_TO_NO_SIGNAL = 2.0**-24

# LCM's distillation has 50 steps, of which a sampler takes some (Luo et al. 2023, section 4.3).
_LCM_STEPS = 50

_PREDICTION_TYPES: dict[Prediction, str] = {"epsilon": "epsilon", "v": "v_prediction"}


def scheduler_for(sampler: str, prediction: Prediction, zero_terminal_snr: bool) -> Any:
    """Return diffusers' scheduler of that name, for one run at a time; set_steps readies it for each.

    With zero terminal SNR the schedule is rescaled, and the times are spaced from the last one down, which a schedule whose
    last time is all noise asks for (Lin et al. 2024, sections 3.2 and 3.3); Karras and LCM have a spacing of their own.

    Args:
        sampler: the name of one of grid.samplers.
        prediction: what the U-Net gives.
        zero_terminal_snr: whether the last time is nothing but noise.
    """
    forward: dict[str, Any] = {
        "num_train_timesteps": TIMESTEPS,
        "beta_start": BETA_START,
        "beta_end": BETA_END,
        "beta_schedule": "scaled_linear",
        "prediction_type": _PREDICTION_TYPES[prediction],
        "rescale_betas_zero_snr": zero_terminal_snr,
    }
    spacing = {"timestep_spacing": "trailing" if zero_terminal_snr else "linspace"}
    match sampler:
        case "Euler":
            # From the last time to the first, both among the steps, and from there to no noise: as k-diffusion does.
            return EulerDiscreteScheduler(**forward, **spacing)
        case "Euler a":
            return EulerAncestralDiscreteScheduler(**forward, **spacing)
        case "Heun":
            # Two passes a step but for the last one, without churn. It cannot rescale the schedule itself.
            rescaled = EulerDiscreteScheduler(**forward).alphas_cumprod
            del forward["rescale_betas_zero_snr"]
            scheduler = HeunDiscreteScheduler(**forward, **spacing)
            scheduler.alphas_cumprod = rescaled
        case "DPM++ 2M":
            return DPMSolverMultistepScheduler(**forward, **spacing, solver_order=2, algorithm_type="dpmsolver++")
        case "DPM++ 2M Karras":
            # Between the schedule's own least and most noise with rho 7 (Karras et al. 2022, equation 5).
            return DPMSolverMultistepScheduler(
                **forward, **spacing, solver_order=2, algorithm_type="dpmsolver++", use_karras_sigmas=True
            )
        case "DDIM":
            # Every 1000/n-th time counted from 1, ending at the first time's noise rather than at none; x0 is not clipped.
            spacing = {"timestep_spacing": "trailing"} if zero_terminal_snr else {"timestep_spacing": "leading"}
            scheduler = DDIMScheduler(
                **forward,
                **spacing,
                steps_offset=0 if zero_terminal_snr else 1,
                set_alpha_to_one=False,
                clip_sample=False,
            )
        case "UniPC":
            # The webui's third order with B(h) = h, ending at the schedule's least noise.
            return UniPCMultistepScheduler(
                **forward, **spacing, solver_order=3, solver_type="bh1", final_sigmas_type="sigma_min"
            )
        case "LCM":
            scheduler = LCMScheduler(**forward, original_inference_steps=_LCM_STEPS)
        case name:
            raise AssertionError(f"no scheduler for {name}")
    if zero_terminal_snr and prediction == "epsilon":
        scheduler.alphas_cumprod[-1] = _NEXT_TO_NO_SIGNAL
    return scheduler


def set_steps(scheduler: Any, steps: int) -> Tensor:
    """Ready a scheduler for a run of `steps` steps and return the time of each of its passes through the model, on the CPU.

    Times and noise levels stay on the CPU: the scheduler picks single numbers of them, which from a card would mean waiting
    for it at every step.

    Args:
        scheduler: from scheduler_for.
        steps: 1 to 1000.
    """
    config = scheduler.config
    if isinstance(scheduler, LCMScheduler):
        scheduler.set_timesteps(steps, original_inference_steps=max(steps, _LCM_STEPS))
    elif (
        isinstance(scheduler, DPMSolverMultistepScheduler)
        and config.timestep_spacing == "linspace"
        and not config.use_karras_sigmas
    ):
        # diffusers leaves the first time out here; k-diffusion, and so the webui, goes through it.
        scheduler.set_timesteps(timesteps=np.linspace(TIMESTEPS - 1, 0, steps).round().tolist())
    else:
        scheduler.set_timesteps(steps)
    if hasattr(scheduler, "set_begin_index"):
        # Or the first step is looked up by its time, which Karras' rounded times may have twice.
        scheduler.set_begin_index(0)
    times: Tensor = scheduler.timesteps
    return times
