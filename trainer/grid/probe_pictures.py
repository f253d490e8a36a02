"""Pictures that a bake measures its LoRA by: the subject's prompts, the same without its token, its outfits, each with fixed seeds.

Free of torch, so that a plan says what will be made.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from trainer.errors import SettingsError
from trainer.families.record import Prediction
from trainer.formats.prompt_file import FilePrompt
from trainer.grid.prompt_changes import has_token, with_outfit, without_token
from trainer.grid.recipe import Recipe
from trainer.grid.sample_prompts import SampleForm, counted_on, sample_prompts, subject_of
from trainer.models.identify import Base
from trainer.prompts.attention import escaped_once
from trainer.prompts.lora_tags import split_tags
from trainer.settings.model import Settings
from trainer.settings.subject import Subject
from trainer.text import plural

# The same in every bake, also where the subject names none: with settings.seed two twins would make different pictures.
_SEEDS = (0,)


class PromptKind(StrEnum):
    """What a prompt is asked for."""

    SUBJECT = "subject"
    """For the subject: it has the token, where there is one."""
    BARE = "bare"
    """For what the subject leaves where its token is taken out of the prompt."""
    NEUTRAL = "neutral"
    """For something that has nothing to do with the subject."""
    OUTFIT = "outfit"
    """For one of the subject's outfits."""


@dataclass(frozen=True)
class ProbePrompt:
    """One prompt.

    Attributes:
        name: unique in its set, for people: `school`, `school without the token`.
        kind: what it is for.
        asked: as it goes to the model, and what its line of a prompt file asks for besides.
        twin: of a bare one the name of the prompt that has the token.
        outfit: of one for an outfit its folder.
    """

    name: str
    kind: PromptKind
    asked: FilePrompt
    twin: str = ""
    outfit: str = ""


@dataclass(frozen=True)
class ProbePicture:
    """One picture: its prompt, and how it is made, without the LoRA that is measured."""

    prompt: ProbePrompt
    recipe: Recipe


