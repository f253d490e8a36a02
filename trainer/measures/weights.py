"""Measurement of a LoRA file by its weights: sizes, movement since the file before, rank used; by part and block group."""

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainer.journal.measure_records import MeasuredValue
from trainer.measures.blocks import by_scope
from trainer.measures.change_factors import Factors
from trainer.measures.lora_factors import LoraFactors, check_sides
from trainer.measures.of_weights import (
    COSINE_BEFORE,
    DELTA_NORM,
    DELTA_SHARE,
    MOVEMENT,
    RANK_USED,
    RANK_USED_RANDOM,
    ROUNDED_OFF,
    STABLE_RANK,
)
from trainer.measures.products import (
    Spectrum,
    inner_product,
    random_spectrum,
    spectrum,
    squared_norm,
    squared_singular_values,
)
from trainer.measures.record import MeasureRecord
from trainer.models.weight_slice import PlacedWeight


class MeasuringStopped(Exception):  # not an error: somebody asked for it
    """The values are no longer wanted."""


@dataclass(frozen=True)
class ModuleMeasures:
    """What is measured of one module.

    Attributes:
        rank: of its layer; 0 where only the file before has it.
        squared: ‖ΔW‖², NaN or infinite where the file's numbers are.
        squared_before: the same of the file before; None where there is none.
        inner: ⟨ΔW, ΔW before⟩; None where there is none.
        spectrum: how ΔW spreads over directions; None where there is no change.
        random: how a random pair of its shapes does; None of another kind than a plain LoRA.
    """

    rank: int
    squared: float
    squared_before: float | None
    inner: float | None
    spectrum: Spectrum | None
    random: Spectrum | None


@dataclass(frozen=True)
class LoraMeasures:
    """What is measured of the modules of a LoRA file.

    Attributes:
        modules: name in kohya's form, on a base that base's -> what is measured of it.
        base_norms: ‖W‖ of the base's modules; empty without a base.
        rounded: part -> share that the file's precision rounded off, "" for all parts; empty where it is not known.
        needs_base: modules that cannot be measured without the base's weights, as a DoRA's.
    """

    modules: Mapping[str, ModuleMeasures]
    base_norms: Mapping[str, float] = field(default_factory=dict)
    rounded: Mapping[str, float] = field(default_factory=dict)
    needs_base: tuple[str, ...] = ()

    def values(self, step: int) -> list[MeasuredValue]:
        """Return what there is of each measure for the whole, each part and each of its block groups; what makes no sense is left out."""
        return [
            MeasuredValue(step=step, name=record.key, part=part, scope=group, value=value)
            for (part, group), names in by_scope(self.modules).items()
            if names
            for record, value in self._of(part, group, names)
        ]

    def _of(self, part: str, group: str, names: list[str]) -> Iterator[tuple[MeasureRecord, float | None]]:
        found = [self.modules[name] for name in names]
        squared = sum(each.squared for each in found)
        yield DELTA_NORM, _finite_root(squared)
        norms = [self.base_norms[name] ** 2 for name in names if name in self.base_norms]
        if norms and sum(norms) > 0:
            known = sum(self.modules[name].squared for name in names if name in self.base_norms)
            yield DELTA_SHARE, _finite_root(known / sum(norms))
        yield from _since_before(found, squared)
        yield from _ranks(found)
        if not group and part in self.rounded:
            lost = self.rounded[part]
            yield ROUNDED_OFF, lost if math.isfinite(lost) else None


