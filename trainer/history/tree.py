"""The tree of bakes: which was made from which."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trainer.history.records import BakeEntry

MAX_DEPTH = 32
"""Levels that can be drawn beside one another."""


@dataclass(frozen=True)
class TreeLine:
    """One line of the tree.

    Attributes:
        entry: the bake.
        depth: how many parents are above it.
        last: of the last MAX_DEPTH bakes on the way down to it, itself included, whether it is the last child of its parent.
    """

    entry: BakeEntry
    depth: int
    last: tuple[bool, ...]


def tree_lines(entries: Mapping[int, BakeEntry], root: int | None = None) -> list[TreeLine]:
    """Return the bakes with those that were made from them below, in the order of their numbers.

    Args:
        entries: by number. A parent that is not among them is none.
        root: the bake whose descendants alone are wanted, itself first; None for all.
    """
    children = children_of(entries)
    roots = (
        [root] if root is not None else [number for number in sorted(entries) if entries[number].parent not in entries]
    )
    lines: list[TreeLine] = []
    seen: set[int] = set()
    # The next one last; a chain of parents may be longer than functions may call one another.
    waiting: list[tuple[int, int, tuple[bool, ...]]] = [(number, 0, ()) for number in reversed(roots)]
    while waiting:
        number, depth, last = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        lines.append(TreeLine(entries[number], depth, last))
        below = children.get(number, ())
        waiting += [(child, depth + 1, (*last, child == below[-1])[-MAX_DEPTH:]) for child in reversed(below)]
    return lines


def children_of(entries: Mapping[int, BakeEntry]) -> Mapping[int, tuple[int, ...]]:
    """Return the bakes that were made from each, by number."""
    found: dict[int, list[int]] = defaultdict(list)
    for number in sorted(entries):
        parent = entries[number].parent
        if parent in entries and parent is not None:
            found[parent].append(number)
    return {parent: tuple(numbers) for parent, numbers in found.items()}


def ancestors(entries: Mapping[int, BakeEntry], number: int) -> Iterator[BakeEntry]:
    """Yield the parent of a bake, that one's parent, and so on."""
    seen = {number}
    parent = entries[number].parent
    while parent is not None and parent in entries and parent not in seen:
        seen.add(parent)
        yield entries[parent]
        parent = entries[parent].parent
