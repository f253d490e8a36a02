"""Preset grids: those that are needed again and again, each filled in from the subject."""

from collections.abc import Callable
from dataclasses import dataclass

from trainer.errors import GridError
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.grid.value_grammar import text_list, whole_numbers
from trainer.settings.subject import Subject

_WEIGHTS = "0-1.25 (+0.25)"
_SEED_COUNT = 4
# Used where nobody names any.
_FALLBACK_SEEDS = (1, 2, 3, 4)


@dataclass(frozen=True)
class GridPreset:
    """A grid under one key.

    Attributes:
        key: as `lora-tui grid --ready KEY` takes it.
        title: its name in a list.
        help: what it shows, one line.
        make: gives it from a spec, whose base, LoRAs, epochs and sampling settings stay, and the subject; raises GridError
            where they lack what it needs.
    """

    key: str
    title: str
    help: str
    make: Callable[[GridSpec, Subject], GridSpec]


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


PRESETS = (
    GridPreset(
        "epochs-weight",
        "Epochs × weight",
        "Every epoch at weights from 0 to 1.25: which one is best, and where it overbakes.",
        _epochs_by_weight,
    ),
    GridPreset(
        "unet-text-encoder",
        "U-Net × text encoder",
        "Weights from 0 to 1.25 of U-Net against text encoder: which one is undertrained or overtrained.",
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
)
"""Every preset, in the order in which they are offered."""
