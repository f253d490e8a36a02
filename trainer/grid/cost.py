"""How much work is a picture? What decides its time, and how many are worth making at once."""

from trainer.grid.recipe import ComputeSetup, Recipe

# Pixels at once. On a card four pictures of 512² keep it busy and fit 8 GB beside SD1.5 in half precision, one of 1024²
# beside SDXL; on a CPU small pictures share the cost of each layer's call (demo: 0.6 s alone, 0.2 s each of eight).
_PIXELS = {"cuda": 4 * 512 * 512, "cpu": 8 * 64 * 64}
_MAX_PICTURES = 16


def pictures_at_once(recipe: Recipe, compute_setup: ComputeSetup) -> int:
    """Return how many pictures like `recipe` are made together."""
    budget = _PIXELS.get(compute_setup.device, _PIXELS["cpu"])
    return max(1, min(_MAX_PICTURES, budget // (recipe.width * recipe.height)))


def unet_passes(recipe: Recipe) -> int:
    """Return how many passes through the U-Net a picture takes: with guidance each step looks at it twice."""
    return recipe.steps * (1 if recipe.cfg_scale == 1 else 2)


def speed_class(recipe: Recipe, compute_setup: ComputeSetup) -> str:
    """Return what decides how long a pass takes, as one text: pictures of one look go at one pace."""
    return "|".join(
        (
            recipe.base,
            f"{recipe.width}x{recipe.height}",
            compute_setup.device,
            compute_setup.precision,
            compute_setup.attention,
        )
    )
