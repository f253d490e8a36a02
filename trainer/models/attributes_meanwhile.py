"""Attributes of an object that are others while a block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def attributes_meanwhile(thing: Any, **wanted: object) -> Iterator[None]:
    """Let attributes that an object has be these while the block lasts."""
    before = {name: getattr(thing, name) for name in wanted}
    for name, value in wanted.items():
        setattr(thing, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(thing, name, value)
