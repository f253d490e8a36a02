"""A small data set, and an index of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from check_inputs import caption, draw
from indexed import settle

from trainer.data_index.index import DataIndex
from trainer.workspace import Workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two folders of pictures with captions, one of regularisation, one of validation."""
    for number in range(4):
        picture = draw(tmp_path / "train" / "2_knight" / f"{number}.png", number, size=(64, 64 if number else 96))
        caption(picture, f"my_knight, castle, tag {number}, {'moat' if number % 2 else 'Tower_top'}")
    for number in range(4, 7):
        draw(tmp_path / "train" / "3_her" / f"{number}.jpg", number, size=(96, 64))
    (tmp_path / "train" / "3_her" / "6.txt").unlink()
    draw(tmp_path / "reg" / "1_girl" / "20.png", 20)
    draw(tmp_path / "held" / "30.png", 30, size=(200, 100))
    settle(tmp_path)
    return tmp_path


@pytest.fixture
def index(root: Path) -> Iterator[DataIndex]:
    (root / "journal.sqlite").touch()
    with DataIndex(Workspace(root)) as opened:
        yield opened