def measure_lora(
    path: Path,
    *,
    before: Path | None = None,
    base_norms: Mapping[str, float] | None = None,
    own_name: Callable[[str], str] = lambda name: name,
    rounded: Mapping[str, float] | None = None,
    weights: Mapping[str, PlacedWeight] | None = None,
    stop: Callable[[], bool] = lambda: False,
    threads: int = 1,
) -> LoraMeasures:
    """Measure a LoRA file.

    Args:
        path: the file, or the folder of PEFT or diffusers that holds it.
        before: the file of the epoch before; None for none.
        base_norms: ‖W‖ by module; None without a base.
        own_name: a module's name in a file -> that in `base_norms`.
        rounded: as LoraMeasures has it.
        weights: where the base's weights lie, for a DoRA; None without a base.
        stop: asked between two modules whether to give up.
        threads: how many modules are measured at once.

    Raises:
        ModelError: a file is no LoRA of a kind that is read, cannot be read, or is for a base of other shapes than the one before.
        MeasuringStopped: `stop` became true.
    """

    def factors(of: Path) -> LoraFactors:
        return LoraFactors(of, own_name, weights)

    with factors(path) as file:
        names, needs_base = list(file), tuple(file.needs_base)
    if before is not None:
        with factors(before) as earlier:
            names = list(dict.fromkeys([*names, *earlier]))

    def measure(some: list[str]) -> dict[str, ModuleMeasures]:
        return _measure_modules(some, path, before, factors, stop)

    if threads == 1 or not names:
        return LoraMeasures(measure(names), base_norms or {}, rounded or {}, needs_base)
    size = -(-len(names) // threads)
    shares = [names[start : start + size] for start in range(0, len(names), size)]
    with ThreadPoolExecutor(threads, thread_name_prefix="measure") as pool:
        found = {name: each for share in pool.map(measure, shares) for name, each in share.items()}
    return LoraMeasures(found, base_norms or {}, rounded or {}, needs_base)


def _measure_modules(
    names: list[str],
    path: Path,
    before: Path | None,
    factors: Callable[[Path], LoraFactors],
    stop: Callable[[], bool],
) -> dict[str, ModuleMeasures]:
    found: dict[str, ModuleMeasures] = {}
    with ExitStack() as closing:
        # What comes out as no number is shown as none.
        closing.enter_context(np.errstate(all="ignore"))
        file = closing.enter_context(factors(path))
        earlier = None if before is None else closing.enter_context(factors(before))
        for name in names:
            if stop():
                raise MeasuringStopped
            now = file.read(name) if name in file else None
            then = earlier.read(name) if earlier is not None and name in earlier else None
            if now is not None and then is not None and before is not None:
                check_sides(name, (before, then), (path, now))
            found[name] = _measured(now, then, has_before=earlier is not None)
    return found


def _measured(now: Factors | None, then: Factors | None, *, has_before: bool) -> ModuleMeasures:
    squared = 0.0 if now is None else squared_norm(now)
    squared_before = squared_norm(then) if then is not None else 0.0 if has_before else None
    inner = inner_product(now, then) if now is not None and then is not None else 0.0 if has_before else None
    own = None if now is None or not 0 < squared < math.inf else _spectrum_of(now)
    random = None
    if now is not None and own is not None and now.is_pair:
        random = random_spectrum(now.sides[0], now.rank, now.sides[1])
    return ModuleMeasures(0 if now is None else now.rank, squared, squared_before, inner, own, random)


def _spectrum_of(change: Factors) -> Spectrum | None:
    try:
        return spectrum(squared_singular_values(change))
    except np.linalg.LinAlgError:
        # Of numbers at the edge of what can be computed with.
        return None


def _since_before(found: list[ModuleMeasures], squared: float) -> Iterator[tuple[MeasureRecord, float | None]]:
    """Yield movement and cosine, where there is a file before and a change to compare."""
    pairs = [
        (each.squared_before, each.inner)
        for each in found
        if each.squared_before is not None and each.inner is not None
    ]
    if len(pairs) < len(found) or not found:
        return
    before, inner = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
    if squared != 0:
        moved = squared + before - 2 * inner
        # Rounding may leave less than nothing of no movement.
        yield MOVEMENT, _finite_root((0.0 if moved < 0 else moved) / squared)
    if squared != 0 and before != 0:
        cosine = inner / math.sqrt(squared * before)
        yield COSINE_BEFORE, min(1.0, max(-1.0, cosine)) if math.isfinite(cosine) else None


def _ranks(found: list[ModuleMeasures]) -> Iterator[tuple[MeasureRecord, float | None]]:
    changed = [(each.rank, each.spectrum, each.random) for each in found if each.spectrum]
    if not changed:
        return
    ranks = sum(rank for rank, _, _ in changed)
    yield RANK_USED, sum(own.energy_rank for _, own, _ in changed) / ranks
    random = [each for _, _, each in changed if each]
    if len(random) < len(changed):
        # What a random change of another kind looks like is not known.
        return
    yield RANK_USED_RANDOM, sum(each.energy_rank for each in random) / ranks
    yield STABLE_RANK, sum(own.stable_rank for _, own, _ in changed) / sum(each.stable_rank for each in random)


def _finite_root(square: float) -> float | None:
    return math.sqrt(square) if math.isfinite(square) else None
