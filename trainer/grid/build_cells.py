"""Cells of a grid: a draft for each place with the axes' values in it, then a recipe for each seed."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from trainer.errors import GridError
from trainer.grid.axis_values import block_weights_of, known_loras
from trainer.grid.cell_draft import CellDraft, DraftLora
from trainer.grid.checks import Checks
from trainer.grid.epoch_labels import CHAMPION
from trainer.grid.expanded_axis import ExpandedAxis, naming_prompt_axes, prompt_values
from trainer.grid.model_files import ModelFiles
from trainer.grid.prompt_changes import NotInPrompt
from trainer.grid.recipe import Recipe
from trainer.grid.samplers import sampler_named
from trainer.grid.spec import GridSpec
from trainer.prompts.lora_tags import split_tags
from trainer.text import printable

_split_tags = lru_cache(maxsize=4096)(split_tags)


def cell_drafts(
    spec: GridSpec, model_files: ModelFiles, axes: Sequence[ExpandedAxis], places: Sequence[tuple[int, int, int]]
) -> list[CellDraft]:
    """Return a draft for each place, with the axes' values and the prompt's LoRAs in it.

    Raises:
        GridError: a value has nothing to act on, or a LoRA is not found.
    """
    known = known_loras(spec, model_files)
    first = _first_draft(spec, model_files, axes, known)
    ordered = sorted(axes, key=lambda axis: axis.order)
    tagged: dict[str, Path] = {}
    drafts = []
    for place in places:
        draft = first.copy()
        for axis in ordered:
            if axis.changes_prompts:
                _apply(axis, draft, place, axes)
        with naming_prompt_axes(axes, place):
            draft.prompt, tags = _split_tags(draft.prompt)
            for tag in tags:
                path = tagged.get(tag.name) or tagged.setdefault(tag.name, model_files.lora(tag.name, known))
                draft.loras.append(DraftLora(path, tag.unet, tag.text_encoder, tag.rank))
        for axis in ordered:
            if not axis.changes_prompts:
                _apply(axis, draft, place, axes)
        drafts.append(draft)
    return drafts


def recipes_of(draft: CellDraft, seeds: Sequence[int], checks: Checks, clip_skip_field: str) -> Iterator[Recipe]:
    """Yield the recipe of each seed of a cell, after checking all that it needs.

    Args:
        draft: the cell.
        seeds: the spec's; none where an axis sets the seed.
        checks: of the grid.
        clip_skip_field: what an error about the clip skip starts with.

    Raises:
        GridError, ModelError, SettingsError: as Checks.
    """
    facts = checks.base_facts(draft.base)
    uses = [checks.lora(lora, facts) for lora in draft.loras]
    loras = tuple(use for use in uses if use)
    rescale = facts.guidance_rescale if draft.guidance_rescale is None else draft.guidance_rescale
    width, height = checks.size(facts, draft.width, draft.height)
    layer = checks.clip_skip(facts, draft.clip_skip, clip_skip_field)
    for seed in seeds or (draft.seed,):
        assert seed is not None
        yield Recipe(
            base=draft.base,
            vae=checks.vae,
            prediction=facts.prediction,
            zero_terminal_snr=facts.zero_terminal_snr,
            prompt=draft.prompt,
            negative_prompt=draft.negative_prompt,
            seed=seed,
            steps=draft.steps,
            cfg_scale=draft.cfg_scale,
            guidance_rescale=rescale,
            sampler=checks.sampler(facts, draft.sampler),
            width=width,
            height=height,
            clip_skip=layer,
            loras=loras,
            repeat=draft.repeat,
            shift=checks.shift(facts, draft.shift),
            components=checks.components(facts),
        )


def _first_draft(
    spec: GridSpec, model_files: ModelFiles, axes: Sequence[ExpandedAxis], known: Sequence[Path]
) -> CellDraft:
    """Return what every cell starts as."""
    kinds = {axis.kind.key for axis in axes}
    set_by_axes = {number for number in range(1, len(spec.loras) + 1) if _lora_key(number) in kinds}
    if "epoch" in kinds:
        set_by_axes.add(1)
    loras = []
    for number, lora in enumerate(spec.loras, 1):
        unet = lora.weight if lora.unet_weight is None else lora.unet_weight
        encoder = lora.weight if lora.text_encoder_weight is None else lora.text_encoder_weight
        path = None if number in set_by_axes else _lora_path(lora.file, number, spec, model_files, known)
        where = f"LoRA {number} block_weights"
        loras.append(DraftLora(path, unet, encoder, blocks=block_weights_of(lora.block_weights, where).text()))
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
        shift=spec.shift,
        loras=loras,
    )


def _lora_key(number: int) -> str:
    return "lora" if number == 1 else f"lora:{number}"


def _lora_path(file: str, number: int, spec: GridSpec, model_files: ModelFiles, known: Sequence[Path]) -> Path:
    """Return the file of a LoRA of the spec; a first one without a name is the newest epoch's."""
    if file.strip():
        return model_files.lora(file, known)
    if number == 1 and spec.epochs:
        own = [epoch for epoch in spec.epochs if epoch.label != CHAMPION]
        return model_files.path((own or spec.epochs)[-1].file)
    raise GridError(f"LoRA {number}", found="names no file", expected="a LoRA, or an axis that sets one")


def _apply(axis: ExpandedAxis, draft: CellDraft, place: tuple[int, int, int], axes: Sequence[ExpandedAxis]) -> None:
    try:
        axis.values[place[axis.place]].change(draft)
    except NotInPrompt as error:
        where = prompt_values([other for other in axes if other is not axis], place)
        once = axis.kind.plain == "prompt_order"
        missing = "not in the prompt exactly once" if once else "neither in the prompt nor in the negative prompt"
        raise GridError(
            axis.where,
            found=f"`{printable(error.word, 80)}` is {missing}{where}",
            expected="a text that every cell of the axis has" if where else "a text of the prompt",
        ) from None
