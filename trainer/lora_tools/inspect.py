"""What a LoRA file is and holds: parts, ranks, alphas, sizes, ranks that hold shares of the change, training facts."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from trainer.families.registry import family_record
from trainer.formats.safetensors_header import read_header
from trainer.lora_tools.inputs import family_of
from trainer.lora_tools.references import LoraReference
from trainer.measures.blocks import by_scope
from trainer.measures.change_factors import Matrix
from trainer.measures.interference import Scope
from trainer.measures.lora_factors import LoraFactors
from trainer.measures.products import squared_norm, squared_singular_values
from trainer.models.adapter_config import lora_file
from trainer.models.identify import Base
from trainer.models.kohya_names import ModuleNames
from trainer.models.lora_header import LoraHeader
from trainer.models.lora_numbers import check_lora_numbers
from trainer.settings.in_metadata import MADE

SHARES = (0.5, 0.9, 0.95, 0.99)
"""Shares of ‖ΔW‖² for which the rank is told that holds them."""

# What the metadata say of the training, in the order in which it is shown: key, what it is called.
TRAINING: tuple[tuple[str, str], ...] = (
    ("ss_base_model_version", "base version"),
    ("modelspec.architecture", "architecture"),
    ("ss_sd_model_name", "base"),
    ("ss_network_dim", "network_dim"),
    ("ss_network_alpha", "network_alpha"),
    ("ss_unet_lr", "unet_lr"),
    ("ss_text_encoder_lr", "text_encoder_lr"),
    ("ss_learning_rate", "learning_rate"),
    ("ss_optimizer", "optimizer"),
    ("ss_lr_scheduler", "lr_scheduler"),
    ("ss_steps", "steps"),
    ("ss_epoch", "epoch"),
    ("ss_num_train_images", "pictures × repeats"),
    ("ss_resolution", "resolution"),
    ("ss_clip_skip", "clip_skip"),
    ("ss_mixed_precision", "precision"),
    ("modelspec.prediction_type", "predicts"),
    ("ss_training_comment", "comment"),
)
_NOTHING = ("", "None", "null")


@dataclass(frozen=True)
class InspectedScope:
    """A part or block group of a file.

    Attributes:
        modules: how many it has.
        ranks: least and greatest rank of their layers.
        alphas: least and greatest alpha.
        size: ‖ΔW‖; None where it depends on a base that is not named.
        holding: share of ‖ΔW‖² -> the greatest rank that a module needs to hold it, and the mean of all; empty
            where the size is not known.
        kinds: what its layers are, in words -> how many of them, the most frequent first.
    """

    modules: int
    ranks: tuple[int, int]
    alphas: tuple[float, float]
    size: float | None
    holding: Mapping[float, tuple[int, float]] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class InspectedLora:
    """A LoRA file.

    Attributes:
        reference: what was asked for.
        size: bytes of the file.
        dtypes: types of its factors.
        scopes: the whole, each part and each block group.
        training: what the metadata say of the training, by what it is called.
        made: how it was made of other files, where it says so.
        metadata: how many texts it has.
        notes: what else the user should know.
        kinds: module -> what its layer is, in words: `LoRA`, `LoKr with DoRA`.
        needs_base: modules of a DoRA, whose changes are not known without the base.
    """

    reference: LoraReference
    size: int
    dtypes: tuple[str, ...]
    scopes: Mapping[Scope, InspectedScope]
    training: Mapping[str, str]
    made: Mapping[str, object]
    metadata: int
    notes: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    needs_base: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Module:
    kind: str
    rank: int
    alpha: float
    squared: float | None = None
    holding: tuple[int, ...] = ()


def inspect_lora(
    reference: LoraReference,
    show: Callable[[int, int], object] = lambda _done, _all: None,
    *,
    base: Base | None = None,
) -> InspectedLora:
    """Return what a LoRA file is and holds.

    Args:
        reference: the file.
        base: that it is for, on which the change of a DoRA depends; None for no base.
        show: takes how many modules were looked at, and of how many.

    Raises:
        ModelError: it is no LoRA, cannot be read, or holds what is no number.
    """
    check_lora_numbers(reference.path)
    place = lora_file(reference.path)
    raw = read_header(place)
    own_name: Callable[[str], str] = str
    if base is not None:
        own_name = ModuleNames(base.family, base.lora_shapes).own
    with LoraFactors(reference.path, own_name, base.weights if base else None) as factors:
        header = factors.header
        names = list(factors)
        found = {
            own_name(name): _Module(module.title, module.rank, module.alpha) for name, module in header.modules.items()
        }
        for number, name in enumerate(names):
            show(number, len(names))
            change = factors.read(name)
            needed = tuple(_needed(squared_singular_values(change)))
            found[name] = replace(found[name], squared=squared_norm(change), holding=needed)
    dtypes = {raw.dtypes[key] for (_, role), key in header.keys.items() if role != "alpha"}
    training = {
        label: text for key, label in TRAINING if (text := header.metadata.get(key, "").strip()) not in _NOTHING
    }
    return InspectedLora(
        reference,
        place.stat().st_size,
        tuple(sorted(dtypes)),
        {scope: _together([found[name] for name in of]) for scope, of in by_scope(found).items()},
        training,
        _made(header.metadata.get(MADE, "")),
        len(header.metadata),
        (*header.unread(), *_unsure(header, found, base)),
        {name: module.kind for name, module in found.items()},
        tuple(factors.needs_base),
    )


def _unsure(header: LoraHeader, names: Iterable[str], base: Base | None) -> list[str]:
    """Return a line where a file does not tell which of a family's bases it is for; none where it does, or the base is named."""
    family = family_of(header) if base is None else None
    layouts = family_record(family).layouts(names) if family is not None else ()
    if len(layouts) < 2:
        return []
    return [f"it fits a base of {' or '.join(layouts)}, and nothing in it tells which"]


def _needed(squares: Matrix) -> list[int]:
    """Return for each of SHARES how many directions hold it; 0 where nothing changes."""
    whole = float(squares.sum())
    if not 0 < whole < math.inf:
        return [0] * len(SHARES)
    held = np.cumsum(squares) / whole
    return [1 + int(np.searchsorted(held, share - 1e-12)) for share in SHARES]


def _together(modules: list[_Module]) -> InspectedScope:
    ranks, alphas = [each.rank for each in modules], [each.alpha for each in modules]
    kinds = dict(Counter(each.kind for each in modules).most_common())
    squares = [each.squared for each in modules if each.squared is not None]
    if len(squares) < len(modules):
        return InspectedScope(len(modules), (min(ranks), max(ranks)), (min(alphas), max(alphas)), None, {}, kinds)
    holding = {
        share: (max(each.holding[at] for each in modules), sum(each.holding[at] for each in modules) / len(modules))
        for at, share in enumerate(SHARES)
    }
    size = math.sqrt(sum(squares))
    return InspectedScope(len(modules), (min(ranks), max(ranks)), (min(alphas), max(alphas)), size, holding, kinds)


def _made(text: str) -> dict[str, object]:
    try:
        table = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}
