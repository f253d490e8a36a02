"""YAML read as plain values: no tags, no anchors, no aliases, no objects."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from trainer.errors import SettingsError
from trainer.interop.syntax.tree import MAX_DEPTH, MAX_KEYS, too_deep, too_many_keys
from trainer.text import printable

MAX_CHARACTERS = 2**18
"""Of a YAML text. ai-toolkit's examples have 5,000."""

# The parser in C is ten times as fast; a build of PyYAML may lack it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# YAML 1.2's own scalars: PyYAML takes `1e-4` for a text and `on` for a switch.
_INT = re.compile(r"[-+]?\d[\d_]{0,30}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\d[\d_]*+\.?\d*+|\.\d++)(?:[eE][-+]?\d{1,4})?", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None, "yes": True, "no": False}


def parse_yaml(text: str, where: str) -> tuple[dict[str, object], dict[str, list[int]], list[tuple[str, object]]]:
    """Return the values of a YAML text, the lines of its keys, and keys that a later one of the same name replaces.

    Raises:
        SettingsError: it is broken, is no table, or holds a tag, an anchor, an alias, or several documents.
    """
    if len(text) > MAX_CHARACTERS:
        raise SettingsError(where, found=f"{len(text):,} characters of YAML", expected=f"at most {MAX_CHARACTERS:,}")
    reader = _Reader(where)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" line {mark.line + 1}" if mark else ""
        found = f"broken YAML, {error.problem or error.context or 'not readable'}"
        raise SettingsError(f"{where}{place}", found=printable(found, 160), expected="`key: value` lines") from None
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError(
            where, found=printable(f"broken YAML, {error}", 160), expected="`key: value` lines"
        ) from None
    if not isinstance(reader.value, dict):
        raise SettingsError(where, found="YAML, but not a table", expected="`key: value` lines")
    return reader.value, reader.lines, reader.repeated


class _Reader:
    """The tree of a stream of events, made without recursion."""

    def __init__(self, where: str) -> None:
        self.value: object = None
        self.lines: dict[str, list[int]] = {}
        self.repeated: list[tuple[str, object]] = []
        self._where = where
        # Tables and lists that are open, each with the key that waits for its value.
        self._open: list[dict[str, object] | list[object]] = []
        self._keys: list[str | None] = []
        self._count = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Add one event to the tree."""
        line = event.start_mark.line + 1 if event.start_mark else 0
        self._refuse(event, line)
        match event:
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if len(self._open) >= MAX_DEPTH:
                    raise too_deep(f"{self._where} line {line}")
                made: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._add(made, line)
                self._open.append(made)
                self._keys.append(None)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._keys.pop()

    def _refuse(self, event: Any, line: int) -> None:
        what = ""
        if isinstance(event, yaml.AliasEvent):
            what = f"an alias, `*{event.anchor}`"
        elif getattr(event, "anchor", None):
            what = f"an anchor, `&{event.anchor}`"
        elif getattr(event, "tag", None):
            what = f"a tag, `{event.tag}`"
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            what = "a second document" if self._documents > 1 else ""
        if what:
            raise SettingsError(
                f"{self._where} line {line}",
                found=printable(what, 120),
                expected="plain keys and values",
                way_out="write the value itself in its place",
            )

    def _scalar(self, event: Any, line: int) -> None:
        inside = self._open[-1] if self._open else None
        if isinstance(inside, dict) and self._keys[-1] is None:
            key = str(event.value)
            self._keys[-1] = key
            self.lines.setdefault(key, []).append(line)
            return
        self._add(plain_scalar(event.value) if event.implicit[0] else str(event.value), line)

    def _add(self, value: object, line: int) -> None:
        self._count += 1
        if self._count > MAX_KEYS:
            raise too_many_keys(f"{self._where} line {line}")
        inside = self._open[-1] if self._open else None
        if inside is None:
            self.value = value
        elif isinstance(inside, list):
            inside.append(value)
        else:
            key = self._keys[-1]
            if key is None:
                raise SettingsError(
                    f"{self._where} line {line}", found="a table or list as a key", expected="a key's name"
                )
            if key in inside:
                self.repeated.append((key, inside[key]))
            inside[key] = value
            self._keys[-1] = None


def plain_scalar(text: str) -> object:
    """Return a bare word as a number, a switch, None, or itself."""
    word = text.strip()
    if word.casefold() in _WORDS:
        return _WORDS[word.casefold()]
    if _INT.fullmatch(word):
        return int(word)
    if _FLOAT.fullmatch(word):
        return float(word)
    return text


def yaml_keys(text: str) -> Iterator[str]:
    """Yield the keys at the start of lines that look like YAML's."""
    for line in text.split("\n"):
        if match := re.match(r"\s*(?:- )?([\w.-]{1,100})\s*:(?:\s|$)", line):
            yield match[1]
