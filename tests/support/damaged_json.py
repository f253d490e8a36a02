"""JSON of our own files with one value changed to what nobody wrote there, each value in turn."""

import copy
from collections.abc import Iterator
from itertools import islice, product
from typing import Any

_MISSING = object()
# In the place of any value: missing, none, other types, huge, nested.
_ODD: tuple[Any, ...] = (_MISSING, None, "odd", 7, -7, 0.5, True, 10**40, 1e300, [], {}, ["odd"], {"odd": 1})


def deep(levels: int = 60) -> Any:
    """Return lists in lists, deeper than anything we write and no deeper than any parser reads."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def damaged(value: Any, every: int = 1, *, most_items: int = 2) -> Iterator[tuple[str, Any]]:
    """Yield `(place = value, changed copy)` for each value in a JSON tree and each way of spoiling it.

    Args:
        value: a table or list.
        every: of the changes, only each so-manieth; with a number that 15 is no multiple of, each kind of change comes in turn.
        most_items: of a list's items, how many of the first are changed: the others are of the same kind.
    """
    odd_values = (*_ODD, "x" * 20_000, deep())
    for place, odd in islice(product(_places(value, most_items), odd_values), None, None, every):
        changed = copy.deepcopy(value)
        parent = changed
        for step in place[:-1]:
            parent = parent[step]
        before = parent[place[-1]]
        if odd is _MISSING:
            del parent[place[-1]]
        elif type(odd) is type(before) and odd == before:
            continue
        else:
            parent[place[-1]] = odd
        name = ".".join(map(str, place))
        yield f"{name} {'missing' if odd is _MISSING else f'= {str(odd)[:20]}'}", changed


def _places(value: Any, most_items: int) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))[:most_items]
    for key, inner in items:
        yield (key,)
        for rest in _places(inner, most_items):
            yield (key, *rest)
