"""Direction of the favourites: on a sheet of U-Net weight by text encoder weight they show which part is under or over."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from random import Random
from typing import Literal

from trainer.gallery.sidecar import MadeGrid
from trainer.journal.grid_records import CellNote
from trainer.judging.tally import on_axis
from trainer.settings.parts import body_label, encoder_label
from trainer.text import plural

Part = Literal["unet", "text_encoder"]
Whole = Literal["whole"]
Lean = Literal["under", "right", "over", "unknown"]

# A mean weight this near to 1 counts as full weight: half of the usual step of 0.25.
_TOLERANCE = 0.125
# Up to this many choices all are tried; of more, this many are drawn.
_MAX_CHOICES = 20_000
_KINDS: dict[Part | Whole, tuple[str, ...]] = {
    "unet": ("unet_weight",),
    "text_encoder": ("text_encoder_weight",),
    "whole": ("weight",),
}


@dataclass(frozen=True)
class Direction:
    """Which way a part's favourites point.

    Attributes:
        part: `unet` for what predicts, `text_encoder` for the text encoders, in every family: whose settings they follow;
            `whole` for the LoRA.
        label: what the base's family calls it.
        lean: `under` where more than full weight is better, `over` where less is, `right`; `unknown` without evidence.
        weight: mean weight of the favourites, None where the sheet does not vary it.
        favourites: their number.
        chance: probability that a random choice is as far from the sheet's mean, 0 to 1.
        votes: how many pictures were rated under, right and over in this part.
        beside_full: probability that a fair coin puts the favourites as one-sidedly above or below full weight, 0 to 1.
    """

    part: Part | Whole
    label: str
    lean: Lean
    weight: float | None
    favourites: int
    chance: float
    votes: tuple[int, int, int] = (0, 0, 0)
    beside_full: float = 1.0

    @property
    def strength(self) -> str:
        """Strength of the evidence, in words."""
        if self.chance < 0.01:
            return "strong evidence"
        if self.chance < 0.05:
            return "good evidence"
        if self.chance < 0.2:
            return "a hint"
        return "may be chance"

    @property
    def summary(self) -> str:
        """It on one line."""
        name = self.label
        rated = "; rated under ×{}, right ×{}, over ×{}".format(*self.votes) if any(self.votes) else ""
        if self.weight is None:
            if not any(self.votes):
                return f"{name}: not rated"
            return f"{name} {self.lean}{rated}; {self.strength} (chance {self.chance:.0%})"
        count = f"{plural(self.favourites, 'favourite')}, average weight {self.weight:.2f}"
        return f"{name} {self.lean}: {count}{rated}; {self.strength} (chance {self.chance:.0%})"


def directions(made: MadeGrid, notes: Mapping[str, CellNote]) -> tuple[Direction, Direction]:
    """Return the directions of the predicting part and of the text encoders.

    Favourites count where an axis varies the part's own weight, verdicts on the part everywhere. The evidence of favourites is
    a permutation test: how often as many pictures picked at random from the same sheet are as far from its mean.
    """
    return _direction(made, notes, "unet"), _direction(made, notes, "text_encoder")


def whole_direction(made: MadeGrid, notes: Mapping[str, CellNote]) -> Direction | None:
    """Return which weight of the whole LoRA the favourites have; None where no axis varies it, or there are no favourites."""
    return _of_favourites(made, notes, "whole", "LoRA", (0, 0, 0))


def _direction(made: MadeGrid, notes: Mapping[str, CellNote], part: Part) -> Direction:
    votes = _votes(notes, part)
    label = body_label(made.family) if part == "unet" else encoder_label(made.family)
    found = _of_favourites(made, notes, part, label, votes)
    if found is not None:
        return found
    if any(votes):
        under, right, over = votes
        lean: Lean = "right" if right >= max(under, over) else "under" if under > over else "over"
        return Direction(part, label, lean, None, 0, sign_chance(under, over) if lean != "right" else 1.0, votes)
    return Direction(part, label, "unknown", None, 0, 1.0)


def _of_favourites(
    made: MadeGrid, notes: Mapping[str, CellNote], part: Part | Whole, label: str, votes: tuple[int, int, int]
) -> Direction | None:
    """Return where the favourites point by the weight that an axis varies; None without such an axis or favourites."""
    axis = _axis_of(made, part)
    if axis is None:
        return None
    weights = [float(label_number(_labels(made, axis)[on_axis(cell.place, axis)])) for cell in made.cells]
    liked = [
        weight
        for weight, cell in zip(weights, made.cells, strict=True)
        if (note := notes.get(cell.place.name)) is not None and note.favourite
    ]
    if not liked:
        return None
    mean = sum(liked) / len(liked)
    beside = sign_chance(sum(weight > 1 for weight in liked), sum(weight < 1 for weight in liked))
    return Direction(part, label, _lean(mean), mean, len(liked), _chance(weights, len(liked), mean), votes, beside)


def label_number(label: str) -> float:
    """Return the number at the end of an axis label: `U-Net weight: 0.75` and `0.75` are 0.75."""
    return float(label.rsplit(":", 1)[-1])


def _axis_of(made: MadeGrid, part: Part | Whole) -> str | None:
    for name, axis in (("x", made.x), ("y", made.y), ("z", made.z)):
        if axis.kind in _KINDS[part] and len(axis) > 1:
            return name
    return None


def _labels(made: MadeGrid, axis: str) -> Sequence[str]:
    return {"x": made.x, "y": made.y, "z": made.z}[axis].labels


def _votes(notes: Mapping[str, CellNote], part: Part) -> tuple[int, int, int]:
    verdicts = [note.unet if part == "unet" else note.text_encoder for note in notes.values()]
    return verdicts.count("under"), verdicts.count("right"), verdicts.count("over")


def _lean(mean: float) -> Lean:
    if mean > 1 + _TOLERANCE:
        return "under"
    return "over" if mean < 1 - _TOLERANCE else "right"


def _chance(weights: Sequence[float], picked: int, mean: float) -> float:
    """Return how often `picked` random pictures have a mean as far from the sheet's as `mean` is."""
    middle = sum(weights) / len(weights)
    far = abs(mean - middle) - 1e-9
    if picked >= len(weights):
        return 1.0
    if math.comb(len(weights), picked) <= _MAX_CHOICES:
        means = [sum(choice) / picked for choice in combinations(weights, picked)]
        return sum(abs(each - middle) >= far for each in means) / len(means)
    rng = Random(0)
    hits = sum(abs(sum(rng.sample(weights, picked)) / picked - middle) >= far for _ in range(_MAX_CHOICES))
    # The actual choice is one of the possible ones, so this is never quite 0.
    return (hits + 1) / (_MAX_CHOICES + 1)


def sign_chance(under: int, over: int) -> float:
    """Return the probability that a fair coin is at least as one-sided: the two-sided sign test."""
    total, most = under + over, max(under, over)
    tail = sum(math.comb(total, count) for count in range(most, total + 1)) / 2**total
    return min(1.0, 2.0 * float(tail))
