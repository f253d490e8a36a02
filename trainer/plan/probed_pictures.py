"""Which pictures are measured of each saved LoRA, and how many forward passes that costs."""

import random
from collections.abc import Sequence

from trainer.dataset.batches import instances
from trainer.dataset.records import DataSet
from trainer.settings.model import Settings

LEAST_PICTURES = 4
"""Of each kind, held-out ones and members, to say anything of memorization: four and four can be parted in 70 ways, three and three in
20, of which the most extreme alone is not beyond chance."""

MOST_PICTURES = 64
"""Of each kind. More cost time and hardly narrow an interval."""


def probed_held_out(settings: Settings, validation: DataSet) -> tuple[int, ...]:
    """Return the held-out pictures that are measured by bands, as indices in the data: all, of many a choice by the validation seed."""
    return _chosen(settings, "held out", range(len(validation.pictures)), MOST_PICTURES)


def probed_members(settings: Settings, data: DataSet, validation: DataSet) -> tuple[int, ...]:
    """Return the trained pictures that are measured beside them: as many, chosen by the validation seed.

    Regularisation pictures, which are not to be learned, are none of them; nor is a second row of a picture that several data sets
    name.
    """
    shown = set(instances(data))
    first = {
        picture.path: index
        for index, picture in reversed(list(enumerate(data.pictures)))
        if index in shown and not picture.is_reg
    }
    return _chosen(settings, "members", sorted(first.values()), len(probed_held_out(settings, validation)))


def _chosen(settings: Settings, what: str, indices: Sequence[int], most: int) -> tuple[int, ...]:
    # A text seeds the same everywhere.
    order = random.Random(f"probed {what} {settings.validation_seed}")
    return tuple(sorted(order.sample(list(indices), min(most, len(indices)))))
