"""The recipe of a small picture, of which a test says what matters to it."""

from typing import Any

from trainer.grid.recipe import Recipe


def make_recipe(**what: Any) -> Recipe:
    """Return a recipe of the demo model in which only what a test names differs from the usual."""
    usual: dict[str, Any] = {
        "base": "demo",
        "vae": "",
        "prediction": "epsilon",
        "zero_terminal_snr": False,
        "prompt": "a girl",
        "negative_prompt": "",
        "seed": 1,
        "steps": 1,
        "cfg_scale": 1.0,
        "guidance_rescale": 0.0,
        "sampler": "Euler",
        "width": 64,
        "height": 64,
        "clip_skip": 1,
    }
    return Recipe(**usual | what)
