"""Values of an axis: each with its label and the change that it makes to a cell."""

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, LoraTuiError, SettingsError
from trainer.families.record import MAX_SHIFT, MIN_SHIFT, FamilyRecord
from trainer.families.registry import FAMILIES, family_record
from trainer.grid.axes import Kind, kind_named
from trainer.grid.cell_draft import CellDraft, DraftLora
from trainer.grid.epoch_labels import (
    ALL,
    BASE_ONLY,
    bakes_named,
    epoch_heading,
    epochs_named,
    epochs_of_each_bake,
    split_items,
)
from trainer.grid.model_files import ModelFiles
from trainer.grid.prompt_changes import has_token, reordered, replaced, with_outfit, without_token
from trainer.grid.prompt_labels import prompt_labels
from trainer.grid.recipe import MAX_SIDE
from trainer.grid.samplers import sampler_named
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.grid.value_grammar import decimal_text, decimals, permutations_of, text_list, texts, whole_numbers
from trainer.models.adapter_config import lora_name
from trainer.models.block_weights import BlockWeights, parse_block_weights
from trainer.text import printable

RANDOM = -1
"""The seed that stands for a random one."""

MAX_SEED = 2**32 - 1
"""The largest seed."""

_MAX_REPEATS = 99
_SIZE = re.compile(r"([0-9]{1,5})\s*[xX×]\s*([0-9]{1,5})")
_SWITCH = {"on": True, "yes": True, "off": False, "no": False}

Change = Callable[[CellDraft], None]


@dataclass(frozen=True)
class AxisValue:
    """One value of an axis.

    Attributes:
        label: its heading.
        text: gives this value when typed.
        change: puts it into a cell; raises NotInPrompt or GridError where that has nothing to act on.
    """

    label: str
    text: str
    change: Change


@dataclass(frozen=True)
class AxisContext:
    """What the values of an axis are looked up in.

    Attributes:
        spec: the grid's.
        model_files: where files are found.
        where: what an error starts with.
    """

    spec: GridSpec
    model_files: ModelFiles
    where: str


def values_of(
    axis: AxisSpec, spec: GridSpec, model_files: ModelFiles, where: str
) -> tuple[Kind, tuple[AxisValue, ...]]:
    """Return the kind of an axis and its values.

    Args:
        axis: as typed.
        spec: whose epochs, outfits, token and LoRAs it may name.
        model_files: finds the files it names.
        where: which axis it is, such as `X`; errors start with it and the kind.

    Raises:
        GridError: the kind is unknown, a value is not valid for it, or there is no value.
    """
    kind = kind_named(axis.kind)
    within = AxisContext(spec, model_files, f"{where} {kind.title}".strip())
    return kind, tuple(_PARSERS[kind.plain](axis.values, kind, within))


def seeds_of(text: str, where: str) -> tuple[int, ...]:
    """Return seeds as typed; RANDOM for those that are still to be drawn.

    Raises:
        GridError: one is out of range, or there is no seed.
    """
    seeds = whole_numbers(text, where)
    for seed in seeds:
        _check_range(seed, RANDOM, MAX_SEED, where)
    return seeds


def listed_values(values: Sequence[AxisValue], kind: Kind) -> str:
    """Return the text that gives these values again."""
    match kind.grammar:
        case "texts" | "choices":
            return text_list(value.text for value in values)
        case "orders":
            # One list stands for all of its orders.
            return values[0].text
        case _:
            return ", ".join(value.text for value in values)


