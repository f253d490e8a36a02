"""Interference of LoRAs: how far the changes of two files point the same way, and how far their directions lie in the same subspace.

For each module the cosine is ⟨ΔW₁, ΔW₂⟩ / (‖ΔW₁‖ ‖ΔW₂‖), and the overlap φ = ‖V₁ᵀV₂‖² / min(i, j) of the directions that hold 95 % of
each change (Hu et al. 2021, §7.2), on the side of the inputs and on that of the outputs; beside it stands what random subspaces of
these dimensions overlap by.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from trainer.families.registry import FAMILIES
from trainer.measures.blocks import by_scope
from trainer.measures.change_factors import Matrix
from trainer.measures.lora_factors import LoraFactors, check_sides
from trainer.measures.products import inner_product, leading_directions, overlap, squared_norm
from trainer.measures.weights import MeasuringStopped
from trainer.models.weight_slice import PlacedWeight

CAVEAT = (
    "Changes that are nearly orthogonal need not get along: orthogonality was enforced between LoRAs and did not keep their "
    "concepts apart (arXiv 2510.03262). Try both in a grid."
)
"""What is said wherever interference is shown."""


@dataclass(frozen=True)
class Interference:
    """How two LoRAs meet in some modules.

    Attributes:
        modules: how many of them both change.
        cosine: of the two changes; negative where they cancel. None where one of them changes nothing here.
        inputs, outputs: mean overlap of their directions among inputs and outputs, 0 to 1; None where no module has both.
        inputs_chance, outputs_chance: the same of random directions.
    """

    modules: int
    cosine: float | None
    inputs: float | None
    inputs_chance: float | None
    outputs: float | None
    outputs_chance: float | None


@dataclass(frozen=True)
class _Met:
    """Two changes of one module."""

    inner: float
    inputs: tuple[float, float] | None = None
    outputs: tuple[float, float] | None = None


Scope = tuple[str, str]
"""Part and block group, "" for all."""


def common_name(name: str) -> str:
    """Return one name for a module that programs call differently, where no base is known: as the families' records turn it."""
    for record in FAMILIES.values():
        name = record.file_name(name, ())
    return name


def interference(
    paths: Sequence[Path],
    *,
    own_name: Callable[[str], str] = common_name,
    weights: Mapping[str, PlacedWeight] | None = None,
    overlaps: bool = True,
    stop: Callable[[], bool] = lambda: False,
) -> dict[tuple[int, int], dict[Scope, Interference]]:
    """Return for each pair of files, by their places in `paths`, how they meet as a whole, in each part and block group.

    Args:
        paths: two files or more.
        own_name: a module's name in a file -> that by which files are compared.
        weights: where the base's weights lie; without them the modules of a DoRA are left out.
        overlaps: whether those of the directions are wanted beside the cosines; finding the directions takes most of the time.
        stop: asked between two modules whether to give up.

    Raises:
        ModelError: a file is no LoRA of a kind that is read, cannot be read, or is for a base of other shapes than another one.
        MeasuringStopped: `stop` became true.
    """
    squares: list[dict[str, float]] = [{} for _ in paths]
    met: dict[tuple[int, int], dict[str, _Met]] = {pair: {} for pair in combinations(range(len(paths)), 2)}
    with ExitStack() as closing:
        closing.enter_context(np.errstate(all="ignore"))
        files = [closing.enter_context(LoraFactors(path, own_name, weights)) for path in paths]
        for name in dict.fromkeys(name for file in files for name in file):
            if stop():
                raise MeasuringStopped
            here = {place: file.read(name) for place, file in enumerate(files) if name in file}
            directions = {place: leading_directions(change) for place, change in here.items()} if overlaps else {}
            for place, change in here.items():
                squares[place][name] = squared_norm(change)
            for one, other in combinations(here, 2):
                check_sides(name, (paths[one], here[one]), (paths[other], here[other]))
                inner = inner_product(here[one], here[other])
                met[one, other][name] = _meet(inner, directions[one], directions[other]) if overlaps else _Met(inner)
    return {pair: _by_scope(found, squares[pair[0]], squares[pair[1]]) for pair, found in met.items()}


def _meet(inner: float, one: tuple[Matrix, Matrix], other: tuple[Matrix, Matrix]) -> _Met:
    (outputs, inputs), (other_outputs, other_inputs) = one, other
    return _Met(inner, overlap(inputs, other_inputs), overlap(outputs, other_outputs))


def _by_scope(
    met: Mapping[str, _Met], first: Mapping[str, float], second: Mapping[str, float]
) -> dict[Scope, Interference]:
    members = by_scope(dict.fromkeys([*first, *second]))
    return {scope: _together(names, met, first, second) for scope, names in members.items()}


def _together(
    names: Sequence[str], met: Mapping[str, _Met], first: Mapping[str, float], second: Mapping[str, float]
) -> Interference:
    both = [met[name] for name in names if name in met]
    # A module that only one of them changes counts in the length of that one.
    lengths = math.sqrt(sum(first.get(name, 0.0) for name in names) * sum(second.get(name, 0.0) for name in names))
    cosine = sum(each.inner for each in both) / lengths if lengths else math.nan
    inputs, inputs_chance = _mean([each.inputs for each in both])
    outputs, outputs_chance = _mean([each.outputs for each in both])
    return Interference(
        modules=len(both),
        cosine=min(1.0, max(-1.0, cosine)) if math.isfinite(cosine) else None,
        inputs=inputs,
        inputs_chance=inputs_chance,
        outputs=outputs,
        outputs_chance=outputs_chance,
    )


def _mean(pairs: Sequence[tuple[float, float] | None]) -> tuple[float | None, float | None]:
    known = [pair for pair in pairs if pair is not None]
    if not known:
        return None, None
    return sum(pair[0] for pair in known) / len(known), sum(pair[1] for pair in known) / len(known)
