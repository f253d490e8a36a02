"""Doneness of a bake as lines and plain values for the command line."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.doneness.record import Doneness


def doneness_lines(doneness: "Doneness") -> Iterator[str]:
    """Yield where each epoch of a bake stands between raw and burnt; nothing for a bake without an epoch."""
    from trainer.doneness.words import lines

    if doneness.epochs:
        yield "doneness:"
        yield from (f"  {line}".rstrip() for line in lines(doneness))


def doneness_json(doneness: "Doneness") -> dict[str, object]:
    """Return the same as plain values."""
    return {
        "epochs": [asdict(epoch) for epoch in doneness.epochs],
        "lanes": [asdict(lane) for lane in doneness.lanes],
        "aim_for": None if doneness.band is None else asdict(doneness.band),
        "note": doneness.no_band,
        "verdicts": [asdict(mark) for mark in doneness.marks],
        "noise": doneness.noise,
    }
