"""Which pictures does a spec ask for? Every cell's recipe, all of them checked before the first one is made."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

from trainer.errors import GridError
from trainer.families.registry import family_record
from trainer.grid.axes import Kind, kind_named
from trainer.grid.axis_values import RANDOM, AxisValue, check_size, known_loras, listed_values, seeds_of, values_of
from trainer.grid.cell import Axis, Cell, Expanded, Place
from trainer.grid.cell_draft import CellDraft, DraftLora
from trainer.grid.checks import BaseFacts, Checks
from trainer.grid.epoch_labels import CHAMPION
from trainer.grid.model_files import ModelFiles
from trainer.grid.prompt_changes import NotInPrompt
from trainer.grid.recipe import Recipe
from trainer.grid.samplers import sampler_named
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.grid.value_grammar import MAX_VALUES
from trainer.models.identify import Base, identify_base
from trainer.prompts.lora_tags import split_tags
from trainer.text import plural, printable

MAX_CELLS = MAX_VALUES
"""A grid of more pictures is refused."""

_NAMES = ("X", "Y", "Z")
# Whole prompts come first, because the others change what stands in them; the token goes last, because an outfit is put
# behind it. Which file a LoRA is comes before its factors. What is not named goes with the last.
_TURNS = {
    "prompt": 0,
    "negative_prompt": 0,
    "prompt_sr": 1,
    "prompt_order": 1,
    "outfit": 1,
    "token": 2,
    "lora": 4,
    "epoch": 4,
    "text_encoder_epoch": 5,
    "weight": 6,
}
_TAGS, _LAST = 3, 7
# Two axes of one kind would undo each other; a search looks for another text each time.
_TWICE = ("prompt_sr",)
_NOTHING = Axis("", "", ("",))
_tags_of = lru_cache(maxsize=4096)(split_tags)


def _drawn() -> int:
    return random.SystemRandom().randrange(2**32 - 1)


@dataclass(frozen=True)
class _Spelled:
    """An axis with its values.

    Attributes:
        where: what an error begins with: `X Steps`.
        place: which of a cell's three values is of it.
        kind, values: from choices.values_of.
    """

    where: str
    place: int
    kind: Kind
    values: tuple[AxisValue, ...]

    @property
    def turn(self) -> tuple[int, int]:
        return _TURNS.get(self.kind.plain, _LAST), self.place

    @property
    def axis(self) -> Axis:
        labels = tuple(value.label for value in self.values)
        return Axis(self.kind.key, self.kind.title, labels, listed_values(self.values, self.kind))


def expand(
    spec: GridSpec,
    model_files: ModelFiles,
    *,
    base_of: Callable[[str], Base] = identify_base,
    draw: Callable[[], int] = _drawn,
) -> Expanded:
    """Return the grid that `spec` asks for, spelled out and checked. Reads headers only, each once until its file changes.

    Prompts change in the order X, Y, Z; then LoRA tags leave the prompt and join the spec's LoRAs; then files and factors are
    set. A seed of -1 is drawn once for its column, row or sheet, and stands in the spec that comes back.

    Args:
        spec: as asked, with its epochs looked up.
        model_files: finds the files it names.
        base_of: recognises a base.
        draw: gives a seed from 0 to 2**32 - 1.

    Raises:
        GridError: an axis or a field cannot be used, in any cell; names it, the item and the way out.
        ModelError: a base, VAE or LoRA cannot be used.
        SettingsError: the base lacks what the spec names, such as a VAE.
    """
    spec, seeds = _with_drawn_seeds(spec, draw)
    axes = [
        _spelled(axis, place, spec, model_files)
        for place, axis in enumerate((spec.x, spec.y, spec.z))
        if axis is not None
    ]
    _check_kinds(axes)
    _check_count(axes, seeds)
    check_size(spec.width, spec.height, "width, height")
    shape = _shape(axes)
    places = [(x, y, z) for z, y, x in product(range(shape[2]), range(shape[1]), range(shape[0]))]
    drafts = _drafts(spec, model_files, axes, places)
    first_lora = next((lora.path for draft in drafts for lora in draft.loras if lora.path), None)
    checks = Checks(spec, model_files, base_of, first_lora)
    skip = next((axis.where for axis in axes if axis.kind.plain == "clip_skip"), "clip_skip")
    cells: list[Cell] = []
    for place, draft in zip(places, drafts, strict=True):
        with _saying_where(axes, place):
            checks.prompt(draft.prompt, "prompt")
            checks.prompt(draft.negative_prompt, "negative prompt")
        recipes = _recipes(draft, seeds, checks, skip)
        cells += (Cell(Place(*place, number), recipe, draft.epoch) for number, recipe in enumerate(recipes))
    _note_idle_axes(axes, drafts, checks)
    x, y, z = (next((axis.axis for axis in axes if axis.place == place), _NOTHING) for place in range(3))
    return Expanded(_told_plainly(spec, axes), x, y, z, _seed_axis(seeds), tuple(cells), checks.notes)


def preview(axis: AxisSpec, spec: GridSpec, model_files: ModelFiles) -> tuple[str, ...]:
    """Return the labels of one axis; a seed that is still to be drawn is `random`.

    Raises:
        GridError: as expand, as far as it is about this axis alone.
    """
    _, values = values_of(axis, spec, model_files, "")
    return tuple(value.label for value in values)


def _with_drawn_seeds(spec: GridSpec, draw: Callable[[], int]) -> tuple[GridSpec, tuple[int, ...]]:
    """Return the spec with a number for each -1, and the seeds of each cell; none where an axis has them."""
    for name in ("x", "y", "z"):
        axis: AxisSpec | None = getattr(spec, name)
        if axis is not None and _is_seed(axis):
            seeds = _drawn_for(seeds_of(axis.values, f"{name.upper()} Seed"), draw)
            text = ", ".join(str(seed) for seed in seeds)
            return spec.model_copy(update={name: AxisSpec(kind=axis.kind, values=text)}), ()
    seeds = _drawn_for(seeds_of(spec.seeds, "seeds"), draw)
    return spec.model_copy(update={"seeds": ", ".join(str(seed) for seed in seeds)}), seeds


def _is_seed(axis: AxisSpec) -> bool:
    return kind_named(axis.kind).plain == "seed"


def _drawn_for(seeds: Sequence[int], draw: Callable[[], int]) -> tuple[int, ...]:
    return tuple(draw() if seed == RANDOM else seed for seed in seeds)


def _spelled(axis: AxisSpec, place: int, spec: GridSpec, model_files: ModelFiles) -> _Spelled:
    kind, values = values_of(axis, spec, model_files, _NAMES[place])
    return _Spelled(f"{_NAMES[place]} {kind.title}", place, kind, values)


def _check_kinds(axes: Sequence[_Spelled]) -> None:
    """See that no axis undoes another."""
    for later, axis in enumerate(axes):
        for other in axes[:later]:
            both = {axis.kind.key, other.kind.key}
            if (len(both) == 1 and axis.kind.plain not in _TWICE) or both == {"epoch", "lora"}:
                raise GridError(
                    f"{_NAMES[other.place]} and {_NAMES[axis.place]}",
                    found=f"{other.kind.title} and {axis.kind.title}, which undo each other",
                    expected="different things",
                    way_out="put the values of both into one axis",
                )


def _shape(axes: Sequence[_Spelled]) -> tuple[int, int, int]:
    x, y, z = (next((len(axis.values) for axis in axes if axis.place == place), 1) for place in range(3))
    return x, y, z


def _check_count(axes: Sequence[_Spelled], seeds: Sequence[int]) -> None:
    counts = {axis.where: len(axis.values) for axis in axes} | ({"seeds": len(seeds)} if seeds else {})
    pictures = math.prod(counts.values())
    if pictures > MAX_CELLS:
        longest = max(counts, key=lambda name: counts[name])
        raise GridError(
            "grid",
            found=f"{plural(pictures, 'picture')} ({' × '.join(f'{name} {count}' for name, count in counts.items())})",
            expected=f"at most {MAX_CELLS:,}",
            way_out=f"shorten {longest}",
        )


def _drafts(
    spec: GridSpec, model_files: ModelFiles, axes: Sequence[_Spelled], places: Sequence[tuple[int, int, int]]
) -> list[CellDraft]:
    """Return a draft for each place, with the axes' values and the prompt's LoRAs in it."""
    known = known_loras(spec, model_files)
    first = _first_draft(spec, model_files, axes, known)
    ordered = sorted(axes, key=lambda axis: axis.turn)
    of_prompts = [axis for axis in ordered if axis.turn < (_TAGS, 0)]
    others = [axis for axis in ordered if axis.turn > (_TAGS, 0)]
    tagged: dict[str, Path] = {}
    drafts = []
    for place in places:
        draft = first.copy()
        for axis in of_prompts:
            _apply(axis, draft, place, axes)
        with _saying_where(axes, place):
            draft.prompt, tags = _tags_of(draft.prompt)
            for tag in tags:
                path = tagged.get(tag.name) or tagged.setdefault(tag.name, model_files.lora(tag.name, known))
                draft.loras.append(DraftLora(path, tag.unet, tag.text_encoder, tag.rank))
        for axis in others:
            _apply(axis, draft, place, axes)
        drafts.append(draft)
    return drafts


def _apply(axis: _Spelled, draft: CellDraft, place: tuple[int, int, int], axes: Sequence[_Spelled]) -> None:
    try:
        axis.values[place[axis.place]].change(draft)
    except NotInPrompt as error:
        within = _of_prompts([other for other in axes if other is not axis], place)
        there = "once in the prompt" if axis.kind.plain == "prompt_order" else "in the prompt or the negative prompt"
        raise GridError(
            axis.where,
            found=f"`{printable(error.word, 80)}` does not stand {there}{within}",
            expected="a text that every cell of the axis has" if within else "a text of the prompt",
        ) from None


@contextmanager
def _saying_where(axes: Sequence[_Spelled], place: tuple[int, int, int]) -> Iterator[None]:
    """Let an error about a prompt say which values of the axes made it."""
    try:
        yield
    except GridError as error:
        raise GridError(
            f"{error.where}{_of_prompts(axes, place)}",
            found=error.found,
            expected=error.expected,
            way_out=error.way_out,
        ) from None


def _of_prompts(axes: Sequence[_Spelled], place: tuple[int, int, int]) -> str:
    """Return ` where X is …` for the axes that change prompts, nothing where none does."""
    values = [
        f"{_NAMES[axis.place]} is `{printable(axis.values[place[axis.place]].label, 60)}`"
        for axis in axes
        if axis.turn < (_TAGS, 0)
    ]
    return f" where {' and '.join(values)}" if values else ""


def _first_draft(spec: GridSpec, model_files: ModelFiles, axes: Sequence[_Spelled], known: Sequence[Path]) -> CellDraft:
    """Return what every cell begins as."""
    kinds = {axis.kind.key for axis in axes}
    of_axes = {number for number in range(1, len(spec.loras) + 1) if _lora_key(number) in kinds}
    if "epoch" in kinds:
        of_axes.add(1)
    loras = []
    for number, lora in enumerate(spec.loras, 1):
        unet = lora.weight if lora.unet_weight is None else lora.unet_weight
        encoder = lora.weight if lora.text_encoder_weight is None else lora.text_encoder_weight
        path = None if number in of_axes else _file_of(lora.file, number, spec, model_files, known)
        loras.append(DraftLora(path, unet, encoder))
    if not loras and kinds & {"epoch", "lora"}:
        loras.append(DraftLora(None))
    return CellDraft(
        base=spec.base if any(axis.kind.plain == "base" for axis in axes) else model_files.base_name(spec.base),
        prompt=spec.prompt,
        negative_prompt=spec.negative_prompt,
        steps=spec.steps,
        cfg_scale=spec.cfg_scale,
        guidance_rescale=spec.guidance_rescale,
        sampler=sampler_named(spec.sampler).name,
        width=spec.width,
        height=spec.height,
        clip_skip=spec.clip_skip,
        loras=loras,
    )


def _lora_key(number: int) -> str:
    return "lora" if number == 1 else f"lora:{number}"


def _file_of(file: str, number: int, spec: GridSpec, model_files: ModelFiles, known: Sequence[Path]) -> Path:
    """Return the file of a LoRA of the spec; a nameless first one is the newest epoch's."""
    if file.strip():
        return model_files.lora(file, known)
    if number == 1 and spec.epochs:
        own = [epoch for epoch in spec.epochs if epoch.label != CHAMPION]
        return model_files.path((own or spec.epochs)[-1].file)
    raise GridError(f"LoRA {number}", found="names no file", expected="a LoRA, or an axis that names one")


