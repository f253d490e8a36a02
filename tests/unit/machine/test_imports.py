"""Nobody looks for garbage while libraries are imported, nor while the program starts."""

import gc

import pytest

from trainer.machine.imports import start_without_garbage_collection, without_garbage_collection


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


def test_what_was_made_at_the_start_is_never_looked_through_again() -> None:
    frozen = gc.get_freeze_count()
    try:
        with start_without_garbage_collection() as started:
            made = [[number] for number in range(1000)]
            assert not gc.isenabled()
            started()
            assert gc.isenabled()
            assert gc.get_freeze_count() >= frozen + len(made)
            gc.disable()
            started()
            assert not gc.isenabled()
    finally:
        gc.unfreeze()
        gc.enable()


def test_a_start_that_fails_is_looked_through_as_everything_else() -> None:
    frozen = gc.get_freeze_count()
    with pytest.raises(OSError), start_without_garbage_collection():
        raise OSError
    assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
