"""A recipe alone decides its picture: the same as diffusers makes, the same as by hand, in any company and after anything."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline
from encode_text import encode_text, encode_tokens
from library_tokenizer import DEMO, library_tokenizer
from load_sampler import load_sampler
from make_recipe import make_recipe
from numpy.typing import NDArray
from random_loras import write_random_lora
from tiny_bases import write_tiny
from torch import Tensor

from trainer.errors import GridError, ModelError
from trainer.families.stable_diffusion import SAMPLERS
from trainer.grid.recipe import ComputeSetup, LoraUse, Recipe
from trainer.models.stable_diffusion.noise_schedule import NoiseSchedule
from trainer.network.injection import LayerRules, inject
from trainer.network.lora import LoraLayer
from trainer.sampling import conditioning, lora_stack
from trainer.sampling.compute_setup import compute_setup_for, dtype_of
from trainer.sampling.decode import decode
from trainer.sampling.noise import noise_and_generators
from trainer.sampling.sampler import GridSampler

torch.set_num_threads(1)

PLAIN = ComputeSetup("cpu", "fp32")
PROMPT = "1girl, upper body, blue hair, short hair, green dress, smile, city"
LONG = ", ".join([PROMPT] * 6)
RECIPE = make_recipe(prompt=PROMPT, negative_prompt="red hair", steps=6, cfg_scale=5.0)

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def demo() -> GridSampler:
    return load_sampler(RECIPE, PLAIN)


@pytest.fixture
def sampler(demo: GridSampler) -> Iterator[GridSampler]:
    """A sampler that has made nothing yet, on the demo base."""
    with GridSampler(demo.model) as sampler:
        yield sampler


@pytest.fixture(scope="module")
def loras(tmp_path_factory: pytest.TempPathFactory, demo: GridSampler) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("loras")
    return {
        name: write_random_lora(folder / f"{name}.safetensors", demo.model, seed=seed, size=0.4)
        for seed, name in enumerate("ab")
    }


def never() -> bool:
    return False


def made(sampler: GridSampler, *recipes: Recipe) -> list[Pixels]:
    pictures = sampler.sample(recipes, stop=never)
    assert pictures is not None
    return pictures


def apart(one: Pixels, other: Pixels) -> NDArray[np.int64]:
    return np.abs(one.astype(np.int64) - other.astype(np.int64))


def test_it_makes_the_picture_that_diffusers_makes(sampler: GridSampler) -> None:
    model = sampler.model
    scheduler = EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="linspace"
    )
    pipeline = StableDiffusionPipeline(
        vae=model.vae,
        text_encoder=model.text_encoder,
        tokenizer=library_tokenizer(DEMO),
        unet=model.unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    theirs = pipeline(
        RECIPE.prompt,
        negative_prompt=RECIPE.negative_prompt,
        height=64,
        width=64,
        num_inference_steps=RECIPE.steps,
        guidance_scale=RECIPE.cfg_scale,
        latents=noise_and_generators([RECIPE.seed], 16, 16)[0],
        output_type="np",
    ).images[0]
    assert apart(made(sampler, RECIPE)[0], (theirs * 255).round().astype(np.uint8)).max() <= 1


@pytest.mark.parametrize("kind", SAMPLERS)
def test_every_sampler_draws_the_figure(sampler: GridSampler, kind: str) -> None:
    recipe = replace(RECIPE, sampler=kind, steps=8, cfg_scale=1.5 if kind == "LCM" else 5.0)
    (picture,) = made(sampler, recipe)
    assert picture.shape == (64, 64, 3)
    # A green dress below, blue hair above.
    dress, hair = picture[50:62, 24:34].mean(axis=(0, 1)), picture[16:20, 24:34].mean(axis=(0, 1))
    assert dress[1] > 1.5 * max(dress[0], dress[2])
    assert hair[2] > 1.5 * max(hair[0], hair[1])


def test_the_picture_has_the_size_asked_for(sampler: GridSampler) -> None:
    (picture,) = made(sampler, replace(RECIPE, width=96, height=72, steps=2))
    assert picture.shape == (72, 96, 3)


@pytest.mark.parametrize("kind", ["DPM++ 2M Karras", "Euler a"])
def test_four_seeds_together_are_the_four_alone(sampler: GridSampler, kind: str) -> None:
    recipes = [replace(RECIPE, steps=4, sampler=kind, seed=seed) for seed in (1, 2, 3, 2**32 - 1)]
    together = made(sampler, *recipes)
    differences = np.stack(
        [apart(one, made(sampler, recipe)[0]) for one, recipe in zip(together, recipes, strict=True)]
    )
    assert (differences > 1).mean() <= 0.001


def test_a_short_prompt_gives_the_same_picture_beside_a_long_one(sampler: GridSampler) -> None:
    short = replace(RECIPE, steps=3)
    long = replace(short, prompt=LONG)
    beside = made(sampler, long, short)[1]
    assert (apart(beside, made(sampler, short)[0]) > 1).mean() <= 0.001


def test_with_a_long_negative_prompt_the_prompt_is_filled_up(sampler: GridSampler) -> None:
    (picture,) = made(sampler, replace(RECIPE, negative_prompt=LONG, steps=2))
    assert picture.shape == (64, 64, 3)


def test_weight_0_is_the_picture_of_the_base_bit_for_bit(sampler: GridSampler, loras: dict[str, Path]) -> None:
    (base,) = made(sampler, RECIPE)
    (with_lora,) = made(sampler, replace(RECIPE, loras=(LoraUse(loras["a"]),)))
    (at_0,) = made(sampler, replace(RECIPE, loras=(LoraUse(loras["a"], 0.0, 0.0),)))
    assert apart(with_lora, base).mean() > 5
    assert np.array_equal(at_0, base)


@pytest.mark.parametrize("unet", [1.0, 0.4, -0.7])
def test_folded_into_the_weights_a_lora_gives_the_picture_that_it_gives_beside_them(
    sampler: GridSampler, loras: dict[str, Path], monkeypatch: pytest.MonkeyPatch, unet: float
) -> None:
    recipe = replace(RECIPE, loras=(LoraUse(loras["a"], unet, 0.8), LoraUse(loras["b"], 0.3, 0.3)))
    products: list[str] = []
    forward = LoraLayer.forward

    def counted(layer: LoraLayer, x: Tensor) -> Tensor:
        products.append(layer.name)
        return forward(layer, x)

    monkeypatch.setattr(LoraLayer, "forward", counted)
    (folded,) = made(sampler, recipe)
    assert products
    assert not any(name.startswith("lora_unet") for name in products)
    monkeypatch.setattr(lora_stack, "free_memory", lambda _: 0)
    sampler.close()
    (beside,) = made(sampler, recipe)
    assert any(name.startswith("lora_unet") for name in products)
    assert apart(folded, beside).max() <= 1


def test_weights_are_folded_once_for_the_batches_of_one_lora(sampler: GridSampler, loras: dict[str, Path]) -> None:
    folds: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        add = LoraLayer.add_to_weight
        patch.setattr(LoraLayer, "add_to_weight", lambda layer, weight: folds.append(layer.name) or add(layer, weight))
        recipe = replace(RECIPE, steps=1, loras=(LoraUse(loras["a"]),))
        made(sampler, recipe)
        once = len(folds)
        made(sampler, replace(recipe, seed=2))
        made(sampler, replace(recipe, loras=(LoraUse(loras["a"], 1.0, 0.5),)))
        assert len(folds) == once > 0
        made(sampler, replace(recipe, loras=(LoraUse(loras["a"], 0.5, 0.5),)))
        assert len(folds) == 2 * once


def test_a_picture_is_the_same_whatever_was_made_before(sampler: GridSampler, loras: dict[str, Path]) -> None:
    recipe = replace(RECIPE, loras=(LoraUse(loras["b"], 0.7, 0.9),))
    (alone,) = made(sampler, recipe)
    for other in (
        replace(RECIPE, loras=(LoraUse(loras["a"]), LoraUse(loras["b"], 0.2))),
        replace(recipe, clip_skip=2, sampler="UniPC", cfg_scale=1.0),
        replace(RECIPE, loras=(LoraUse(loras["a"], text_encoder_path=loras["b"]),)),
    ):
        made(sampler, replace(other, steps=2))
    assert np.array_equal(made(sampler, recipe)[0], alone)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"prompt": "1girl, red dress"},
        {"negative_prompt": "city"},
        {"clip_skip": 2},
        {"cfg_scale": 9.0},
        {"guidance_rescale": 0.7},
        {"steps": 4},
        {"prediction": "v"},
        {"zero_terminal_snr": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_part_of_a_recipe_changes_the_picture(sampler: GridSampler, change: dict[str, object]) -> None:
    recipe = replace(RECIPE, steps=3)
    assert apart(made(sampler, recipe)[0], made(sampler, replace(recipe, **change))[0]).max() > 1  # type: ignore[arg-type]


def test_prompts_are_encoded_once_for_all_strengths_of_the_unet(sampler: GridSampler, loras: dict[str, Path]) -> None:
    passes = 0

    def count(*_: object) -> None:
        nonlocal passes
        passes += 1

    hook = sampler.model.text_encoder.register_forward_hook(count)
    made(sampler, replace(RECIPE, steps=1, loras=(LoraUse(loras["a"], 1.0, 0.5),)))
    first = passes
    for unet, seed in ((0.3, 1), (0.0, 2), (-1.0, 3)):
        made(sampler, replace(RECIPE, seed=seed, steps=1, loras=(LoraUse(loras["a"], unet, 0.5),)))
    assert passes == first
    made(sampler, replace(RECIPE, steps=1, loras=(LoraUse(loras["a"], 1.0, 0.6),)))
    hook.remove()
    assert passes > first


def test_more_prompts_than_are_kept_can_be_made_together(sampler: GridSampler, monkeypatch: pytest.MonkeyPatch) -> None:
    recipes = [replace(RECIPE, steps=2, prompt=f"{PROMPT}, {hat}") for hat in ("hat", "bow", "scarf")]
    alone = [made(sampler, recipe)[0] for recipe in recipes]
    monkeypatch.setattr(conditioning, "_MAX_PROMPTS", 2)
    for one, other in zip(made(sampler, *recipes), alone, strict=True):
        assert (apart(one, other) > 1).mean() <= 0.001


def test_without_guidance_the_unet_looks_once_and_the_negative_prompt_counts_for_nothing(sampler: GridSampler) -> None:
    batches: list[int] = []
    hook = sampler.model.unet.register_forward_pre_hook(lambda _, given: batches.append(len(given[0])))
    recipe = replace(RECIPE, cfg_scale=1.0, steps=2)
    (one,) = made(sampler, recipe)
    (other,) = made(sampler, replace(recipe, negative_prompt="city"))
    hook.remove()
    assert batches == [1] * 4
    assert np.array_equal(one, other)


def test_it_is_stopped_between_two_steps_and_says_how_far_it_is(sampler: GridSampler) -> None:
    told: list[tuple[int, int]] = []
    pictures = sampler.sample(
        [RECIPE], stop=lambda: len(told) == 3, progress=lambda done, steps: told.append((done, steps))
    )
    assert pictures is None
    assert told == [(1, 6), (2, 6), (3, 6)]
    assert len(made(sampler, RECIPE)) == 1


def test_progress_counts_on_where_prompts_of_two_lengths_go_apart(sampler: GridSampler) -> None:
    told: list[tuple[int, int]] = []
    recipe = replace(RECIPE, steps=2)
    sampler.sample(
        [recipe, replace(recipe, prompt=LONG)], stop=never, progress=lambda done, steps: told.append((done, steps))
    )
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_pictures_of_two_kinds_are_not_made_together(sampler: GridSampler) -> None:
    with pytest.raises(ValueError, match="prompts and seed alone"):
        sampler.sample([RECIPE, replace(RECIPE, steps=9)], stop=never)


def test_after_a_full_card_it_continues_as_if_nothing_had_been(sampler: GridSampler, loras: dict[str, Path]) -> None:
    recipe = replace(RECIPE, steps=2, loras=(LoraUse(loras["a"]),))
    (before,) = made(sampler, recipe)

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("full")

    hook = sampler.model.unet.register_forward_pre_hook(full)
    with pytest.raises(torch.OutOfMemoryError):
        made(sampler, recipe, replace(recipe, seed=2))
    hook.remove()
    assert np.array_equal(made(sampler, recipe)[0], before)


def test_a_bake_can_continue_after_pictures(demo: GridSampler, loras: dict[str, Path]) -> None:
    model = demo.model
    baking = inject(model, LayerRules(4, 4.0), seed=9, parts=["unet"])
    noisy, times = noise_and_generators([1], 16, 16)[0], torch.tensor([500])

    def gradients() -> list[Tensor]:
        with torch.no_grad():
            text = encode_text(model, [PROMPT], 1)
        model.predict(noisy, times, text).square().mean().backward()
        found = [layer.up.grad.clone() for layer in baking if layer.up.grad is not None]
        for layer in baking:
            layer.up.grad = layer.down.grad = None
        return found

    before = gradients()
    with GridSampler(model) as sampler:
        made(sampler, replace(RECIPE, steps=2, loras=(LoraUse(loras["a"]),)))
    after = gradients()
    baking.remove()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert len(before) == len(baking)


@torch.no_grad()
def test_v_on_sdxl_with_zero_terminal_snr_is_what_ddim_gives_by_hand(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "xl.safetensors", "sdxl", markers=("v_pred", "ztsnr"))
    recipe = make_recipe(
        base=str(path),
        prediction="v",
        zero_terminal_snr=True,
        prompt="1girl, smile",
        seed=3,
        steps=4,
        cfg_scale=6.0,
        guidance_rescale=0.7,
        sampler="DDIM",
        height=96,
    )
    with load_sampler(recipe, PLAIN) as sampler:
        model = sampler.model
        text = encode_tokens(model, model.tokenize([recipe.prompt]), 1)
        alphas = NoiseSchedule("v", True).alphas_cumprod.double()
        latents = noise_and_generators([3], 12, 8)[0].double()
        sizes = torch.tensor([[96, 64, 0, 0, 96, 64]])
        assert text.pooled is not None
        nothing = replace(text, embeddings=text.embeddings * 0, pooled=text.pooled * 0)
        for time, next_time in ((999, 749), (749, 499), (499, 249), (249, -1)):
            given, against = (
                model.predict(latents.float(), torch.tensor([time]), told, sizes).double() for told in (text, nothing)
            )
            guided = against + 6.0 * (given - against)
            v = 0.7 * guided * given.std() / guided.std() + 0.3 * guided
            signal, noise = alphas[time].sqrt(), (1 - alphas[time]).sqrt()
            clean, left = signal * latents - noise * v, noise * latents + signal * v
            after = alphas[max(next_time, 0)]
            latents = after.sqrt() * clean + (1 - after).sqrt() * left
        (picture,) = made(sampler, recipe)
        assert apart(picture, decode(model, latents.float())[0]).max() <= 1


def test_a_lora_changes_the_picture_on_sdxl_and_clip_skip_does_not(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "xl.safetensors", "sdxl")
    recipe = make_recipe(base=str(path), prompt="1girl", seed=3, steps=3, cfg_scale=6.0, sampler="Euler a")
    with load_sampler(recipe, PLAIN) as sampler:
        lora = write_random_lora(tmp_path / "lora.safetensors", sampler.model, size=1.0)
        (base,), (changed,) = made(sampler, recipe), made(sampler, replace(recipe, loras=(LoraUse(lora),)))
        assert apart(base, changed).mean() > 1
        assert np.array_equal(made(sampler, replace(recipe, clip_skip=2))[0], base)


def test_half_precision_makes_nearly_the_same_picture(demo: GridSampler) -> None:
    with load_sampler(RECIPE, ComputeSetup("cpu", "bf16")) as half:
        assert half.model.unet.dtype == torch.bfloat16
        assert half.model.vae.dtype == torch.float32
        assert apart(made(half, RECIPE)[0], made(demo, RECIPE)[0]).mean() < 8


def test_a_base_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        load_sampler(replace(RECIPE, base=str(tmp_path / "no.safetensors")), PLAIN)


def test_without_a_card_pictures_are_made_in_fp32_and_fp16_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert compute_setup_for("auto") == PLAIN
    assert dtype_of(compute_setup_for("bf16")) == torch.bfloat16
    with pytest.raises(GridError, match="fp16 without a GPU"):
        compute_setup_for("fp16")
