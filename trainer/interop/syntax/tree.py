"""Nested values as a flat list of keys, within limits on their depth and number."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from trainer.errors import SettingsError
from trainer.interop.record import SourceKey
from trainer.text import plural

MAX_DEPTH = 32
"""Levels of nesting; no trainer's file has half as many."""

MAX_KEYS = 10_000
"""Keys of a file; OneTrainer's and kohya_ss's have some hundreds, with many folders of pictures some thousands."""


def leaves(tree: Mapping[str, object], lines: Mapping[str, Sequence[int]], where: str) -> tuple[SourceKey, ...]:
    """Return every leaf of nested values: `a.b`, `a[0].b`; a list without tables is one leaf, as is an empty table.

    Args:
        tree: the values.
        lines: a key's own name to the lines that it stands on, in the order of the file.
        where: start of an error line.

    Raises:
        SettingsError: more levels or keys than MAX_DEPTH and MAX_KEYS.
    """
    found: list[tuple[str, str, object]] = []
    for leaf in _leaves(tree, where):
        found.append(leaf)
        if len(found) > MAX_KEYS:
            raise too_many_keys(where)
    counts = Counter(name for _, name, _ in found)
    # Where a name stands in the text as often as in the tree, the first is the first.
    places = {name: iter(lines[name]) for name, count in counts.items() if len(lines.get(name, ())) == count}
    return tuple(SourceKey(key, value, next(places[name]) if name in places else None) for key, name, value in found)


def too_many_keys(where: str) -> SettingsError:
    """Return the error for a file with more keys than any settings have."""
    return SettingsError(
        where,
        found=f"more than {plural(MAX_KEYS, 'key')}",
        expected="a trainer's settings, which have some hundreds",
        way_out="name the settings file",
    )


def too_deep(where: str) -> SettingsError:
    """Return the error for a file with more levels than any settings have."""
    return SettingsError(
        where, found=f"more than {plural(MAX_DEPTH, 'level')} of brackets", expected="a trainer's settings"
    )


def known_lines(text: str, pattern: re.Pattern[str]) -> dict[str, list[int]]:
    """Return the lines that each key of a text stands on.

    Args:
        text: of the file.
        pattern: what finds a key in a line; its groups hold the name.
    """
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        for match in pattern.finditer(line):
            name = next((group for group in match.groups() if group), "")
            found.setdefault(name, []).append(number)
    return found


def _leaves(tree: Mapping[str, object], where: str) -> Iterator[tuple[str, str, object]]:
    """Yield path, own name and value of each leaf in the order of the file, without recursion."""
    waiting: list[tuple[str, str, object, int]] = [(key, key, value, 1) for key, value in reversed(list(tree.items()))]
    while waiting:
        path, name, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise too_deep(where)
        inner: list[tuple[str, str, object]] = []
        if isinstance(value, Mapping):
            inner = [(f"{path}.{key}", str(key), each) for key, each in value.items()]
        elif isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value):
            inner = [(f"{path}[{at}]", name, each) for at, each in enumerate(value)]
        if not inner:
            yield path, name, value
            continue
        if len(waiting) + len(inner) > MAX_KEYS:
            raise too_many_keys(where)
        waiting.extend((*each, depth + 1) for each in reversed(inner))
