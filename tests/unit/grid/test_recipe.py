"""Fingerprints of recipes."""

from dataclasses import replace

from trainer.grid.recipe import ComputeSetup, Recipe, fingerprint

RECIPE = Recipe(
    base="demo",
    vae="",
    prediction="epsilon",
    zero_terminal_snr=False,
    prompt="knight's castle, (moat:1.2)",
    negative_prompt="blurry",
    seed=7,
    steps=12,
    cfg_scale=5.0,
    guidance_rescale=0.0,
    sampler="Euler",
    width=64,
    height=96,
    clip_skip=1,
)


def mark(**changes: str) -> str:
    return fingerprint(replace(RECIPE, **changes), ComputeSetup("cpu", "fp32"), str)


def test_a_plain_prompt_keeps_the_fingerprint_that_it_had_before_prompts_were_mended() -> None:
    assert mark() == "GOLDEN_PLAIN"
    assert mark(prompt="知識, café") == "GOLDEN_OTHER"


def test_a_prompt_that_is_mended_has_another_than_before() -> None:
    assert mark(prompt="knight’s castle") != "GOLDEN_QUOTE"
    assert mark(negative_prompt="salt &amp; pepper") != "GOLDEN_ENTITY"
