"""Columns of an index that outlast it: what has not changed is not read when it is opened again."""

import threading
import time
from pathlib import Path

import pytest
from check_inputs import caption, draw
from indexed import settings

from trainer.data_index import columns
from trainer.data_index.database import IndexFile
from trainer.data_index.index import DataIndex
from trainer.data_index.kept_columns import KeptColumns
from trainer.data_index.record import PictureQuery
from trainer.settings.model import Settings
from trainer.workspace import Workspace


@pytest.fixture
def asked(root: Path, index: DataIndex) -> Settings:
    index.refresh(settings(root))
    return settings(root)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that read the index, one after the other."""
    statements: list[str] = []
    rows = IndexFile.rows

    def noted(self: IndexFile, statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        statements.append(statement)
        return rows(self, statement, values)

    monkeypatch.setattr(IndexFile, "rows", noted)
    return statements


def test_opened_again_nothing_is_read_but_whether_something_has_changed(
    root: Path, asked: Settings, read: list[str]
) -> None:
    kept = KeptColumns()
    with DataIndex(Workspace(root), kept) as index:
        assert index.recall(asked)
        before = (index.ids(), index.count(PictureQuery(with_tags=("castle",))), index.tag_counts(), index.folders())
    assert columns.READ in read
    read.clear()
    with DataIndex(Workspace(root), kept) as index:
        assert index.recall(asked)
        assert before == (
            index.ids(),
            index.count(PictureQuery(with_tags=("castle",))),
            index.tag_counts(),
            index.folders(),
        )
    assert set(read) == {"SELECT key, value FROM meta"}


def test_bringing_an_index_up_to_date_reads_no_columns(root: Path, asked: Settings, read: list[str]) -> None:
    with DataIndex(Workspace(root)) as index:
        index.refresh(asked)
        assert columns.READ not in read
        assert index.count() == 7


def test_a_caption_that_changed_meanwhile_is_read(root: Path, asked: Settings, index: DataIndex) -> None:
    kept = KeptColumns()
    with DataIndex(Workspace(root), kept) as shown:
        shown.recall(asked)
    caption(root / "train" / "2_knight" / "1.png", "dragon")
    index.refresh(asked)
    with DataIndex(Workspace(root), kept) as shown:
        shown.recall(asked)
        assert shown.count(PictureQuery(with_tags=("dragon",))) == 1


def test_of_pixels_that_were_looked_at_since_those_alone_are_read(root: Path, asked: Settings, read: list[str]) -> None:
    kept = KeptColumns()
    draw(root / "train" / "2_knight" / "9.png", 9)
    with DataIndex(Workspace(root)) as index:
        index.refresh(asked, pixels=False)
    with DataIndex(Workspace(root), kept) as shown, DataIndex(Workspace(root), kept) as older:
        shown.recall(asked), older.recall(asked)
        assert shown.looked_at() == 7
        before = older._last
        with DataIndex(Workspace(root)) as index:
            index.refresh(asked)
        read.clear()
        assert shown.looked_at() == 8
        # What another thread has in hand stays as it was.
        assert before is not None and before.columns.looked_at() == 7
        assert columns.READ not in read and columns.READ_PIXELS in read
        read.clear()
        assert older.looked_at() == 8 and columns.READ_PIXELS not in read


def test_of_an_index_that_was_made_anew_nothing_is_kept(root: Path, asked: Settings) -> None:
    kept = KeptColumns()
    with DataIndex(Workspace(root), kept) as shown:
        shown.recall(asked)
        path = shown.path
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
    with DataIndex(Workspace(root), kept) as shown:
        assert not shown.recall(asked)
    (root / "train" / "2_knight" / "3.png").unlink()
    with DataIndex(Workspace(root)) as index:
        index.refresh(asked)
    with DataIndex(Workspace(root), kept) as shown:
        shown.recall(asked)
        assert shown.count() == 6


def test_another_data_set_is_never_taken_for_the_one_that_was_kept(root: Path, asked: Settings) -> None:
    kept = KeptColumns()
    other = settings(root, train_data_dir=str(root / "reg"))
    with DataIndex(Workspace(root), kept) as shown:
        assert shown.recall(asked)
        assert not shown.recall(other) and shown.ids() == []
        assert shown.recall(asked) and shown.count() == 7


def test_of_two_that_open_it_at_once_one_reads_and_the_other_takes_what_it_read(
    root: Path, asked: Settings, read: list[str]
) -> None:
    with DataIndex(Workspace(root)) as index:
        index.recall(asked)
        already = index._last
    read.clear()
    kept, seen = KeptColumns(), []

    def second() -> None:
        with DataIndex(Workspace(root), kept) as index:
            seen.append((index.recall(asked), index.count()))

    with kept.reading:
        thread = threading.Thread(target=second)
        thread.start()
        while not read:
            time.sleep(0.001)
        time.sleep(0.05)
        kept.last = already
    thread.join()
    assert seen == [(True, 7)]
    assert columns.READ not in read
