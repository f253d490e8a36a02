"""The search for garbage around very many objects that stay."""

import gc
from collections.abc import Iterator

import pytest

from trainer.machine.garbage import keep_from_search, seldom_whole_searches


class Circle:
    """Something that only a search for garbage finds."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def frozen() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_all_objects_are_hardly_ever_looked_through_until_the_last_block_ends() -> None:
    before = gc.get_threshold()
    with seldom_whole_searches():
        with seldom_whole_searches():
            assert gc.get_threshold()[:2] == before[:2] and gc.get_threshold()[2] > 10 * before[2]
        assert gc.get_threshold()[2] > 10 * before[2]
    assert gc.get_threshold() == before


@pytest.mark.usefixtures("frozen")
def test_what_is_kept_from_the_search_is_not_looked_through() -> None:
    kept = [Circle() for _ in range(100)]
    keep_from_search()
    looked_through = {id(each) for each in gc.get_objects()}
    assert not looked_through & {id(each) for each in kept}
    assert gc.get_freeze_count() >= 100
