"""The sampler of recipes: a loaded base with LoRAs on it, sampled step by step with guidance, and decoded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Self

import torch
from torch import Tensor

from trainer.families.registry import family_record
from trainer.grid.recipe import ComputeSetup, Recipe
from trainer.grid.samplers import sampler_named
from trainer.grid.sampling_order import batch_key
from trainer.lean.compute_options import ComputeOptions
from trainer.models.base_cache import WantedBase
from trainer.models.base_model import BaseModel, Conditioning
from trainer.models.identify import identify_base
from trainer.sampling.compute_setup import dtype_of, free_memory
from trainer.sampling.conditioning import Guidance, PromptCache
from trainer.sampling.decode import Pixels, decode
from trainer.sampling.lora_stack import LoraStack
from trainer.sampling.noise import noise_and_generators


@dataclass(frozen=True)
class SampledPicture:
    """One picture as it was made.

    Attributes:
        latents: fp32 [channels, height/f, width/f], on the CPU, as the body knows them.
        pixels: uint8 [height, width, 3]; None where a value is NaN or infinite.
    """

    latents: Tensor
    pixels: Pixels | None


class GridSampler:
    """Makes pictures on one loaded base.

    The base may carry a LoRA of a bake: at strength 0 the pictures are those of the base, at another one they show it. What
    prompts were encoded to is kept while the sampler lives, so that after a training step a new one is needed.

    Args:
        model: the base; encoders and VAE may have been put away.

    Attributes:
        model: the same.
    """

    def __init__(self, model: BaseModel) -> None:
        self.model = model
        self._stack = LoraStack(model)
        self._guides = PromptCache(model)

    def __enter__(self) -> Self:
        """Return this sampler."""
        return self

    def __exit__(self, *_: object) -> None:
        """Take the LoRAs off."""
        self.close()

    def close(self) -> None:
        """Take the LoRAs off the model, which is then as it was."""
        self._stack.close()

    def sample(
        self,
        recipes: Sequence[Recipe],
        *,
        stop: Callable[[], bool],
        progress: Callable[[int, int], None] = lambda _done, _steps: None,
    ) -> list[Pixels | None] | None:
        """Return the pictures of recipes, uint8 [height, width, 3] each; None where it was stopped before they were done.

        In the place of a picture with a value that is NaN or infinite stands None.

        Args, Raises: as sample_with_latents.
        """
        made = self.sample_with_latents(recipes, stop=stop, progress=progress)
        return None if made is None else [picture.pixels for picture in made]

    @torch.no_grad()
    def sample_with_latents(
        self,
        recipes: Sequence[Recipe],
        *,
        stop: Callable[[], bool],
        progress: Callable[[int, int], None] = lambda _done, _steps: None,
    ) -> list[SampledPicture] | None:
        """Return the pictures of recipes with the latents that they were decoded from; None where it was stopped before they were done.

        Nothing of a picture depends on the company it is made in, but for the last bits of sums.

        Args:
            recipes: alike but for prompt, negative prompt and seed; see grid.order.mates.
            stop: asked before each step.
            progress: takes (steps done, steps) after each; a second pass of a step counts as one.

        Raises:
            ModelError: a LoRA cannot be put on.
            torch.OutOfMemoryError: the card's memory is full; the sampler can continue with fewer at once.
        """
        if len({batch_key(recipe) for recipe in recipes}) != 1:
            raise ValueError("only pictures that differ in prompts and seed alone are made together")
        self._stack.use(recipes[0].loras)
        guides = self._guides.of(recipes, self._stack.text_key)
        # Prompts of another length go through the U-Net apart: filled up to one length they would give another picture.
        by_length = sorted(range(len(recipes)), key=lambda index: guides[index].tokens)
        groups = [list(group) for _, group in groupby(by_length, key=lambda index: guides[index].tokens)]
        steps = sampler_named(recipes[0].sampler).evaluations(recipes[0].steps)
        pictures: dict[int, SampledPicture] = {}
        for round_, group in enumerate(groups):
            latents = self._latents(
                [recipes[index] for index in group],
                [guides[index] for index in group],
                stop,
                _counted_on(progress, round_ * steps, len(groups) * steps),
            )
            if latents is None:
                return None
            made = zip(latents.float().cpu().unbind(), decode(self.model, latents), strict=True)
            pictures |= zip(group, (SampledPicture(each.clone(), pixels) for each, pixels in made), strict=True)
        return [pictures[index] for index in range(len(recipes))]

    def _latents(
        self,
        recipes: Sequence[Recipe],
        guides: Sequence[Guidance],
        stop: Callable[[], bool],
        report_step: Callable[[int], None],
    ) -> Tensor | None:
        one, device = recipes[0], self.model.device
        sampler = sampler_named(one.sampler)
        schedule = self.model.schedule_for(one.prediction, one.zero_terminal_snr)
        scheduler, times = schedule.sampling(sampler.name, one.steps, one.shift)
        channels, height, width = self.model.latent_shape(one.height, one.width)
        noise, generators = noise_and_generators([recipe.seed for recipe in recipes], height, width, channels)
        latents: Tensor = noise.to(device) * scheduler.init_noise_sigma
        draws = {"generator": generators} if sampler.ancestral else {}
        passes = _Passes(self.model, guides, one)
        with self.model.sampling_mode():
            for done, (time, time_there) in enumerate(zip(times, times.to(device), strict=True), start=1):
                if stop():
                    return None
                predicted = passes.predict(scheduler.scale_model_input(latents, time), time_there)
                latents = scheduler.step(predicted, time, latents, **draws, return_dict=False)[0]
                report_step(done)
        return latents


class _Passes:
    """U-Net passes over several pictures at one step: with the prompt and the negative prompt in one pass."""

    def __init__(self, model: BaseModel, guides: Sequence[Guidance], recipe: Recipe) -> None:
        self._model = model
        self._scale, self._rescale = recipe.cfg_scale, recipe.guidance_rescale
        negatives = [guide.negative for guide in guides if guide.negative is not None]
        self._guided = bool(negatives)
        self._text = Conditioning.joined([*negatives, *(guide.prompt for guide in guides)])
        size = (recipe.height, recipe.width)
        self._sizes = torch.tensor([[*size, 0, 0, *size]] * len(self._text), device=model.device)

    def predict(self, seen: Tensor, time: Tensor) -> Tensor:
        """Return the noise or v, fp32 of the shape of `seen`.

        Classifier-free guidance (Ho and Salimans 2022, equation 6), and the guided prediction brought back towards the spread
        of the one with the prompt (Lin et al. 2024, section 3.4).

        Args:
            seen: latents as the scheduler shows them at this time, [batch, channels, height/f, width/f].
            time: a scalar on the model's device.
        """
        both = torch.cat([seen, seen]) if self._guided else seen
        out = self._model.predict(both, time.expand(len(both)), self._text, self._sizes).float()
        if not self._guided:
            return out
        without, with_prompt = out.chunk(2)
        guided = torch.lerp(without, with_prompt, self._scale)
        if not self._rescale:
            return guided
        spread = with_prompt.std(dim=(1, 2, 3), keepdim=True) / guided.std(dim=(1, 2, 3), keepdim=True)
        return torch.lerp(guided, guided * spread, self._rescale)


def _counted_on(progress: Callable[[int, int], None], before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress(before + done, total)


def wanted_base(recipe: Recipe, compute_setup: ComputeSetup) -> WantedBase:
    """Return which base a recipe's pictures are made on, in which form. Its VAE is in fp32 in every precision.

    Args:
        recipe: says base and VAE.
        compute_setup: says where and in which type.

    Raises:
        ModelError: there is no such base.
    """
    base = identify_base(recipe.base, {**dict(recipe.components), **({"vae": recipe.vae} if recipe.vae else {})})
    return WantedBase(base, compute_setup.device, dtype_of(compute_setup), vae=recipe.vae)


def sampler_on(model: BaseModel, recipe: Recipe, compute_setup: ComputeSetup) -> GridSampler:
    """Return the sampler on a base that waits in the computer's memory.

    Args:
        model: bare; what is roomy enough for all of it gets all of it, else VAE and encoders come for as long as they are needed.
        recipe: says what the base predicts.
        compute_setup: says how attention is computed.
    """
    tight = model.device.type == "cuda" and free_memory(model.device) < family_record(model.family).sampling.roomy_bytes
    model.bring_body()
    if not tight:
        model.bring_vae()
        for part in model.encoders:
            model.bring_encoder_back(part)
    if compute_setup.attention != "sdpa":
        model.set_compute_options(ComputeOptions(attention="xformers"))
    model.schedule = model.schedule_for(recipe.prediction, recipe.zero_terminal_snr)
    return GridSampler(model)
