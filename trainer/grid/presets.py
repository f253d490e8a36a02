"""Which grids are asked for again and again? Those of the source notes, each made of what is known of the subject."""

from collections.abc import Callable
from dataclasses import dataclass

from trainer.errors import GridError
from trainer.grid.spec import AxisSpec, GridSpec
from trainer.grid.value_grammar import text_list, whole_numbers
from trainer.settings.subject import Subject

_WEIGHTS = "0-1.25 (+0.25)"
_SEEDS = 4
# Where nothing names any; any others would do as well.
_FIXED_SEEDS = (1, 2, 3, 4)


@dataclass(frozen=True)
class GridPreset:
    """A grid under one key.

    Attributes:
        key: as `lora-tui grid --ready KEY` takes it.
        title: a few words.
        help: what it tells, one line.
        make: gives it from a spec, whose base, LoRAs, epochs and looks stay, and the subject; raises GridError where they lack
            what it needs.
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
        raise GridError("token", found="the subject has none", way_out="name it as `trigger` in the subject's file")
    switched = _with_axes(spec, x=AxisSpec(kind="token", values="on, off"), y=_every_epoch(spec))
    return switched.model_copy(update={"token": token})


def _prompts_by_seeds(spec: GridSpec, subject: Subject) -> GridSpec:
    return _with_axes(spec, y=_every_prompt(subject)).model_copy(update={"seeds": _seeds(spec, subject, _SEEDS)})


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
        raise GridError("epochs", found="none are saved yet", expected="a bake with a saved LoRA")
    return AxisSpec(kind="epoch", values="all")


def _every_prompt(subject: Subject) -> AxisSpec:
    if not subject.prompts:
        raise GridError(
            "prompts", found="the subject has no test prompts", way_out="write them as `prompts` in the subject's file"
        )
    return AxisSpec(kind="prompt", values=text_list(subject.prompts.values()))


def _seeds(spec: GridSpec, subject: Subject, count: int) -> str:
    """Return so many seeds: the subject's, then the spec's, then fixed ones; drawn ones would not tell two grids apart."""
    asked = [seed for seed in whole_numbers(spec.seeds, "seeds") if seed >= 0] if spec.seeds.strip() else []
    seeds = dict.fromkeys((*subject.seeds, *asked, *_FIXED_SEEDS))
    return ", ".join(str(seed) for seed in list(seeds)[:count])


PRESETS = (
    GridPreset(
        "epochs-weight",
        "Epochs × weight",
        "Every epoch at strengths from 0 to 1.25: which one holds, and where it burns.",
        _epochs_by_weight,
    ),
    GridPreset(
        "unet-text-encoder",
        "U-Net × text encoder",
        "Each part's strength from 0 to 1.25 against the other's: which one is under or over.",
        _unet_by_text_encoder,
    ),
    GridPreset(
        "token",
        "Token on/off × epochs",
        "Every epoch with the token and without: what comes only when called, what comes unasked.",
        _token_by_epoch,
    ),
    GridPreset(
        "prompts-seeds",
        "Prompts × seeds",
        "All of the subject's test prompts with four seeds each: the average quality, not one lucky picture.",
        _prompts_by_seeds,
    ),
    GridPreset(
        "noise",
        "The same seed twice",
        "One picture made twice: with sdpa attention both are equal, with xformers they need not be; what differs is noise.",
        _noise_check,
    ),
    GridPreset(
        "test",
        "Test grid",
        "Every epoch × all of the subject's test prompts, the first seed of everything before any second: it may be cut at any time.",
        _test_grid,
    ),
)
"""Every ready-made grid, in the order they are offered in."""
