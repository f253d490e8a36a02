"""Regular expressions in an adapter's config, matched to paths of layers in a time that no pattern can make long; free of torch.

PEFT hands them to Python's `re`, in which a file from outside can write one that takes for ever. Here a pattern is a tree whose
parts turn the set of places reached in the text into the next such set, so that each of its signs is looked at a few times.
"""

import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_MAX_LENGTH, _MAX_DEPTH = 500, 20
_CLASSES = {"d": frozenset(string.digits), "w": frozenset(string.ascii_letters + string.digits + "_")}
_LITERALS = _CLASSES["w"] | {"-", "/", ":", " "}
_ALL = frozenset(chr(code) for code in range(32, 127))

_Places = int
"""Places in a text as bits: bit i is the place before its i-th sign."""
_Step = Callable[[str, _Places], _Places]


class _NotUnderstood(Exception):
    """A pattern has a sign that is not read here."""


@dataclass(frozen=True)
class LayerPattern:
    """A pattern that was understood."""

    step: _Step
    from_start: bool

    def fits(self, path: str) -> bool:
        """Return whether the pattern means the layer at a path: its end, from the beginning of a part on (PEFT: get_pattern_key)."""
        starts = 1
        if not self.from_start:
            starts |= sum(1 << place + 1 for place, sign in enumerate(path) if sign == ".")
        return bool(self.step(path, starts) >> len(path) & 1)


@lru_cache(maxsize=4096)
def layer_pattern(text: str) -> LayerPattern | None:
    """Return the pattern, None for one with other signs than names, `.`, `*`, `+`, `?`, `\\d`, `\\w`, `[…]` and `(a|b)`."""
    inner = text.removeprefix("^").removesuffix("$")
    try:
        if len(text) > _MAX_LENGTH:
            return None
        step, end = _either(inner, 0, 0)
    except (_NotUnderstood, IndexError):
        return None
    return LayerPattern(step, text.startswith("^")) if end == len(inner) else None


def _either(text: str, at: int, depth: int) -> tuple[_Step, int]:
    """Read `a|b` up to a closing bracket or the end."""
    if depth > _MAX_DEPTH:
        raise _NotUnderstood
    ways: list[tuple[_Step, ...]] = []
    one: list[_Step] = []
    while at < len(text) and text[at] != ")":
        if text[at] == "|":
            ways.append(tuple(one))
            one, at = [], at + 1
            continue
        step, at = _one(text, at, depth)
        repeat = text[at : at + 1]
        if repeat in ("*", "+", "?") and repeat:
            step, at = _repeated(step, repeat), at + 1
        one.append(step)
    ways.append(tuple(one))

    def either(path: str, places: _Places) -> _Places:
        reached = 0
        for way in ways:
            after = places
            for step in way:
                after = step(path, after)
            reached |= after
        return reached

    return either, at


def _one(text: str, at: int, depth: int) -> tuple[_Step, int]:
    sign = text[at]
    if sign == "(":
        start = at + 3 if text.startswith("?:", at + 1) else at + 1
        step, end = _either(text, start, depth + 1)
        if text[end] != ")":
            raise _NotUnderstood
        return step, end + 1
    if sign == "[":
        end = text.index("]", at) if "]" in text[at:] else -1
        if end < 0:
            raise _NotUnderstood
        return _of(_signs(text[at + 1 : end])), end + 1
    if sign == "\\":
        following = text[at + 1]
        if following in _CLASSES:
            return _of(_CLASSES[following]), at + 2
        if following.isalnum():
            raise _NotUnderstood
        return _of(frozenset(following)), at + 2
    if sign == ".":
        return _of(_ALL), at + 1
    if sign not in _LITERALS:
        raise _NotUnderstood
    return _of(frozenset(sign)), at + 1


def _signs(text: str) -> frozenset[str]:
    """Return the signs of a class, `0-9_`."""
    found: set[str] = set()
    at = 0
    while at < len(text):
        if text[at] not in _LITERALS | {"."}:
            raise _NotUnderstood
        last = text[at + 2] if text[at + 1 : at + 2] == "-" and at + 2 < len(text) else text[at]
        found |= {chr(code) for code in range(ord(text[at]), ord(last) + 1)}
        at += 3 if last is not text[at] else 1
    if not found:
        raise _NotUnderstood
    return frozenset(found)


def _of(signs: frozenset[str]) -> _Step:
    def step(path: str, places: _Places) -> _Places:
        return (places & _where(path, signs)) << 1

    return step


@lru_cache(maxsize=65536)
def _where(path: str, signs: frozenset[str]) -> _Places:
    """Return the places before the signs of a class."""
    return sum(1 << place for place, sign in enumerate(path) if sign in signs)


def _repeated(step: _Step, repeat: str) -> _Step:
    def repeated(path: str, places: _Places) -> _Places:
        reached = fresh = step(path, places)
        while repeat != "?" and fresh:
            fresh = step(path, fresh) & ~reached
            reached |= fresh
        return reached if repeat == "+" else reached | places

    return repeated
