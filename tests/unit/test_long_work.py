"""Long work says how far it is to whoever watches it, and ends where it may."""

import threading
from pathlib import Path

import pytest

from trainer.dataset.scan import scan
from trainer.long_work import WorkProgress, WorkStopped, advance, each, unwatched, watched


def test_work_that_nobody_watches_goes_on_without_a_word() -> None:
    advance("reading", 1, 2)
    assert list(each("reading", [1, 2, 3])) == [1, 2, 3]


def test_whoever_watches_sees_how_far_it_is() -> None:
    seen: list[WorkProgress] = []
    with watched(seen.append, lambda: False):
        assert list(each("reading", ("a", "b"))) == ["a", "b"]
        advance("hashing", 3, 10, "MB")
        list(each("counting", iter("ab")))
    advance("later")
    assert seen == [
        WorkProgress("reading", 0, 2),
        WorkProgress("reading", 1, 2),
        WorkProgress("hashing", 3, 10, "MB"),
        WorkProgress("counting", 0, 0),
        WorkProgress("counting", 1, 0),
    ]


def test_it_ends_where_it_may_once_it_is_asked_to() -> None:
    done: list[int] = []
    with pytest.raises(WorkStopped), watched(lambda progress: None, lambda: len(done) == 2):
        for number in each("counting", range(10)):
            done.append(number)
    assert done == [0, 1]
    advance("nobody watches any more")


def test_threads_are_watched_apart() -> None:
    seen: list[WorkProgress] = []
    with watched(seen.append, lambda: True):
        thread = threading.Thread(target=lambda: advance("in another thread"))
        thread.start()
        thread.join()
    assert seen == []


def test_pictures_that_are_read_are_counted_and_reading_them_can_be_ended(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "2_ears").mkdir()
    for number in range(3):
        Image.new("RGB", (64, 64)).save(tmp_path / "2_ears" / f"{number}.png")
        (tmp_path / "2_ears" / f"{number}.txt").write_text("ears")
    seen: list[WorkProgress] = []
    with watched(seen.append, lambda: False):
        assert len(scan(tmp_path, caption_extension=(".txt",)).pictures) == 3
    assert WorkProgress("reading 2_ears", 2, 3) in seen
    with pytest.raises(WorkStopped), watched(seen.append, lambda: True):
        scan(tmp_path, caption_extension=(".txt",))


def test_what_must_not_be_ended_is_watched_by_nobody() -> None:
    seen: list[WorkProgress] = []
    with watched(seen.append, lambda: len(seen) == 1):
        advance("first")
        with unwatched():
            advance("moving into place")
        with pytest.raises(WorkStopped):
            advance("later")
    assert [each.words for each in seen] == ["first"]
