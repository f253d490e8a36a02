"""Default sampling settings of a base: its own size, and what its family is usually sampled with."""

from dataclasses import dataclass

from trainer.families.registry import family_record
from trainer.models.diffusers_folder import config_of
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
    """Return the usual sampling settings of `base`.

    Raises:
        ModelError: a diffusers folder's configs cannot be read.
    """
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
    """Return the side a base was trained at, in pixels: from its folder's configs, else its family's."""
    usual = family_record(base.family).sampling
    family, grain = usual.side, usual.grain
    if not base.path.is_dir():
        return family
    sample = config_of(base.path / "unet" / "config.json").get("sample_size")
    widths = config_of(base.path / "vae" / "config.json").get("block_out_channels")
    if type(sample) is not int or not isinstance(widths, list):
        return family
    side = sample * 2 ** (len(widths) - 1)
    return side if grain <= side <= 8192 and side % grain == 0 else family
