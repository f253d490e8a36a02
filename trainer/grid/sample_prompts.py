"""Sample pictures of a bake: the subject's prompts or a prompt file's, each with its seeds. Free of torch."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import SettingsError
from trainer.families.record import Prediction
from trainer.families.registry import family_record
from trainer.formats.prompt_file import FilePrompt, read_prompt_file
from trainer.grid.defaults import defaults_for, guidance_rescale_for
from trainer.grid.recipe import Recipe
from trainer.grid.samplers import sampler_named
from trainer.models.identify import Base
from trainer.prompts.attention import check
from trainer.prompts.lora_tags import split_tags
from trainer.settings.amounts import parse_size
from trainer.settings.fields.sampling import sampler_name
from trainer.settings.model import Settings
from trainer.settings.subject import Subject, load_subject, subject_path

_SEED_COUNT = 2**32


@dataclass(frozen=True)
class SamplePicture:
    """One of the pictures made whenever a bake makes samples.

    Attributes:
        name: the part of its files' names after the step: `01-school-s3`.
        recipe: how it is made, without the LoRA that is being baked.
    """

    name: str
    recipe: Recipe


def makes_samples(settings: Settings) -> bool:
    """Return whether a bake with these settings makes samples at any time."""
    return settings.sample_at_first or bool(settings.sample_every_n_epochs or settings.sample_every_n_steps)


def check_samples(settings: Settings, near: Path, base: Base) -> None:
    """Check that samples can be made where they are asked for.

    Args:
        settings, near, base: as in sample_pictures.

    Raises:
        LoraTuiError: a prompt is missing or wrong.
    """
    if makes_samples(settings):
        sample_pictures(settings, near, base, "epsilon", zero_terminal_snr=False)


def sample_pictures(
    settings: Settings, near: Path, base: Base, prediction: Prediction, *, zero_terminal_snr: bool
) -> tuple[SamplePicture, ...]:
    """Return the sample pictures; files are read again each time, so that their prompts can change while the bake runs.

    LoRA tags in a prompt are left out: only the LoRA that is being baked is applied.

    Args:
        settings: in force, with every path filled in.
        near: a settings file; the subject's file is beside it or in a folder above it.
        base: what they are made on.
        prediction, zero_terminal_snr: of the base, as the bake uses it.

    Raises:
        SettingsError: no prompt is given, or the file of subject or prompts is wrong.
        GridError: a prompt or the sampler is.
    """
    defaults, record = defaults_for(base), family_record(base.family)
    width, height = (
        parse_size(settings.sample_resolution) if settings.sample_resolution else (defaults.width, defaults.height)
    )
    sampler = settings.sample_sampler or defaults.sampler
    steps = settings.sample_steps or defaults.steps
    guidance = defaults.cfg_scale if settings.sample_cfg_scale is None else settings.sample_cfg_scale
    subject = _subject(settings, near)
    pictures = []
    for name, asked in _prompts(settings, subject):
        for count, seed in enumerate(_seeds(settings, subject, asked), start=1):
            size = record.sampling.fit(asked.width or width, asked.height or height)
            words, negative = (_plain(text, name) for text in (asked.prompt, asked.negative_prompt or ""))
            recipe = Recipe(
                base=settings.pretrained_model_name_or_path,
                vae=settings.vae,
                prediction=prediction,
                zero_terminal_snr=zero_terminal_snr,
                prompt=words,
                negative_prompt=negative,
                seed=seed,
                steps=asked.steps or steps,
                cfg_scale=guidance if asked.cfg_scale is None else asked.cfg_scale,
                guidance_rescale=guidance_rescale_for(zero_terminal_snr),
                sampler=sampler_named(str(sampler_name(asked.sampler or sampler))).name,
                width=size[0],
                height=size[1],
                clip_skip=settings.clip_skip,
            )
            pictures.append(SamplePicture(f"{name}-s{count}", recipe))
    return tuple(pictures)


def _subject(settings: Settings, near: Path) -> Subject:
    path = subject_path(near, settings.subject) if settings.subject else None
    return load_subject(path) if path is not None else Subject()


def _prompts(settings: Settings, subject: Subject) -> Iterator[tuple[str, FilePrompt]]:
    """Yield each prompt with a valid file name."""
    if settings.sample_prompts:
        for number, prompt in enumerate(read_prompt_file(Path(settings.sample_prompts)), start=1):
            yield f"{number:02d}", prompt
        return
    if not subject.prompts:
        raise SettingsError(
            "sample_prompts",
            found="blank, and the subject has no prompts",
            way_out="set a prompt file here, or add prompts to the subject's file",
        )
    for number, (name, words) in enumerate(subject.prompts.items(), start=1):
        yield f"{number:02d}-{_file_name(name)}", FilePrompt(words, subject.negative_prompt)


def _seeds(settings: Settings, subject: Subject, asked: FilePrompt) -> Iterator[int]:
    if asked.seed is not None:
        yield asked.seed
        return
    # Fixed seeds: only pictures of one seed can be compared from step to step.
    seeds = subject.seeds or [settings.seed]
    for place in range(settings.sample_seeds):
        past = place - len(seeds) + 1
        yield (seeds[-1] + past if past > 0 else seeds[place]) % _SEED_COUNT


def _plain(text: str, name: str) -> str:
    """Return a prompt without its LoRA tags."""
    words, _ = split_tags(text)
    check(words, f"sample prompt {name}")
    return words


def _file_name(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name)[:40].strip("_") or "prompt"
