"""Facts that all families share whose bases predict the velocity of a flow: times, samplers, settings without a meaning there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from trainer.families.record import TimesRecord

if TYPE_CHECKING:
    from trainer.families.record import Numbers

PIECES = 1000
"""Equal pieces of the way from picture to noise that times are drawn by and plans show."""

SAMPLERS = ("Euler", "Euler a", "Heun", "DPM++ 2M", "ER SDE", "UniPC", "LCM")
"""Those that a flow can be sampled with. Karras spacing belongs to the noise levels of diffusion and blurs a flow."""


def _signal(zero_terminal_snr: bool) -> "Numbers":
    import numpy as np  # noqa: PLC0415  # records are read at every start, also where no number is asked for

    times = (np.arange(PIECES) + 0.5) / PIECES
    signal: Numbers = (1 - times) ** 2 / ((1 - times) ** 2 + times**2)
    return signal


# Looked at on one base: below 0.45 only detail is added, above 0.7 the layout is settled.
TIMES = TimesRecord(signal=_signal, is_continuous=True, takes_shift=True, band_starts=(0.45, 0.7))

_WEIGHS = "it weighs by the noise schedule of diffusion, which a flow does not have"
_SHAPES = "a flow starts from plain noise, in training and in pictures"

UNUSED: Mapping[str, str] = MappingProxyType(
    {
        "v_parameterization": "a flow's velocity is always what is predicted",
        "zero_terminal_snr": "a flow always ends in nothing but noise",
        "min_snr_gamma": _WEIGHS,
        "snr_schedule": _WEIGHS,
        "debiased_estimation_loss": _WEIGHS,
        "scale_v_pred_loss_like_noise_pred": _WEIGHS,
        "v_pred_like_loss": _WEIGHS,
        "noise_offset": _SHAPES,
        "noise_offset_random_strength": _SHAPES,
        "adaptive_noise_scale": _SHAPES,
        "multires_noise_iterations": _SHAPES,
        "multires_noise_discount": _SHAPES,
    }
)
"""Settings of diffusion models that have no effect on a flow, with the reason. Those of the text path are each family's own."""
