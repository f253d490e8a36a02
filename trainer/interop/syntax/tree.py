"""Nested values as a flat list of keys, within limits on their depth and number."""

import re
from collections.abc import Iterator, Mapping

from trainer.errors import SettingsError
from trainer.interop.record import SourceKey

MAX_DEPTH = 32
"""Levels of nesting; no trainer's file has half as many."""

MAX_KEYS = 20_000
"""Keys of a file; OneTrainer's and kohya_ss's have some hundreds."""


def leaves(tree: Mapping[str, object], lines: Mapping[str, int], where: str) -> tuple[SourceKey, ...]:
    """Return every leaf of nested values: `a.b`, `a[0].b`; a list without tables is one leaf, as is an empty table.

    Args:
        tree: the values.
        lines: a key's own name to its line, as far as that is known.
        where: start of an error line.

    Raises:
        SettingsError: more levels or keys than MAX_DEPTH and MAX_KEYS.
    """
    found: list[SourceKey] = []
    for key, name, value in _leaves(tree, where):
        found.append(SourceKey(key, value, lines.get(key, lines.get(name))))
        if len(found) > MAX_KEYS:
            raise too_many_keys(where)
    return tuple(found)


def too_many_keys(where: str) -> SettingsError:
    """Return the error for a file with more keys than any settings have."""
    return SettingsError(
        where,
        found=f"more than {MAX_KEYS:,} keys",
        expected="a trainer's settings, which have some hundreds",
        way_out="name the settings file",
    )


def too_deep(where: str) -> SettingsError:
    """Return the error for a file with more levels than any settings have."""
    return SettingsError(where, found=f"more than {MAX_DEPTH} levels of brackets", expected="a trainer's settings")


def known_lines(text: str, sign: str) -> dict[str, int]:
    """Return the line of every key that a text has once.

    Args:
        text: of the file.
        sign: what follows a key: `=` or `:`.
    """
    pattern = re.compile(
        rf"""^\s*(?:[{{,-]\s*)?(?:"([^"\n]{{1,200}})"|'([^'\n]{{1,200}})'|([\w.-]{{1,200}}))\s*{sign}"""
    )
    found: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if match := pattern.match(line):
            name = match[1] or match[2] or match[3]
            found[name] = 0 if name in found else number
    return {name: number for name, number in found.items() if number}


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
