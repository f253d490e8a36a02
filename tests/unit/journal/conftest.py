from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trainer.journal.journal import Journal
from trainer.journal.records import Bake, NewBake


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield journal


@pytest.fixture
def queue(journal: Journal) -> Callable[..., Bake]:
    """Queues a bake; what the test does not care about is filled in."""

    def queue(
        name: str = "hifumi",
        *,
        engine: str = "engine",
        settings_toml: str = "",
        parent: int | None = None,
        not_before: float | None = None,
    ) -> Bake:
        return journal.bakes.add(
            NewBake(
                name=name,
                why="",
                settings_toml=settings_toml,
                engine=engine,
                total_steps=240,
                steps_per_epoch=40,
                parent=parent,
                not_before=not_before,
            )
        )

    return queue
