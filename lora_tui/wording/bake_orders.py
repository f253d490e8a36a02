"""The orders that a list of bakes may have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from trainer.text import printable

if TYPE_CHECKING:
    from trainer.history.records import BakeEntry

    SortKey = Callable[[BakeEntry], tuple[bool, float | str, int]]

_VERDICTS = ("right", "under", "over")


@dataclass(frozen=True)
class BakeOrder:
    """One order.

    Attributes:
        key: names it.
        title: as it is chosen.
        help: a few words on it.
        sort_key: of a bake; the least comes first. What is not known comes last, and of equal ones the newest first.
    """

    key: str
    title: str
    help: str
    sort_key: "SortKey"


def _by(value: "Callable[[BakeEntry], float | None]", *, down: bool = False) -> "SortKey":
    def key(entry: "BakeEntry") -> tuple[bool, float, int]:
        found = value(entry)
        if found is None or not isfinite(found):
            return True, 0.0, -entry.number
        return False, -found if down else found, -entry.number

    return key


def _verdict(entry: "BakeEntry") -> float | None:
    return float(_VERDICTS.index(entry.verdict)) if entry.verdict in _VERDICTS else None


_ALL = (
    BakeOrder("newest", "newest first", "by number", _by(lambda entry: entry.number, down=True)),
    BakeOrder("oldest", "oldest first", "by number", _by(lambda entry: entry.number)),
    BakeOrder(
        "name",
        "name",
        "and below a name the newest first",
        lambda entry: (False, printable(entry.name).casefold(), -entry.number),
    ),
    BakeOrder("validation", "lowest validation loss", "of the newest LoRA", _by(lambda entry: entry.val)),
    BakeOrder("loss", "lowest training loss", "before the newest LoRA", _by(lambda entry: entry.loss)),
    BakeOrder("verdict", "verdict", "right, then under, then over", _by(_verdict)),
    BakeOrder("steps", "most steps", "that were done", _by(lambda entry: entry.steps or None, down=True)),
    BakeOrder("time", "longest", "by the time it took", _by(lambda entry: entry.seconds, down=True)),
    BakeOrder("peak", "most memory", "by its peak", _by(lambda entry: entry.peak, down=True)),
)

ORDERS: Mapping[str, BakeOrder] = {order.key: order for order in _ALL}
"""Key -> order, as they are offered."""
