"""Counts of a grid's ticks by epoch, weight or outfit, with confidence intervals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trainer.gallery.sidecar import MadeGrid
from trainer.grid.cell import Axis, Place
from trainer.journal.grid_records import CellNote
from trainer.measures.wilson import wilson


@dataclass(frozen=True)
class Rate:
    """How often something was ticked among the pictures of one value of an axis.

    Attributes:
        label: the value.
        yes, seen: pictures with the item, and pictures checked for it.
        low, high: 95 % confidence interval (Wilson 1927).
    """

    label: str
    yes: int
    seen: int
    low: float
    high: float

    @property
    def text(self) -> str:
        """The rate in words: `14/36 (25–55 %)`."""
        return f"{self.yes}/{self.seen} ({self.low:.0%}–{self.high:.0%})".replace("%–", "–").replace("%)", " %)")


def axes_of(made: MadeGrid) -> tuple[tuple[str, Axis], ...]:
    """Return the axes that vary something by their letter: `x`, `y`, `z`, `seed`."""
    named = (("x", made.x), ("y", made.y), ("z", made.z), ("seed", made.seeds))
    return tuple((name, axis) for name, axis in named if len(axis) > 1)


def items_ticked(notes: Iterable[CellNote], checklist: Sequence[str]) -> tuple[str, ...]:
    """Return the items that were checked, in the checklist's order, others after them."""
    found = dict.fromkeys(item for note in notes for item in note.ticks)
    return (*(item for item in checklist if item in found), *(item for item in found if item not in checklist))


def rates(made: MadeGrid, notes: Mapping[str, CellNote], item: str, axis: str) -> tuple[Rate, ...]:
    """Return the rate of `item` for each value of an axis, including values without a checked picture.

    Args:
        made: the grid.
        notes: cell -> its verdicts.
        item: of the checklist.
        axis: `x`, `y`, `z` or `seed`.
    """
    labels = dict(axes_of(made))[axis].labels
    yes, seen = [0] * len(labels), [0] * len(labels)
    for cell in made.cells:
        note = notes.get(cell.place.name)
        if note is not None and item in note.ticks:
            place = on_axis(cell.place, axis)
            seen[place] += 1
            yes[place] += note.ticks[item]
    return tuple(
        Rate(label, yes[place], seen[place], *wilson(yes[place], seen[place])) for place, label in enumerate(labels)
    )


def trend(rates: Sequence[Rate]) -> str:
    """Return a rate's change from the first checked value to the last, as `14/36 → 3/36`; empty with fewer than two."""
    checked = [rate for rate in rates if rate.seen]
    if len(checked) < 2:
        return ""
    first, last = checked[0], checked[-1]
    apart = last.high < first.low or first.high < last.low
    return f"{first.yes}/{first.seen} → {last.yes}/{last.seen}" + ("" if apart else " (may be chance)")


def on_axis(place: Place, axis: str) -> int:
    """Return which value of an axis a place has."""
    return int(getattr(place, axis))
