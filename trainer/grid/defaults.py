"""Default sampling settings of a base: its own size, and what its family is usually sampled with."""

from dataclasses import dataclass

from trainer.families.registry import family_record
from trainer.models.identify import Base

_SMALL_SIDE = 256


@dataclass(frozen=True)
class SamplingDefaults:
    """Sampling settings that a grid starts from.

    Attributes:
        width, height: pixels.
        steps: sampling steps.
        cfg_scale: factor of classifier-free guidance.
        sampler: name of a sampler.
        clip_skip: as the webui counts, from 1.
    """

    width: int
    height: int
    steps: int
    cfg_scale: float
    sampler: str
    clip_skip: int


def defaults_for(base: Base) -> SamplingDefaults:
    """Return the usual sampling settings of `base`."""
    side = _side(base)
    # The demo's pictures no longer change after ten steps.
    usual = family_record(base.family).sampling
    steps = 12 if side < _SMALL_SIDE else usual.steps
    if base.markers.prediction == "v":
        # NoobAI-XL's card for v: guidance of 4 to 5, Euler, no Karras spacing: that starts at the largest
        # sigma, which is infinite with zero terminal SNR.
        return SamplingDefaults(side, side, steps, 5.0, "Euler", 1)
    return SamplingDefaults(side, side, steps, usual.cfg_scale, usual.sampler, 1)


def guidance_rescale_for(zero_terminal_snr: bool) -> float:
    """Return the factor of guidance rescaling: 0.7 with zero terminal SNR (Lin et al. 2023, section 3.4), else 0."""
    return 0.7 if zero_terminal_snr else 0.0


def _side(base: Base) -> int:
    """Return the side a base was trained at, in pixels: its own where its sides can be had, else its family's."""
    usual = family_record(base.family).sampling
    own = base.side
    return own if own is not None and own >= usual.grain and own % usual.grain == 0 else usual.side
