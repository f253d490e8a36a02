"""Sample pictures of a bake: the subject's prompts or a prompt file's, each with its seeds. Free of torch."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, SettingsError
from trainer.families.record import Prediction
from trainer.families.registry import family_record
from trainer.formats.prompt_file import FilePrompt, read_prompt_file
from trainer.grid.defaults import defaults_for, guidance_rescale_for
from trainer.grid.recipe import Recipe
from trainer.grid.samplers import sampler_named
from trainer.models.identify import Base, named_components
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


def makes_pictures(settings: Settings) -> bool:
    """Return whether a bake with these settings makes pictures at any time: samples, or those that it is measured by."""
    return makes_samples(settings) or settings.measure_pictures


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
    subject = subject_of(settings, near)
    form = SampleForm(settings, base, prediction, zero_terminal_snr)
    return tuple(
        SamplePicture(f"{name}-s{count}", form.recipe(asked, seed, name))
        for name, asked in sample_prompts(settings, subject)
        for count, seed in enumerate(_seeds(settings, subject, asked), start=1)
    )


class SampleForm:
    """The form that a bake's settings give its pictures: what of a recipe is not its prompt and its seed.

    Args:
        settings: in force, with every path filled in.
        base: what they are made on.
        prediction, zero_terminal_snr: of the base, as the bake uses it.
    """

    def __init__(self, settings: Settings, base: Base, prediction: Prediction, zero_terminal_snr: bool) -> None:
        self._settings, self._defaults, self._family = settings, defaults_for(base), family_record(base.family)
        self._prediction, self._zero_terminal_snr = prediction, zero_terminal_snr

    def recipe(self, asked: FilePrompt, seed: int, name: str) -> Recipe:
        """Return the recipe of one picture; what the prompt asks for comes before the settings.

        Raises:
            GridError: the prompt or the sampler is wrong; names the prompt by `name`.
        """
        settings, defaults = self._settings, self._defaults
        sampler = asked.sampler or settings.sample_sampler or defaults.sampler
        guidance = defaults.cfg_scale if settings.sample_cfg_scale is None else settings.sample_cfg_scale
        width, height = (
            parse_size(settings.sample_resolution) if settings.sample_resolution else (defaults.width, defaults.height)
        )
        width, height = self._family.sampling.fit(asked.width or width, asked.height or height)
        words, negative = (_plain(text, name) for text in (asked.prompt, asked.negative_prompt or ""))
        return Recipe(
            base=settings.pretrained_model_name_or_path,
            vae=settings.vae,
            prediction=self._prediction,
            zero_terminal_snr=self._zero_terminal_snr,
            prompt=words,
            negative_prompt=negative,
            seed=seed,
            steps=asked.steps or settings.sample_steps or defaults.steps,
            cfg_scale=guidance if asked.cfg_scale is None else asked.cfg_scale,
            guidance_rescale=guidance_rescale_for(self._zero_terminal_snr),
            sampler=self._fitting(sampler_named(str(sampler_name(sampler))).name, name),
            width=width,
            height=height,
            clip_skip=settings.clip_skip,
            shift=self._shift(asked),
            components=tuple(named_components(settings).items()),
        )

    def _fitting(self, sampler: str, name: str) -> str:
        """Return a sampler's name after seeing that it can sample what the family predicts."""
        fitting = self._family.sampling.samplers
        if sampler not in fitting:
            raise GridError(
                f"sampler of sample prompt {name}",
                found=f"{sampler}, which is not for {self._family.title}",
                expected=" or ".join(fitting),
                way_out="set sample_sampler, or --ss in the prompt file",
            )
        return sampler

    def _shift(self, asked: FilePrompt) -> float | None:
        """Return the shift of the times: the prompt's, the settings' or the family's own; None in families without one."""
        usual = self._family.sampling.shift
        if usual is None:
            return None
        return next(each for each in (asked.shift, self._settings.sample_shift, usual) if each is not None)


def subject_of(settings: Settings, near: Path) -> Subject:
    """Return the subject that settings name, an empty one where they name none or its file is gone; arguments as for sample_pictures.

    Raises:
        SettingsError: its file is wrong.
    """
    path = subject_path(near, settings.subject) if settings.subject else None
    return load_subject(path) if path is not None else Subject()


def sample_prompts(settings: Settings, subject: Subject) -> Iterator[tuple[str, FilePrompt]]:
    """Yield each prompt, of the prompt file or else of the subject, with a name that a file can have.

    Raises:
        SettingsError: there is none, or the prompt file is wrong.
    """
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
    yield from counted_on(subject.seeds or [settings.seed], settings.sample_seeds)


def counted_on(seeds: Sequence[int], count: int) -> Iterator[int]:
    """Yield the first `count` of some seeds; where there are fewer, counting on from the last."""
    for place in range(count):
        past = place - len(seeds) + 1
        yield (seeds[-1] + past if past > 0 else seeds[place]) % _SEED_COUNT


def _plain(text: str, name: str) -> str:
    """Return a prompt without its LoRA tags."""
    words, _ = split_tags(text)
    check(words, f"sample prompt {name}")
    return words


def _file_name(name: str) -> str:
    return re.sub(r"[^\w-]+", "_", name)[:40].strip("_") or "prompt"
