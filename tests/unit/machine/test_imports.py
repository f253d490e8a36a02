"""Nobody looks for garbage while libraries are imported."""

import gc

import pytest

from trainer.machine.imports import without_garbage_collection


def test_the_search_for_garbage_rests_while_the_block_lasts() -> None:
    assert gc.isenabled()
    with pytest.raises(ImportError), without_garbage_collection():
        assert not gc.isenabled()
        raise ImportError
    assert gc.isenabled()


def test_where_it_was_off_it_stays_off() -> None:
    gc.disable()
    try:
        with without_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
