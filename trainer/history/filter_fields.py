"""Fields of a bake that a filter can ask for beside its settings and the metadata of its LoRA."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from trainer.history.records import BakeEntry

Value = float | str | bool | tuple[str, ...] | tuple[int, ...] | None


class FieldKind(StrEnum):
    """What the values of a field are, and so how they are compared."""

    NUMBER = "a number"
    TEXT = "a text"
    WORD = "a word"
    WORDS = "a list of words"
    BYTES = "an amount of memory, such as 6G or 800M"
    SECONDS = "a length of time, such as 40s, 12m, 3h or 2d"
    DAY = "a day, such as 2026-11-29"
    SWITCH = "yes or no"


@dataclass(frozen=True)
class FilterField:
    """One field of a bake.

    Attributes:
        key: what is typed.
        kind: what its values are.
        help: what it is, one line.
        example: a term with it.
        value: the field of an entry; None where that has none.
        others: further names that it goes by.
    """

    key: str
    kind: FieldKind
    help: str
    example: str
    value: Callable[[BakeEntry], Value]
    others: tuple[str, ...] = ()


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


_K = FieldKind
FILTER_FIELDS: tuple[FilterField, ...] = (
    FilterField("number", _K.NUMBER, "its number", "number>=12", lambda e: e.number, ("n",)),
    FilterField("name", _K.TEXT, "its name", "name:hifumi", lambda e: e.name),
    FilterField("tag", _K.WORDS, "a tag that you gave it", "tag:te", lambda e: e.tags, ("tags",)),
    FilterField("note", _K.TEXT, "your note on it", 'note:"ears are gone"', lambda e: e.note, ("notes",)),
    FilterField("why", _K.TEXT, "why it was queued", "why:twin", lambda e: e.why),
    FilterField("state", _K.WORD, "its state", "state:failed", lambda e: "held" if _held(e) else str(e.state)),
    FilterField("error", _K.TEXT, "how it failed", "error:memory", lambda e: e.error),
    FilterField("steps", _K.NUMBER, "steps done", "steps>=500", lambda e: e.steps, ("step",)),
    FilterField("total", _K.NUMBER, "steps planned", "total<1000", lambda e: e.total_steps),
    FilterField("time", _K.SECONDS, "how long it took", "time>2h", lambda e: e.seconds, ("took",)),
    FilterField("peak", _K.BYTES, "the most memory that it took", "peak<6G", lambda e: e.peak),
    FilterField("loss", _K.NUMBER, "mean training loss before its newest LoRA", "loss<0.08", lambda e: _finite(e.loss)),
    FilterField("val", _K.NUMBER, "validation loss of its newest LoRA", "val<0.1", lambda e: _finite(e.val)),
    FilterField("saved", _K.NUMBER, "LoRA files that it saved", "saved>=4", lambda e: e.saved, ("loras",)),
    FilterField("best", _K.NUMBER, "step of its best epoch", "best>200", lambda e: e.best.step if e.best else None),
    FilterField(
        "verdict",
        _K.WORD,
        "how you rated its best epoch, or all of them: under, right or over",
        "verdict:right",
        lambda e: e.verdict or None,
    ),
    FilterField("parent", _K.NUMBER, "the bake that it was made from", "parent:12", lambda e: e.parent),
    FilterField("ladder", _K.NUMBER, "a ladder that it belongs to", "ladder:3", lambda e: e.ladders, ("ladders",)),
    FilterField(
        "changed",
        _K.WORDS,
        "a setting that differs from the bake it is compared with",
        "changed:unet_lr",
        lambda e: e.changed_names,
    ),
    FilterField(
        "created", _K.DAY, "the day it was queued", "created>=2026-11-01", lambda e: e.created, ("date", "day")
    ),
    FilterField("device", _K.TEXT, "the GPU that it ran on, or cpu", "device:cpu", lambda e: e.device),
    FilterField("imported", _K.SWITCH, "whether its files come from elsewhere", "imported:yes", lambda e: e.imported),
)
"""Every field, in the order of the help. A setting of the same name would be hidden: a test sees that there is none."""


def _held(entry: BakeEntry) -> bool:
    return entry.held and entry.state == "queued"


BY_KEY: Mapping[str, FilterField] = {name: each for each in FILTER_FIELDS for name in (each.key, *each.others)}
"""Key or another name -> the field."""
