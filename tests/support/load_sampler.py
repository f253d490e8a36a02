"""A sampler on a base of its own, loaded for it and not shared."""

from trainer.grid.recipe import ComputeSetup, Recipe
from trainer.models.engines import load_base
from trainer.models.memory_layout import memory_format
from trainer.sampling.sampler import GridSampler, sampler_on, wanted_base


def load_sampler(recipe: Recipe, compute_setup: ComputeSetup) -> GridSampler:
    """Load a recipe's base and return the sampler on it; see `wanted_base` and `sampler_on`.

    Raises:
        ModelError: base or VAE cannot be loaded.
    """
    wanted = wanted_base(recipe, compute_setup)
    model = load_base(wanted.base, device=wanted.device, dtype=wanted.dtype, vae=wanted.vae, waiting=True)
    model.body.to(memory_format=memory_format())
    return sampler_on(model, recipe, compute_setup)
