"""Settings of a first bake by family and by the GPU's memory."""

from dataclasses import replace

import pytest
import tiny_flow

from trainer.families.record import FamilyRecord
from trainer.families.registry import FAMILIES
from trainer.settings.model import Settings

GIB = 2**30

SIZED = replace(
    tiny_flow.FAMILY,
    first_settings={"resolution": "1024", "train_batch_size": 1},
    first_by_memory=((11 * GIB, {"train_batch_size": 2}), (7 * GIB, {}), (0, {"int8_base": True})),
)


@pytest.mark.parametrize(
    ("memory", "more"),
    [
        (None, {}),
        (6 * GIB, {"int8_base": True}),
        (8 * GIB - 1, {}),
        (12 * GIB, {"train_batch_size": 2}),
        (80 * GIB, {"train_batch_size": 2}),
    ],
)
def test_those_of_the_largest_bound_that_the_gpu_has_are_added(memory: int | None, more: dict[str, object]) -> None:
    assert SIZED.first_settings_on(memory) == {**SIZED.first_settings, **more}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda record: record.key)
def test_every_familys_are_settings_with_bounds_that_fall(family: FamilyRecord) -> None:
    bounds = [least for least, _ in family.first_by_memory]
    assert bounds == sorted(bounds, reverse=True)
    for memory in (None, *bounds):
        Settings.model_validate(family.first_settings_on(memory))
