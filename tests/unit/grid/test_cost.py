"""How many pictures are made at once: as many as share what a pass costs whatever its size, and no more than there is room for."""

import pytest
from make_recipe import make_recipe

from trainer.grid.cost import pictures_at_once, unet_passes
from trainer.grid.recipe import ComputeSetup


@pytest.mark.parametrize(
    ("device", "side", "at_once"),
    [("cpu", 64, 16), ("cpu", 256, 4), ("cpu", 512, 1), ("cuda", 256, 16), ("cuda", 512, 4), ("cuda", 1024, 1)],
)
def test_smaller_pictures_are_made_more_at_a_time(device: str, side: int, at_once: int) -> None:
    recipe = make_recipe(width=side, height=side)
    assert pictures_at_once(recipe, ComputeSetup(device, "fp32")) == at_once


@pytest.mark.parametrize(
    ("sampler", "cfg_scale", "passes"), [("Euler", 1.0, 30), ("Euler", 4.0, 60), ("Heun", 1.0, 59), ("Heun", 4.0, 118)]
)
def test_a_picture_costs_a_pass_for_each_time_the_sampler_looks(sampler: str, cfg_scale: float, passes: int) -> None:
    assert unet_passes(make_recipe(steps=30, sampler=sampler, cfg_scale=cfg_scale)) == passes
