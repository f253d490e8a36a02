"""The record of a measure: all that others need to show it, to compare it and to draw conclusions from it."""

from dataclasses import dataclass
from enum import StrEnum


class MeasureSource(StrEnum):
    """What a measure is made from, and so what it costs."""

    FILE = "file"
    """From the numbers of a LoRA file (and the base's): exact, no GPU."""
    OUTPUT = "output"
    """From what the model predicts on fixed pictures, times and noise."""
    PICTURE = "picture"
    """From pictures made with fixed prompts and seeds."""


@dataclass(frozen=True)
class MeasureRecord:
    """One measure. What its course over the epochs is evidence of stands in the rules of `trainer.doneness.rules`.

    Attributes:
        key: its name in the journal, in commands and filters; unique.
        title: its name where people read, short enough for a column.
        help: one sentence: what it is, and what it does not say. Never the word quality.
        unit: "" for a ratio, `%` where the value is a share from 0 to 1, else the unit.
        source: what it is made from.
        setting: the setting that switches it on while baking, "" where none is needed.
        scopes: what its values' `scope` holds: "" for nothing, else `block group`, `folder`, `band`, `prompt`.
        by_part: whether it is made of each part.
        compared: whether two bakes may be compared by it, with its noise; a value that says nothing beside another bake's is not.
        log_scale: whether its values are compared as ratios: they span orders of magnitude.
        by_picture: whether it counts pictures: of n it moves in steps of 1 / n, so that twins may agree by chance.
        of_held_out: whether it is measured on held-out pictures: values of two bakes that held out others are not compared.
        basis: name of the values that say what it was measured on, as a number; values of two bakes with another basis are not
            compared. Those values have no record, since they mean nothing to people. "" where it is always the same.
    """

    key: str
    title: str
    help: str
    source: MeasureSource
    unit: str = ""
    setting: str = ""
    scopes: str = ""
    by_part: bool = True
    compared: bool = True
    log_scale: bool = False
    by_picture: bool = False
    of_held_out: bool = False
    basis: str = ""
