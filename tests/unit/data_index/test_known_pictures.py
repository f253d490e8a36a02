"""What a plan takes from the index: pictures that it has measured are not opened again, and its columns are kept."""

from pathlib import Path

import pytest
from check_inputs import draw
from indexed import settings

from trainer.data_index.index import DataIndex
from trainer.data_index.kept_columns import KeptColumns
from trainer.dataset import picture_file
from trainer.dataset.read import read_data
from trainer.jobs.data_index import take_known_pictures
from trainer.workspace import Workspace


def test_only_pictures_that_changed_since_are_opened(
    index: DataIndex, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = settings(root)
    index.refresh(asked)
    draw(root / "train" / "2_knight" / "2.png", 77, size=(32, 64))
    opened: list[str] = []
    measured = picture_file._measured
    monkeypatch.setattr(picture_file, "_known", picture_file._KnownFacts())
    monkeypatch.setattr(picture_file, "_measured", lambda path: opened.append(path.name) or measured(path))
    kept = KeptColumns()
    take_known_pictures(asked, root / "settings.toml", kept)
    with DataIndex(Workspace(root), kept) as again, monkeypatch.context() as patched:
        patched.setattr(DataIndex, "_read", lambda self, now: pytest.fail("read again"))
        assert again.recall(asked) and again.count() == 7
    sizes = {picture.path.name: (picture.width, picture.height) for picture in read_data(asked).pictures}
    assert opened == ["2.png"]
    assert sizes["2.png"] == (32, 64) and sizes["0.png"] == (64, 96) and sizes["4.jpg"] == (96, 64)


def test_without_an_index_none_is_made(root: Path) -> None:
    (root / "journal.sqlite").touch()
    take_known_pictures(settings(root), root / "settings.toml", KeptColumns())
    assert not list(root.rglob("data-index.sqlite"))