def _whole(name: str, low: int, high: int) -> Callable[[str, Kind, AxisContext], Iterable[AxisValue]]:
    def parse(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
        for number in whole_numbers(text, within.where):
            _check_range(number, low, high, within.where)
            yield AxisValue(str(number), str(number), _setting(name, number))

    return parse


def _decimal(name: str, low: float, high: float) -> Callable[[str, Kind, AxisContext], Iterable[AxisValue]]:
    def parse(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
        for number in decimals(text, within.where):
            _check_range(float(number), low, high, within.where)
            yield AxisValue(decimal_text(number), decimal_text(number), _setting(name, float(number)))

    return parse


def _setting(name: str, value: object) -> Change:
    def change(draft: CellDraft) -> None:
        setattr(draft, name, value)

    return change


def _weight(*factors: str) -> Callable[[str, Kind, AxisContext], Iterable[AxisValue]]:
    def parse(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
        for number in decimals(text, within.where):
            yield AxisValue(decimal_text(number), decimal_text(number), _on_lora(kind, within, factors, float(number)))

    return parse


def _on_lora(kind: Kind, within: AxisContext, names: tuple[str, ...], value: object) -> Change:
    def change(draft: CellDraft) -> None:
        lora = _lora(draft, kind.lora, within.where)
        for name in names:
            setattr(lora, name, value)

    return change


def _lora(draft: CellDraft, number: int, where: str) -> DraftLora:
    if number > len(draft.loras):
        count = len(draft.loras)
        raise GridError(
            where,
            found=f"the grid has no LoRA {number}" if count else "the grid has no LoRA",
            expected=f"1 to {count}" if count else "",
            way_out="" if count else "add a LoRA, an epoch axis, or a tag <lora:name:1> to the prompt",
        )
    return draft.loras[number - 1]


def _whole_texts(name: str) -> Callable[[str, Kind, AxisContext], Iterable[AxisValue]]:
    def parse(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
        prompts = texts(text, within.where)
        return (
            AxisValue(label, each, _setting(name, each))
            for label, each in zip(prompt_labels(prompts), prompts, strict=True)
        )

    return parse


def _prompt_sr(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    found = texts(text, within.where)
    if not found[0]:
        raise GridError(within.where, found="the first value is blank", expected="the text to search for")

    def change_to(other: str) -> Change:
        def change(draft: CellDraft) -> None:
            draft.prompt, draft.negative_prompt = replaced(draft.prompt, draft.negative_prompt, found[0], other)

        return change

    return (AxisValue(other, other, change_to(other)) for other in found)


def _prompt_order(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    def change_to(words: tuple[str, ...]) -> Change:
        def change(draft: CellDraft) -> None:
            draft.prompt = reordered(draft.prompt, words)

        return change

    for words in permutations_of(text, within.where):
        yield AxisValue(", ".join(words), text, change_to(words))


def _sampler(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for each in texts(text, within.where):
        try:
            name = sampler_named(each).name
        except GridError as error:
            raise GridError(within.where, found=f"`{error.found}`", expected=error.expected) from None
        yield AxisValue(name, name, _setting("sampler", name))


def _size(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for each in texts(text, within.where):
        match = _SIZE.fullmatch(each.strip())
        if match is None:
            raise GridError(within.where, found=f"`{printable(each, 60)}`", expected="width x height: 512x768")
        width, height = int(match[1]), int(match[2])
        check_size(width, height, within.where, base_record(within.spec, within.model_files))
        yield AxisValue(f"{width}x{height}", f"{width}x{height}", _size_change(width, height))


def _size_change(width: int, height: int) -> Change:
    def change(draft: CellDraft) -> None:
        draft.width, draft.height = width, height

    return change


def base_record(spec: GridSpec, model_files: ModelFiles) -> FamilyRecord | None:
    """Return the family of the spec's base; None where an axis varies the base, or it cannot be read, which is said where it is used."""
    if any(axis is not None and kind_named(axis.kind).plain == "base" for axis in (spec.x, spec.y, spec.z)):
        return None
    try:
        return family_record(model_files.base(model_files.base_name(spec.base)).family)
    except LoraTuiError:
        return None


def check_size(width: int, height: int, where: str, record: FamilyRecord | None) -> None:
    """Check the size of a picture.

    Args:
        width, height: in pixels.
        where: start of the error.
        record: of the base's family; None where it is not known: the finest grain of all families counts then.

    Raises:
        GridError: a side is not a multiple of the family's grain, or too short or long.
    """
    records = FAMILIES.values() if record is None else (record,)
    grain = min(each.sampling.grain for each in records)
    for side in (width, height):
        if side % grain or not grain <= side <= MAX_SIDE:
            near = min(MAX_SIDE, max(grain, round(side / grain) * grain))
            needs = f", as {record.title} needs" if record is not None else ""
            raise GridError(
                where,
                found=f"{width}x{height}",
                expected=f"sides of {grain} to {MAX_SIDE} px, multiples of {grain}{needs}",
                way_out=f"the nearest to {side} is {near}",
            )


def _base(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for each in texts(text, within.where):
        name = within.model_files.base_name(each)
        yield AxisValue(Path(name).name.removesuffix(".safetensors"), each, _setting("base", name))


def _lora_file(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    known = known_loras(within.spec, within.model_files)
    for each in texts(text, within.where):
        path = None if each.strip().casefold() in ("", "none") else within.model_files.lora(each, known)
        yield AxisValue(lora_name(path) if path else "none", each or "none", _lora_change(kind, within, path))


def _lora_change(kind: Kind, within: AxisContext, path: Path | None) -> Change:
    def change(draft: CellDraft) -> None:
        # In a spec without LoRAs the axis itself adds the first one.
        if kind.lora == len(draft.loras) + 1:
            draft.loras.append(DraftLora(None))
        lora = _lora(draft, kind.lora, within.where)
        lora.path, lora.encoder = path, "own"

    return change


def known_loras(spec: GridSpec, model_files: ModelFiles) -> list[Path]:
    """Return the LoRA files that the spec itself names by path."""
    named = (*(lora.file for lora in spec.loras), *(epoch.file for epoch in spec.epochs))
    return [path for path in (model_files.path(file) for file in named if file) if os.path.isfile(path)]


def block_weights_of(text: str, where: str) -> BlockWeights:
    """Return factors by part and block group as they are typed in a grid.

    Raises:
        GridError: a place has no factor, or one that is not a number.
    """
    try:
        return parse_block_weights(text, where)
    except SettingsError as error:
        raise GridError(error.where, found=error.found, expected=error.expected) from None


def _block_weights(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for each in texts(text, within.where):
        plain = each.strip()
        weights = block_weights_of("" if plain.casefold() == "none" else plain, within.where).text()
        yield AxisValue(weights or "none", weights or "none", _on_lora(kind, within, ("blocks",), weights))


def _rank(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for item in split_items(text, within.where):
        if item == ALL:
            yield AxisValue(ALL, ALL, _on_lora(kind, within, ("rank",), None))
            continue
        for number in whole_numbers(item, within.where):
            _check_range(number, 1, 4096, within.where)
            yield AxisValue(str(number), str(number), _on_lora(kind, within, ("rank",), number))


def _bake(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for name in bakes_named(text, within.spec.epochs, within.where):
        yield AxisValue(name, name, _setting("bake", name))


def _epoch(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    if _has_bakes(within.spec):
        for label, files in epochs_of_each_bake(text, within.spec.epochs, within.model_files, within.where):
            yield AxisValue(epoch_heading(label), label, _epoch_of_bake(label, files, within))
        return
    for label, path in epochs_named(text, within.spec.epochs, within.model_files, within.where):
        yield AxisValue(epoch_heading(label), label, _epoch_change(label, path, within))


def _epoch_change(label: str, path: Path | None, within: AxisContext) -> Change:
    def change(draft: CellDraft) -> None:
        lora = _lora(draft, 1, within.where)
        lora.path, lora.encoder, draft.epoch = path, "own", label

    return change


def _has_bakes(spec: GridSpec) -> bool:
    """Return whether bakes are an axis of their own."""
    return any(axis is not None and kind_named(axis.kind).plain == "bake" for axis in (spec.x, spec.y, spec.z))


def _epoch_of_bake(label: str, files: Mapping[str, Path], within: AxisContext) -> Change:
    def change(draft: CellDraft) -> None:
        if label != BASE_ONLY and draft.bake not in files:
            raise GridError(
                within.where,
                found=f"bake {printable(draft.bake, 60)} has no epoch {printable(label, 60)}",
                expected="epochs that every bake has",
                way_out="`all` takes those",
            )
        epoch = label if label == BASE_ONLY else f"{draft.bake}:{label}"
        _epoch_change(epoch, files.get(draft.bake), within)(draft)

    return change


def _text_encoder_epoch(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for label, path in epochs_named(text, within.spec.epochs, within.model_files, within.where):
        yield AxisValue(epoch_heading(label), label, _encoder_change(path, within))


def _encoder_change(path: Path | None, within: AxisContext) -> Change:
    def change(draft: CellDraft) -> None:
        lora = _lora(draft, 1, within.where)
        lora.encoder, lora.encoder_path = ("other", path) if path else ("none", None)

    return change


def _token(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    token = within.spec.token
    if not token:
        raise GridError(within.where, found="the grid has no token", way_out="set `token`")
    for each in texts(text, within.where) if text.strip() else ("on", "off"):
        on = _SWITCH.get(each.strip().casefold())
        if on is None:
            raise GridError(within.where, found=f"`{printable(each, 60)}`", expected="on or off")
        yield AxisValue("on" if on else "off", "on" if on else "off", _token_change(token, on))


def _token_change(token: str, on: bool) -> Change:
    def change(draft: CellDraft) -> None:
        draft.had_token = has_token(draft.prompt, token)
        if draft.had_token and not on:
            draft.prompt = without_token(draft.prompt, token)

    return change


def _outfit(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    outfits = within.spec.outfits
    for item in split_items(text, within.where):
        for name in outfits if item == ALL and outfits else (item,):
            if name not in outfits:
                raise GridError(
                    within.where,
                    found=f"unknown outfit `{printable(name, 60)}`",
                    expected=f"one of {printable(', '.join(outfits), 200)}" if outfits else "a grid with outfits",
                )
            yield AxisValue(name, name, _outfit_change(outfits[name], within.spec))


def _outfit_change(words: str, spec: GridSpec) -> Change:
    def change(draft: CellDraft) -> None:
        draft.prompt = with_outfit(draft.prompt, words, spec.outfits, spec.token)

    return change


def _check_range(value: float, low: float, high: float, where: str) -> None:
    if not low <= value <= high:
        raise GridError(where, found=f"{value:,.10g}".replace(",", ""), expected=f"{low:.10g} to {high:.10g}")


def _seed(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for seed in seeds_of(text, within.where):
        label = "random" if seed == RANDOM else str(seed)
        yield AxisValue(label, str(seed), _setting("seed", seed))


def _repeat(text: str, kind: Kind, within: AxisContext) -> Iterable[AxisValue]:
    for number in whole_numbers(text, within.where):
        _check_range(number, 1, _MAX_REPEATS, within.where)
        yield AxisValue(str(number), str(number), _setting("repeat", number - 1))


_PARSERS: Mapping[str, Callable[[str, Kind, AxisContext], Iterable[AxisValue]]] = {
    "epoch": _epoch,
    "bake": _bake,
    "weight": _weight("unet", "text_encoder"),
    "unet_weight": _weight("unet"),
    "text_encoder_weight": _weight("text_encoder"),
    "text_encoder_epoch": _text_encoder_epoch,
    "lora": _lora_file,
    "block_weights": _block_weights,
    "rank": _rank,
    "prompt": _whole_texts("prompt"),
    "prompt_sr": _prompt_sr,
    "prompt_order": _prompt_order,
    "token": _token,
    "outfit": _outfit,
    "negative_prompt": _whole_texts("negative_prompt"),
    "seed": _seed,
    "steps": _whole("steps", 1, 1000),
    "cfg_scale": _decimal("cfg_scale", 0, 100),
    "guidance_rescale": _decimal("guidance_rescale", 0, 1),
    "shift": _decimal("shift", MIN_SHIFT, MAX_SHIFT),
    "sampler": _sampler,
    "size": _size,
    "clip_skip": _whole("clip_skip", 1, 32),
    "base": _base,
    "repeat": _repeat,
}
