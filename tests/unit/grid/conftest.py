"""A workspace with LoRAs, and grids over them."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from expanded_grids import spec_of
from lora_on_disk import write_lora

from trainer.grid.cell import Expanded
from trainer.grid.expand import expand
from trainer.grid.model_files import ModelFiles
from trainer.models.identify import Base, identify_base


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with six epochs of one bake and a second LoRA."""
    root = tmp_path_factory.mktemp("workspace")
    for epoch in range(1, 7):
        write_lora(root / f"bakes/0001-hifumi/hifumi-{epoch:06d}.safetensors")
    write_lora(root / "bakes/0002-style/style.safetensors", rank=8, parts=["unet"])
    return root


@pytest.fixture
def spread(root: Path) -> Callable[..., Expanded]:
    """Expands a spec of these fields on the demo; `x`, `y` and `z` are (kind, values)."""

    def spread(base_of: Callable[[str], Base] = identify_base, **fields: object) -> Expanded:
        return expand(spec_of(**fields), ModelFiles(root), base_of=base_of, draw=itertools.count(1000).__next__)

    return spread
