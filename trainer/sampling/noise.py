"""The noise that a seed means: a picture's start and what an ancestral sampler adds to it, drawn on the CPU, picture by picture."""

from collections.abc import Sequence

import torch
from torch import Tensor


def noise_and_generators(
    seeds: Sequence[int], height: int, width: int, channels: int = 4
) -> tuple[Tensor, list[torch.Generator]]:
    """Return the noise that several pictures start from, and of each the generator that continues its stream.

    The noise is fp32 [batch, channels, height, width], on the CPU: the same numbers on every machine, and those of the
    webui with its setting `RNG: CPU`. An ancestral sampler draws on from the stream that the start noise came from, as the webui does; a generator of its own
    keeps a picture the same whatever is made beside it.

    Args:
        seeds: 0 to 2**32 - 1.
        height, width, channels: of the latents.
    """
    generators = [generator_of(seed) for seed in seeds]
    return torch.cat([_drawn(generator, height, width, channels) for generator in generators]), generators


def generator_of(seed: int) -> torch.Generator:
    """Return the CPU generator of one picture."""
    return torch.Generator("cpu").manual_seed(seed)


def _drawn(generator: torch.Generator, height: int, width: int, channels: int) -> Tensor:
    return torch.randn((1, channels, height, width), generator=generator)
