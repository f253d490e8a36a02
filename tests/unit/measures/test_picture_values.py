"""The line that the log gets of an epoch's pictures."""

from dataclasses import replace

import numpy as np
import pytest
from make_recipe import make_recipe

from trainer.formats.prompt_file import FilePrompt
from trainer.grid.probe_pictures import ProbePicture, ProbePrompt, ProbeSet, PromptKind
from trainer.measures.picture_values import LookedAt, PictureMeasures, TrainingPicture

PROMPTS = (
    ProbePrompt("x", PromptKind.SUBJECT, FilePrompt("x")),
    ProbePrompt("bare", PromptKind.BARE, FilePrompt(""), twin="x"),
    ProbePrompt("else", PromptKind.NEUTRAL, FilePrompt("hill")),
)
WANTED = ProbeSet(
    tuple(ProbePicture(prompt, make_recipe(seed=seed)) for prompt in PROMPTS for seed in (1, 2)), 3, 2, "x", ()
)


def looked_at(seed: int, level: float = 0.0, strength: float = 1.0) -> LookedAt:
    noise = strength * np.random.default_rng(seed).standard_normal((4, 16, 16)).astype(np.float32)
    pixels = np.clip(128 + 20 * np.repeat(np.repeat(noise[:3], 2, 1), 2, 2) + level, 0, 255).astype(np.uint8)
    return LookedAt(noise + np.float32(level / 20), pixels)


BASE = [looked_at(index) for index in range(6)]
TRAINING = [TrainingPicture("a", looked_at(40).latents, looked_at(40).pixels)]


def measures() -> PictureMeasures:
    return PictureMeasures.of(WANTED, BASE, TRAINING, 2)


def test_a_line_says_how_far_pictures_went_and_that_none_is_static() -> None:
    made = [looked_at(index, level=10 * (index < 2)) for index in range(6)]
    assert measures().line(measures().values(3, made)) == "drift 0.35, token effect 1.02, bleed 0.00, no static"


def test_bleed_is_told_apart_by_whether_the_prompt_had_the_token() -> None:
    made = [looked_at(index, level=10 * (2 <= index < 4)) for index in range(6)]
    of_bleed = {value.scope: value for value in measures().values(3, made) if value.name == "bleed"}
    bare, other, both = of_bleed["token removed"], of_bleed["other prompts"], of_bleed[""]
    assert (bare.count, other.count, both.count) == (2, 2, 4)
    assert bare.value and other.value == 0 and both.value == bare.value / 2


def test_a_line_counts_static_pictures() -> None:
    made = [looked_at(0, strength=5.0), *BASE[1:]]
    assert measures().line(measures().values(3, made)).endswith("static in 1 of 6 pictures")


def static(against: PictureMeasures, first: LookedAt) -> tuple[float | None, float | None]:
    """Return the share of static pictures, in latents and in pixels, where the first of six is this and the others are the base's."""
    values = {value.name: value.value for value in against.values(3, [first, *BASE[1:]])}
    return values["static"], values["static_pixels"]


def test_pictures_that_are_as_fine_as_the_training_pictures_are_not_static() -> None:
    grainy = looked_at(40, strength=5.0)
    training = [TrainingPicture("a", grainy.latents, grainy.pixels)]
    one = pytest.approx(1 / 6)
    assert static(measures(), looked_at(0, strength=5.0)) == (one, one)
    assert static(PictureMeasures.of(WANTED, BASE, training, 2), looked_at(0, strength=5.0)) == (0, 0)


def test_static_in_latents_and_in_pixels_are_counted_apart() -> None:
    noisy, one = looked_at(0, strength=5.0), pytest.approx(1 / 6)
    assert static(measures(), replace(noisy, pixels=BASE[0].pixels)) == (one, 0)
    assert static(measures(), replace(noisy, latents=BASE[0].latents)) == (0, one)
    assert static(measures(), LookedAt(None, None)) == (one, one)


def test_a_picture_without_numbers_leaves_the_others_their_values() -> None:
    made = [LookedAt(None, None), *BASE[1:]]
    values = {value.name: value for value in measures().values(2, made) if not value.scope}
    assert (values["drift"].value, values["drift"].count) == (0, 1)
    assert (values["static"].value, values["static"].count) == (pytest.approx(1 / 6), 6)
    assert values["high_frequency"].value == 1


def test_the_interval_of_two_pictures_is_as_wide_as_two_allow() -> None:
    made = [looked_at(0, level=4), looked_at(1, level=10), *BASE[2:]]
    value = next(value for value in measures().values(3, made) if value.name == "drift" and not value.scope)
    assert value.value is not None and value.low is not None and value.high is not None
    apart = value.value - (value.value * 2 * 4 / 14)
    # Student's t with one degree of freedom, by half the difference of the two.
    assert (value.count, value.high - value.value) == (2, pytest.approx(12.706 * apart, rel=1e-3))
    assert value.value - value.low == pytest.approx(value.high - value.value)


def test_multiples_are_paired_with_the_base_so_that_prompts_that_differ_do_not_widen_them() -> None:
    base = [looked_at(index, strength=0.1 * (index + 1)) for index in range(6)]
    made = [looked_at(index, strength=0.2 * (index + 1)) for index in range(6)]
    values = PictureMeasures.of(WANTED, base, TRAINING, 2).values(1, made)
    detail = next(value for value in values if value.name == "high_frequency" and not value.scope)
    assert (detail.value, detail.low, detail.high) == (pytest.approx(4), pytest.approx(4), pytest.approx(4))