@dataclass(frozen=True)
class ProbeSet:
    """The pictures of a bake, and what can be told by them.

    Attributes:
        pictures: prompt by prompt, each with all its seeds.
        prompts: how many prompts there are.
        seeds: of each prompt.
        token: the subject's activation token; "" where it has none, so that nothing is told by leaving it out.
        outfits: folders of the outfits that are asked for; none where there are fewer than two.
        left_out: what was not taken because of the bound on pictures, in words; "" where all was.
        no_outfits: why none is asked for, in words.
    """

    pictures: tuple[ProbePicture, ...]
    prompts: int
    seeds: int
    token: str
    outfits: tuple[str, ...]
    left_out: str = ""
    no_outfits: str = ""

    def of(self, *kinds: PromptKind) -> tuple[int, ...]:
        """Return which pictures are of these kinds."""
        return tuple(index for index, picture in enumerate(self.pictures) if picture.prompt.kind in kinds)

    def measured(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what is measured in them, and what is not with the reason, in words."""
        made = ["drift"]
        not_made = []
        why = "measure_pictures_most leaves no room" if self.token else "the subject has no trigger"
        for what, kinds in (
            ("token effect", (PromptKind.BARE,)),
            ("bleed", (PromptKind.BARE, PromptKind.NEUTRAL)),
        ):
            if self.of(*kinds):
                made.append(what)
            else:
                not_made.append(f"no {what}: {why}")
        if self.outfits:
            made.append("outfit asked × outfit seen")
        else:
            not_made.append(f"no outfits: {self.no_outfits}")
        return (*made, "fine detail", "saturation", "static"), tuple(not_made)

    def twin_of(self, index: int) -> int | None:
        """Return which picture is made with the token and else as picture `index`; None where that is not among them."""
        bare = self.pictures[index]
        for place, picture in enumerate(self.pictures):
            if picture.prompt.name == bare.prompt.twin and picture.recipe.seed == bare.recipe.seed:
                return place
        return None


def probe_set(
    settings: Settings,
    near: Path,
    base: Base,
    prediction: Prediction,
    *,
    zero_terminal_snr: bool,
    folders: Collection[str],
) -> ProbeSet:
    """Return the pictures, at most `measure_pictures_most`: whole prompts, the ones that tell most first.

    Args:
        settings: in force, with every path filled in.
        near: a settings file; the subject's file is beside it or in a folder above it.
        base: what they are made on.
        prediction, zero_terminal_snr: of the base, as the bake uses it.
        folders: of the data that have pictures of the subject; an outfit of another one is left out.

    Raises:
        SettingsError: there is neither a prompt nor a token, or a file of prompts or of the subject is wrong.
        GridError: a prompt or the sampler is wrong.
    """
    subject = subject_of(settings, near)
    token = escaped_once(subject.trigger.strip())
    tests = _test_prompts(settings, subject, token)
    outfits = tuple(name for name, words in subject.outfits.items() if name in folders and words.strip())
    seeds = min(settings.measure_pictures_seeds, settings.measure_pictures_most)
    room = settings.measure_pictures_most // seeds
    wanted = [*_first(tests, subject, token), *_outfits(tests, subject, token, outfits), *_others(tests, token)]
    first: dict[str, ProbePrompt] = {}
    for prompt in wanted:
        # The first ones come among the others once more.
        first.setdefault(prompt.name, prompt)
    prompts = list(first.values())
    taken = prompts[:room]
    form = SampleForm(settings, base, prediction, zero_terminal_snr)
    pictures = tuple(
        ProbePicture(prompt, form.recipe(prompt.asked, seed, prompt.name))
        for prompt in taken
        for seed in counted_on(_seeds(subject, prompt.asked), seeds)
    )
    asked = tuple(prompt.outfit for prompt in taken if prompt.kind is PromptKind.OUTFIT)
    more = len(prompts) - len(taken)
    left_out = f"{plural(more, 'prompt')} left out, for which measure_pictures_most leaves no room" if more else ""
    few = "measure_pictures_most leaves no room" if len(outfits) > 1 else "the subject has fewer than two with pictures"
    return ProbeSet(pictures, len(taken), seeds, token, asked if len(asked) > 1 else (), left_out, few)


def planned_pictures(settings: Settings, near: Path, base: Base, folders: Collection[str]) -> ProbeSet:
    """Return the pictures as a plan knows them, before it is known what the base predicts; arguments and errors as for probe_set."""
    return probe_set(settings, near, base, "epsilon", zero_terminal_snr=False, folders=folders)


def check_pictures(settings: Settings, near: Path, base: Base) -> None:
    """Check that pictures to measure can be made where they are asked for; arguments and errors as for probe_set."""
    if settings.measure_pictures:
        planned_pictures(settings, near, base, ())


def _test_prompts(settings: Settings, subject: Subject, token: str) -> list[tuple[str, FilePrompt]]:
    """Return the test prompts; where there are none, the token alone."""
    if token and not settings.sample_prompts and not subject.prompts:
        return [("token", FilePrompt(token, subject.negative_prompt))]
    try:
        # A LoRA's tag may have the token in its name.
        return [
            (name, replace(asked, prompt=split_tags(asked.prompt)[0]))
            for name, asked in sample_prompts(settings, subject)
        ]
    except SettingsError as error:
        if settings.sample_prompts or subject.prompts:
            raise
        raise SettingsError(
            "measure_pictures",
            found="on, and the subject has neither prompts nor a trigger",
            expected="something to make pictures of",
            way_out="add prompts to the subject's file, or set sample_prompts",
        ) from error


def _first(tests: Sequence[tuple[str, FilePrompt]], subject: Subject, token: str) -> Iterator[ProbePrompt]:
    """Yield what tells most: a prompt for the subject, the same without its token, and one for something else."""
    if not token:
        return
    others = [each for each in tests if not has_token(each[1].prompt, token)]
    of_subject = next((each for each in tests if has_token(each[1].prompt, token)), None)
    if of_subject is not None:
        yield from _pair(*of_subject, token)
    else:
        name, asked = others.pop(0)
        words = f"{token}, {asked.prompt}" if asked.prompt.strip() else token
        named = f"{name} with the token"
        yield ProbePrompt(named, PromptKind.SUBJECT, replace(asked, prompt=words))
        yield ProbePrompt(name, PromptKind.BARE, asked, twin=named)
    name, asked = others[0] if others else ("no words", FilePrompt("", subject.negative_prompt))
    yield ProbePrompt(name, PromptKind.NEUTRAL, asked)


def _outfits(
    tests: Sequence[tuple[str, FilePrompt]], subject: Subject, token: str, outfits: Sequence[str]
) -> Iterator[ProbePrompt]:
    """Yield a prompt for each outfit, all else alike, so that only the outfit asked for differs; none for fewer than two."""
    if len(outfits) < 2:
        return
    ground = next((asked for _, asked in tests if not token or has_token(asked.prompt, token)), FilePrompt(token))
    for folder in outfits:
        words = with_outfit(ground.prompt, subject.outfits[folder], subject.outfits, token)
        yield ProbePrompt(f"outfit {folder}", PromptKind.OUTFIT, replace(ground, prompt=words), outfit=folder)


def _others(tests: Sequence[tuple[str, FilePrompt]], token: str) -> Iterator[ProbePrompt]:
    """Yield every test prompt: for the subject with its twin, or for something else."""
    for name, asked in tests:
        if not token:
            yield ProbePrompt(name, PromptKind.SUBJECT, asked)
        elif has_token(asked.prompt, token):
            yield from _pair(name, asked, token)
        else:
            yield ProbePrompt(name, PromptKind.NEUTRAL, asked)


def _pair(name: str, asked: FilePrompt, token: str) -> Iterator[ProbePrompt]:
    yield ProbePrompt(name, PromptKind.SUBJECT, asked)
    bare = replace(asked, prompt=without_token(asked.prompt, token))
    yield ProbePrompt(f"{name} without the token", PromptKind.BARE, bare, twin=name)


def _seeds(subject: Subject, asked: FilePrompt) -> Sequence[int]:
    return [asked.seed] if asked.seed is not None else subject.seeds or _SEEDS
