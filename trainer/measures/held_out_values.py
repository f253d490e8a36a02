"""Measured values of held-out pictures and members, from how far each one's loss moved at each time."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from trainer.journal.measure_records import MeasuredValue
from trainer.measures.few_pictures import FewPictureEstimate, chance_of_lower, difference_of_means, mean_of, share_lower
from trainer.measures.memorization import MemorizationFinding
from trainer.measures.of_validation import AUC, CHANCE, GAP, HELD_OUT_CHANGE, MEMBER_CHANGE, UNCAPTIONED

Changes = NDArray[np.float64]
"""Loss with the LoRA less loss of the base, [pictures, times]."""

ALL = ""
"""The scope of all bands together."""

_NOT_A_NUMBER = FewPictureEstimate(float("nan"), None, None)


def held_out_values(step: int, changes: Changes, bands: Sequence[str], *, captions: bool = True) -> list[MeasuredValue]:
    """Return the mean change of held-out pictures in each band and in all, with its interval over the pictures.

    Args:
        step: optimizer steps in the LoRA.
        changes: of the held-out pictures.
        bands: key of the band of each time.
        captions: whether they were measured with their captions.
    """
    name = _named(HELD_OUT_CHANGE, captions)
    return [_value(step, name, scope, _mean(each), len(each)) for scope, each in _by_band(changes, bands)]


def memorization_values(
    step: int, members: Changes, held_out: Changes, bands: Sequence[str], *, captions: bool = True
) -> list[MeasuredValue]:
    """Return how far members fell, how much further than held-out pictures, and how well that tells them apart.

    Args:
        step: optimizer steps in the LoRA.
        members: changes of trained pictures.
        held_out: of pictures that were not trained on.
        bands: key of the band of each time.
        captions: whether they were measured with their captions.
    """
    values = []
    for (scope, trained), (_, kept) in zip(_by_band(members, bands), _by_band(held_out, bands), strict=True):
        compared = {MEMBER_CHANGE: _mean(trained), **_comparison(trained, kept)}
        for name, estimate in compared.items():
            count = len(trained) if name == MEMBER_CHANGE else min(len(trained), len(kept))
            values.append(_value(step, _named(name, captions), scope, estimate, count))
    return values


def memorization_in(
    values: Iterable[MeasuredValue], *, captions: bool = True, band: str = ALL
) -> MemorizationFinding | None:
    """Return what the values of one step say of memorization; None where it was not measured or is no number."""
    wanted = {_named(AUC, captions), _named(CHANCE, captions)}
    found = {value.name: value for value in values if value.scope == band and value.name in wanted}
    auc, chance = found.get(_named(AUC, captions)), found.get(_named(CHANCE, captions))
    if auc is None or chance is None or auc.value is None or chance.value is None:
        return None
    return MemorizationFinding.of(auc.value, chance.value, auc.count)


def _comparison(trained: Changes, kept: Changes) -> dict[str, FewPictureEstimate]:
    # A loss that is no number is neither higher nor lower than another.
    if not (np.isfinite(trained).all() and np.isfinite(kept).all()):
        return dict.fromkeys((GAP, AUC, CHANCE), _NOT_A_NUMBER)
    one, other = trained.tolist(), kept.tolist()
    return {
        GAP: difference_of_means(one, other),
        AUC: share_lower(one, other),
        CHANCE: FewPictureEstimate(chance_of_lower(one, other), None, None),
    }


def _by_band(changes: Changes, bands: Sequence[str]) -> Iterator[tuple[str, Changes]]:
    """Yield each band, and last all of them, with the mean change of each picture there."""
    for band in dict.fromkeys(bands):
        yield band, changes[:, [place for place, each in enumerate(bands) if each == band]].mean(axis=1)
    yield ALL, changes.mean(axis=1)


def _mean(changes: Changes) -> FewPictureEstimate:
    return mean_of(changes.tolist()) if np.isfinite(changes).all() else _NOT_A_NUMBER


def _named(name: str, captions: bool) -> str:
    return name if captions else name + UNCAPTIONED


def _value(step: int, name: str, scope: str, estimate: FewPictureEstimate, count: int) -> MeasuredValue:
    known = bool(np.isfinite(estimate.value))
    return MeasuredValue(
        step=step,
        name=name,
        scope=scope,
        value=estimate.value if known else None,
        low=estimate.low,
        high=estimate.high,
        count=count,
    )