def _recipes(draft: CellDraft, seeds: Sequence[int], checks: Checks, skip: str) -> Iterator[Recipe]:
    """Yield the recipe of each seed of a cell, after looking at all that it needs."""
    ground = checks.base_facts(draft.base)
    uses = [checks.lora(lora, ground) for lora in draft.loras]
    loras = tuple(use for use in uses if use)
    rescale = ground.guidance_rescale if draft.guidance_rescale is None else draft.guidance_rescale
    layer = checks.clip_skip(ground, draft.clip_skip, skip)
    for seed in seeds or (draft.seed,):
        assert seed is not None
        yield Recipe(
            base=draft.base,
            vae=checks.vae,
            prediction=ground.prediction,
            zero_terminal_snr=ground.zero_terminal_snr,
            prompt=draft.prompt,
            negative_prompt=draft.negative_prompt,
            seed=seed,
            steps=draft.steps,
            cfg_scale=draft.cfg_scale,
            guidance_rescale=rescale,
            sampler=draft.sampler,
            width=draft.width,
            height=draft.height,
            clip_skip=layer,
            loras=loras,
            repeat=draft.repeat,
        )


def _seed_axis(seeds: Sequence[int]) -> Axis:
    if not seeds:
        return _NOTHING
    labels = tuple(str(seed) for seed in seeds)
    return Axis("seed", "Seed", labels, ", ".join(labels))


