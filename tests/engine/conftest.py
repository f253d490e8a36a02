"""An engine over a small demo for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from run_engine import SHORT, STATED, EngineRunner, small_demo


@pytest.fixture(autouse=True)
def base_stays(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the base and the latents to the next test's engine, which asks for the same; not where a test wants nothing kept."""
    if "nothing_kept" not in request.fixturenames:
        monkeypatch.setattr("trainer.engine.engine._forget_base", lambda: None)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[EngineRunner]:
    runner = EngineRunner(small_demo(tmp_path / "demo"))
    yield runner
    runner.close()


@pytest.fixture
def short() -> tuple[str, ...]:
    """Overrides that make a bake of six steps."""
    return SHORT


@pytest.fixture
def stated() -> tuple[str, ...]:
    """Overrides that make a bake of three epochs of four steps that keeps states."""
    return STATED
