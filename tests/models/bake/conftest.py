from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from run_bakes import BakeRunner

from trainer.journal.journal import Journal

torch.set_num_threads(1)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[BakeRunner]:
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield BakeRunner(tmp_path, journal)
