"""Preset grids: those that are needed again and again, each filled in from the subject."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trainer.errors import GridError, LoraTuiError
from trainer.grid.axes import kind_named
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.grid.value_grammar import text_list, whole_numbers
from trainer.models.identify import Base, identify_base
from trainer.prompts.lora_tags import split_tags
from trainer.settings.parts import Family, worded
from trainer.settings.subject import Subject
from trainer.text import printable

_WEIGHTS = "0-1.25 (+0.25)"
_SEED_COUNT = 4
# Used where nobody names any.
_FALLBACK_SEEDS = (1, 2, 3, 4)
_OF_BOTH = "0-1 (+0.25)"
_BASES = 3
# Of a folder that may hold hundreds of checkpoints, each with a header to read.
_MOST_LOOKED_AT = 40


@dataclass(frozen=True)
class GridPreset:
    """A grid under one key.

    Attributes:
        key: as `lora-tui grid --preset KEY` takes it.
        title: its name in a list.
        help: what it shows, one line.
        make: gives it from a spec, whose base, LoRAs, epochs and sampling settings stay, and the subject; raises GridError
            where they lack what it needs.
        quote: the question of the source notes that it answers, "" for none; such a preset is listed beside the preset ladders.
    """

    key: str
    title: str
    help: str
    make: Callable[[GridSpec, Subject], GridSpec]
    quote: str = ""


def _epochs_by_weight(spec: GridSpec, subject: Subject) -> GridSpec:
    return _with_axes(spec, x=AxisSpec(kind="weight", values=_WEIGHTS), y=_every_epoch(spec))


def _unet_by_text_encoder(spec: GridSpec, subject: Subject) -> GridSpec:
    return _with_axes(
        spec,
        x=AxisSpec(kind="unet_weight", values=_WEIGHTS),
        y=AxisSpec(kind="text_encoder_weight", values=_WEIGHTS),
    )


def _token_by_epoch(spec: GridSpec, subject: Subject) -> GridSpec:
    token = subject.trigger or spec.token
    if not token:
        raise GridError("token", found="the subject has no token", way_out="set `trigger` in the subject's file")
    switched = _with_axes(spec, x=AxisSpec(kind="token", values="on, off"), y=_every_epoch(spec))
    return switched.model_copy(update={"token": token})


def _prompts_by_seeds(spec: GridSpec, subject: Subject) -> GridSpec:
    return _with_axes(spec, y=_every_prompt(subject)).model_copy(update={"seeds": _seeds(spec, subject, _SEED_COUNT)})


def _noise_check(spec: GridSpec, subject: Subject) -> GridSpec:
    twice = _with_axes(spec, x=AxisSpec(kind="repeat", values="1-2"))
    return twice.model_copy(update={"seeds": _seeds(spec, subject, 1)})


def _test_grid(spec: GridSpec, subject: Subject) -> GridSpec:
    tested = _with_axes(spec, x=_every_epoch(spec), y=_every_prompt(subject))
    seeds = _seeds(spec, subject, max(1, len(subject.seeds)))
    return tested.model_copy(update={"seeds": seeds, "order": "fair"})


def _with_another_lora(spec: GridSpec, subject: Subject) -> GridSpec:
    if len(spec.loras) + len(split_tags(spec.prompt)[1]) < 2:
        raise GridError(
            "loras",
            found="no other LoRA beside the subject's",
            expected="a second file",
            way_out="name it in the field LoRAs, or by `--set 'loras=\"\",OTHER.safetensors'`",
        )
    return _with_axes(spec, x=AxisSpec(kind="weight", values=_OF_BOTH), y=AxisSpec(kind="weight:2", values=_OF_BOTH))


def _over_bases(spec: GridSpec, subject: Subject) -> GridSpec:
    axis = next((each for each in (spec.x, spec.y, spec.z) if each and kind_named(each.kind).key == "base"), None)
    if axis is None:
        names = (spec.base, *_other_bases(spec.base))
        if len(names) < 2:
            raise GridError(
                "base",
                found=f"no other base of its family in the folder of {printable(Path(spec.base).name, 60) or 'the base'}",
                expected="two bases or more",
                way_out="name them: `--set 'x=base=A.safetensors,B.safetensors'`",
            )
        axis = AxisSpec(kind="base", values=text_list(names))
    return _with_axes(spec, x=axis, y=AxisSpec(kind="weight", values="0, 1"))


def _other_bases(name: str) -> Iterator[str]:
    """Yield the nearest other bases of the same family: single files beside the grid's own, by name."""
    own = _identified(name)
    if own is None or not os.path.isfile(name):
        return
    beside = sorted(path for path in Path(name).parent.glob("*.safetensors") if path != Path(name))
    found = 0
    for path in beside[:_MOST_LOOKED_AT]:
        other = _identified(str(path))
        if other is not None and other.family == own.family:
            yield str(path)
            found += 1
            if found == _BASES - 1:
                return


