"""The modules of `tests/benchmarks`, which import each other by name."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def benchmarks_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
