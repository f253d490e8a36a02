"""Parameter groups and their learning rates."""

from dataclasses import dataclass
from typing import Literal

from trainer.settings.model import Settings
from trainer.settings.parts import Family, Part, parts_of

WeightKind = Literal["down", "up", "both"]


@dataclass(frozen=True)
class ParamGroup:
    """Weights of one part that learn at one rate.

    Attributes:
        part: whose they are.
        which: its lora_downs, its lora_ups, or both where LoRA+ does not part them.
        base_lr: the part's rate at its peak, that of lora_down.
        lr_multiplier: factor on it for these weights.
    """

    part: Part
    which: WeightKind
    base_lr: float
    lr_multiplier: float

    @property
    def rate(self) -> float:
        """The rate of these weights at its peak."""
        return self.base_lr * self.lr_multiplier


def param_groups(settings: Settings, family: Family) -> tuple[ParamGroup, ...]:
    """Return the groups that train, the U-Net's first; a part of rate 0 has none."""
    found: list[ParamGroup] = []
    for part in parts_of(family):
        peak, ratio = settings.rate(part), settings.loraplus_ratio(part)
        if not peak:
            continue
        if ratio == 1.0:
            found.append(ParamGroup(part, "both", peak, 1.0))
        else:
            found += [ParamGroup(part, "down", peak, 1.0), ParamGroup(part, "up", peak, ratio)]
    return tuple(found)
