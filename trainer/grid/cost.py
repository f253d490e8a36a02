"""Cost of a picture: what its time depends on, and how many are made at once."""

from trainer.grid.recipe import ComputeSetup, Recipe
from trainer.grid.samplers import sampler_named

# Pixels made at once. On a card four pictures of 512² keep it busy and fit 8 GB beside SD1.5 in half precision, one of 1024²
# beside SDXL. On a CPU small pictures share the cost of each layer's call (demo, ms of a step and picture: 34 alone, 24 of two, 15
# of six, 14 of sixteen), and larger ones the reading of the weights: four of 256² on SD1.5 take 0.92 of four alone, on one core.
_PIXELS = {"cuda": 4 * 512 * 512, "cpu": 4 * 256 * 256}
_MAX_PICTURES = 16


def pictures_at_once(recipe: Recipe, compute_setup: ComputeSetup) -> int:
    """Return how many pictures like `recipe` are made in one batch."""
    budget = _PIXELS.get(compute_setup.device, _PIXELS["cpu"])
    return max(1, min(_MAX_PICTURES, budget // (recipe.width * recipe.height)))


def unet_passes(recipe: Recipe) -> int:
    """Return the number of U-Net passes for a picture: with guidance two for each time that a sampler asks for one."""
    return sampler_named(recipe.sampler).evaluations(recipe.steps) * (1 if recipe.cfg_scale == 1 else 2)


def speed_class(recipe: Recipe, compute_setup: ComputeSetup) -> str:
    """Return what the time of one pass depends on, as one text: pictures of one class take equally long."""
    return "|".join(
        (
            recipe.base,
            f"{recipe.width}x{recipe.height}",
            compute_setup.device,
            compute_setup.precision,
            compute_setup.attention,
        )
    )
