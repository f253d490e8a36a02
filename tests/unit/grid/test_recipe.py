"""Fingerprints of recipes."""

from dataclasses import replace

from make_recipe import make_recipe

from trainer.grid.recipe import ComputeSetup, fingerprint

RECIPE = make_recipe(
    prompt="knight's castle, (moat:1.2)", negative_prompt="blurry", seed=7, steps=12, cfg_scale=5.0, height=96
)


def mark(**changes: str) -> str:
    return fingerprint(replace(RECIPE, **changes), ComputeSetup("cpu", "fp32"), str)


def test_a_plain_prompt_keeps_the_fingerprint_that_it_had_before_prompts_were_fixed() -> None:
    assert mark() == "044d058c204c32aa451af515c8c0fce7c8421f9e83befe300a0b0c9d4fd1d9bc"
    assert mark(prompt="知識, café") == "e6c172fb7305444ca47237c98e20ab7425cb9be79ece50f63b2f9bbbfb10b042"


def test_a_prompt_that_is_fixed_has_another_than_before() -> None:
    assert mark(prompt="knight’s castle") != "3fee715bdb4e57e5c5a21ae49b99e90f8ef9746d2e9bb63081063c7b8d5c5207"
    assert (
        mark(negative_prompt="salt &amp; pepper") != "613872ce07aecd4cf90ca0f9ac674f5005538501240fe72ac59e9cc0a3d957c8"
    )