def _identified(name: str) -> Base | None:
    try:
        return identify_base(name) if name else None
    except LoraTuiError:
        return None


def _with_axes(
    spec: GridSpec, *, x: AxisSpec | None = None, y: AxisSpec | None = None, z: AxisSpec | None = None
) -> GridSpec:
    return spec.model_copy(update={"x": x, "y": y, "z": z})


def _every_epoch(spec: GridSpec) -> AxisSpec:
    if not (spec.epochs or spec.of_bakes or spec.champion):
        raise GridError("epochs", found="no epoch is saved yet", expected="a bake with a saved LoRA")
    return AxisSpec(kind="epoch", values="all")


def _every_prompt(subject: Subject) -> AxisSpec:
    if not subject.prompts:
        raise GridError(
            "prompts", found="the subject has no test prompts", way_out="add `prompts` to the subject's file"
        )
    return AxisSpec(kind="prompt", values=text_list(subject.prompts.values()))


def _seeds(spec: GridSpec, subject: Subject, count: int) -> str:
    """Return `count` seeds: the subject's, then the spec's, then fixed ones; with random ones two grids could not be compared."""
    asked = [seed for seed in whole_numbers(spec.seeds, "seeds") if seed >= 0] if spec.seeds.strip() else []
    seeds = dict.fromkeys((*subject.seeds, *asked, *_FALLBACK_SEEDS))
    return ", ".join(str(seed) for seed in list(seeds)[:count])


_ALL = (
    GridPreset(
        "epochs-weight",
        "Epochs × weight",
        "Every epoch at weights from 0 to 1.25: which one is best, and where it overbakes.",
        _epochs_by_weight,
    ),
    GridPreset(
        "unet-text-encoder",
        "{body} × {encoder}",
        "Weights from 0 to 1.25 of {body} against {encoder}: which one is undertrained or overtrained.",
        _unet_by_text_encoder,
    ),
    GridPreset(
        "token",
        "Token on/off × epochs",
        "Every epoch with the token and without: what appears only with the token, and what always appears.",
        _token_by_epoch,
    ),
    GridPreset(
        "prompts-seeds",
        "Prompts × seeds",
        "All test prompts of the subject with four seeds each: the average quality, not one lucky picture.",
        _prompts_by_seeds,
    ),
    GridPreset(
        "noise",
        "The same seed twice",
        "One picture made twice: with sdpa attention both are equal, with xformers they may differ; that difference is noise.",
        _noise_check,
    ),
    GridPreset(
        "test",
        "Test grid",
        "Every epoch × every test prompt of the subject, the first seed of each before any second, so it can be stopped at any time.",
        _test_grid,
    ),
    GridPreset(
        "other-lora",
        "Another LoRA × yours",
        "Weights of your LoRA against those of another one: what each does alone, and what they do together.",
        _with_another_lora,
        quote="what accounts for the differences in how loras interact with other models, other loras",
    ),
    GridPreset(
        "bases",
        "One epoch over three bases",
        "The newest epoch on its base and on two others beside it, each with the LoRA and without; what does not fit is named.",
        _over_bases,
        quote="what accounts for the differences in how loras interact with other models, other loras",
    ),
)


def presets_of(family: Family | None) -> tuple[GridPreset, ...]:
    """Return every preset, in the order in which they are offered, with what a family calls its parts."""
    return tuple(worded(preset, family, "title", "help") for preset in _ALL)


PRESETS = presets_of(None)
"""The presets where no base is known yet."""
