"""A file is read once for as long as it stays unchanged."""

import hashlib
import os
from pathlib import Path

import pytest

from trainer.dataset.content import Content, content_of
from trainer.errors import DatasetError


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files read so far."""
    names: list[str] = []
    digest = hashlib.file_digest

    def counted(file: object, kind: str) -> object:
        names.append(Path(file.name).name)  # type: ignore[attr-defined]
        return digest(file, kind)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "file_digest", counted)
    return names


def test_a_file_is_read_once(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    os.utime(path, (1, 1))
    expected = Content(hashlib.sha256(b"one").hexdigest(), 3)
    assert [content_of(path), content_of(path)] == [expected, expected]
    assert reads == ["a.png"]


def test_a_changed_file_is_read_again_though_size_and_time_are_the_same(tmp_path: Path, reads: list[str]) -> None:
    path = tmp_path / "a.png"
    for text in (b"one", b"two"):
        path.unlink(missing_ok=True)
        path.write_bytes(text)
        os.utime(path, (1, 1))
        assert content_of(path).sha256 == hashlib.sha256(text).hexdigest()


def test_a_file_of_this_moment_is_not_remembered(tmp_path: Path, reads: list[str]) -> None:
    # Its time might not show that it is written to once more.
    path = tmp_path / "a.png"
    path.write_bytes(b"one")
    content_of(path)
    content_of(path)
    assert reads == ["a.png", "a.png"]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"a\.png: can no longer be read"):
        content_of(tmp_path / "a.png")
