"""The page on grids is true: it has every kind of axis and every sampler."""

import re
from pathlib import Path

import pytest

from trainer.grid.axes import KINDS
from trainer.grid.samplers import SAMPLERS

PAGE = (Path(__file__).parents[3] / "docs" / "grids.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_axis_is_explained(kind: str) -> None:
    assert any(f"`{kind}`" in line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|"))


def test_no_unknown_kind_is_named() -> None:
    table = PAGE.split("## Axes")[1].split("## Values")[0]
    named = {
        kind
        for line in table.splitlines()
        if line.startswith("| `")
        for kind in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert named == set(KINDS)


def test_every_sampler_is_named() -> None:
    assert [sampler.name for sampler in SAMPLERS if sampler.name not in PAGE] == []
