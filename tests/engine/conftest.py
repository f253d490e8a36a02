"""A kitchen for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kitchen import SHORT, STATED, Kitchen, small_demo


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    kitchen = Kitchen(small_demo(tmp_path / "demo"))
    yield kitchen
    kitchen.close()


@pytest.fixture
def short() -> tuple[str, ...]:
    """Overrides that make a bake of six steps."""
    return SHORT


@pytest.fixture
def stated() -> tuple[str, ...]:
    """Overrides that make a bake of three epochs of four steps that keeps states."""
    return STATED
