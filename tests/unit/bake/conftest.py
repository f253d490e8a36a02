from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from run_bakes import BakeRunner, session_of

from trainer.journal.journal import Journal
from trainer.settings.model import Settings

torch.set_num_threads(1)


@pytest.fixture
def open_bench() -> Callable[[Settings], object]:
    """Return a context manager that gives the training session and the plan of some settings."""
    return session_of


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[BakeRunner]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield BakeRunner(tmp_path, journal)