def _told_plainly(spec: GridSpec, axes: Sequence[_Spelled]) -> GridSpec:
    """Return the spec with its axes under our own keys."""
    written = {axis.place: axis.kind.key for axis in axes}
    update = {
        name: axis.model_copy(update={"kind": written[place]})
        for place, name in enumerate(("x", "y", "z"))
        if (axis := getattr(spec, name)) is not None
    }
    return spec.model_copy(update=update)


def _note_idle_axes(axes: Sequence[_Spelled], drafts: Sequence[CellDraft], checks: Checks) -> None:
    """Note where an axis changes nothing, so that nobody reads something into its pictures."""
    grounds = [checks.base_facts(name) for name in dict.fromkeys(draft.base for draft in drafts)]
    for axis in axes:
        if axis.kind.plain == "clip_skip" and not any(
            family_record(ground.base.family).clip_skip for ground in grounds
        ):
            title = family_record(grounds[0].base.family).title
            checks.note(f"{axis.where} changes nothing: {title}'s layers are fixed")
        if axis.kind.plain in ("text_encoder_weight", "text_encoder_epoch"):
            _note_without_encoder(axis, drafts, grounds[0], checks)
        if axis.kind.plain == "token" and not all(draft.had_token for draft in drafts):
            _note_without_token(axis, drafts, checks)


def _note_without_encoder(axis: _Spelled, drafts: Sequence[CellDraft], ground: BaseFacts, checks: Checks) -> None:
    index = axis.kind.lora - 1
    paths = {lora.path for draft in drafts for lora in draft.loras[index : index + 1] if lora.path}
    if paths and not any(checks.has_text_encoder(path, ground) for path in paths):
        checks.note(f"{axis.where} changes nothing: {printable(min(paths).name, 80)} has no text encoder layers")


def _note_without_token(axis: _Spelled, drafts: Sequence[CellDraft], checks: Checks) -> None:
    if not any(draft.had_token for draft in drafts):
        raise GridError(axis.where, found="the token is in no prompt", expected="a prompt with it", way_out="put it in")
    prompts = {draft.prompt for draft in drafts if not draft.had_token}
    checks.note(f"{axis.where} changes nothing in {plural(len(prompts), 'prompt')} without the token")
