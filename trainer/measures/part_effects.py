"""What each part of a LoRA does to the model's output, from inner products of changes of its prediction."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trainer.journal.measure_records import MeasuredValue
from trainer.measures.intervals import Numbers, ratio_interval
from trainer.measures.of_parts import (
    OUTPUT_ALONE,
    OUTPUT_INTERACTION,
    OUTPUT_LAST,
    OUTPUT_LEAD,
    OUTPUT_SHARE,
    OUTPUT_TOGETHER,
)
from trainer.measures.part_groups import group_name, groups_of
from trainer.settings.parts import Part

# How many times as large as rounding a change is whose shares are those of the parts.
_BEYOND_ROUNDING = 2.0


@dataclass(frozen=True)
class PartEffects:
    """Changes of the prediction on some pictures, each number a mean over the prediction's elements and the picture's times.

    With e(S) for the prediction with the parts S of the LoRA in force: the whole change is D = e(all) - e(none), what a part makes
    alone a(p) = e(p) - e(none), what it adds to the others l(p) = e(all) - e(all but p), and what the groups do together and
    neither alone I = D - the sum of a over the groups, where the groups are the text encoders and the rest. Of two parts,
    I = e(1,1) - e(1,0) - e(0,1) + e(0,0).

    Attributes:
        parts: those with layers, the predicting one first.
        base: |e(none)|², float64 [pictures].
        whole: |D|².
        along: part, or ENCODERS for several of them at once -> the inner product of D and a.
        alone: the same -> |a|².
        last: the same -> |l|².
        interaction: |I|²; None where there is one group only.
        rounding: |e(none) - e(none)'|², where the second differs by the rounding of the arithmetic; None where it is not known.
    """

    parts: tuple[Part, ...]
    base: Numbers
    whole: Numbers
    along: Mapping[Part, Numbers]
    alone: Mapping[Part, Numbers]
    last: Mapping[Part, Numbers]
    interaction: Numbers | None
    rounding: Numbers | None = None

    @property
    def is_rounding(self) -> bool:
        """Whether the whole change is about what rounding makes: every part's change then has the base's rounding in common, which
        looks as if they shared the change."""
        return self.rounding is not None and float(self.whole.sum()) < _BEYOND_ROUNDING**2 * float(self.rounding.sum())

    def of(self, pictures: Sequence[int]) -> "PartEffects":
        """Return the same of some pictures, by their index."""
        which = np.asarray(pictures, np.intp)

        def each(numbers: Mapping[Part, Numbers]) -> dict[Part, Numbers]:
            return {part: values[which] for part, values in numbers.items()}

        interaction = None if self.interaction is None else self.interaction[which]
        rounding = None if self.rounding is None else self.rounding[which]
        return PartEffects(
            self.parts,
            self.base[which],
            self.whole[which],
            each(self.along),
            each(self.alone),
            each(self.last),
            interaction,
            rounding,
        )


def effect_values(step: int, effects: PartEffects, scopes: Mapping[str, Sequence[int]]) -> list[MeasuredValue]:
    """Return what follows from the effects, of all pictures and of those of each scope.

    Args:
        step: optimizer steps in the LoRA.
        effects: of the pictures.
        scopes: folder or outfit, as the journal has it -> its pictures, by index.
    """
    everything = {"": range(len(effects.whole)), **scopes}
    return [
        value
        for scope, pictures in everything.items()
        if len(pictures)
        for value in _of_scope(step, scope, effects.of(pictures))
    ]


def _of_scope(step: int, scope: str, effects: PartEffects) -> Iterator[MeasuredValue]:
    count = len(effects.whole)

    def value(name: str, part: Part, above: Numbers, below: Numbers, *, root: bool = False) -> MeasuredValue:
        measured, low, high = _ratio(above, below, root=root)
        return MeasuredValue(
            step=step, name=name, part=part, scope=scope, value=measured, low=low, high=high, count=count
        )

    yield value(OUTPUT_ALONE, "", effects.whole, effects.base, root=True)
    for part in effects.alone:
        yield value(OUTPUT_ALONE, part, effects.alone[part], effects.base, root=True)
        yield value(OUTPUT_LAST, part, effects.last[part], effects.base, root=True)
    if len(effects.parts) < 2:
        # What shares would say is known without them.
        return
    # Shares of rounding are none.
    whole = np.full_like(effects.whole, np.nan) if effects.is_rounding else effects.whole
    for part in effects.along:
        yield value(OUTPUT_SHARE, part, effects.along[part], whole)
    names = [group_name(group) for group in groups_of(effects.parts)]
    if effects.interaction is None:
        return
    rest, encoders = (effects.along[name] for name in names)
    yield value(OUTPUT_LEAD, "", encoders - rest, whole)
    yield value(OUTPUT_TOGETHER, "", effects.whole - encoders - rest, whole)
    yield value(OUTPUT_INTERACTION, "", effects.interaction, whole, root=True)


def _ratio(above: Numbers, below: Numbers, *, root: bool) -> tuple[float | None, float | None, float | None]:
    """Return the ratio of two sums over pictures and its interval, None for what is no number; with `root` of their square roots."""
    top, bottom = float(above.sum()), float(below.sum())
    if not (np.isfinite(top) and np.isfinite(bottom) and bottom > 0):
        return None, None, None
    interval = ratio_interval(above, below)
    three = (top / bottom, *(interval or (None, None)))
    if root:
        three = tuple(None if one is None else max(0.0, one) ** 0.5 for one in three)
    first, low, high = three
    return first, low, high
