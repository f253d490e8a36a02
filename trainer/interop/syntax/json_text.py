"""JSON read as plain values, also as people edit it: comments, commas too many, `D:\\` with single backslashes, braces left out."""

import json
import re
from collections.abc import Callable

from trainer.errors import SettingsError
from trainer.interop.syntax.tree import known_lines, too_deep

_KEY = re.compile(r'"([^"\\\n]{1,200})"\s*:')
# A table, or a list of tables, behind comments.
_START = re.compile(r"(?:\s++|//[^\n]*+|#[^\n]*+)*+(?:\{|\[\s*+\{)")
_FRAGMENT = re.compile(r'\s*"[^"\n]{1,200}"\s*:')
_PIECES = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*+")|(?P<comment>//[^\n]*|\#[^\n]*|/\*.*?\*/)|(?P<comma>,)|(?P<other>\s+|[^"/\#,\s]+|.)""",
    re.DOTALL | re.VERBOSE,
)
# Of a text that is read although it is not JSON: taking it to pieces takes time with the square of a line's length.
_MAX_EDITED, _MAX_LINE, _MAX_COMMENTS = 2**18, 10_000, 1_000
_DRIVE = re.compile(r'"(?:[A-Za-z]:|\\)\\(?!\\[^\\"])')
_SINGLE = re.compile(r'(?<!\\)\\(?![\\"])')


def looks_like_json(text: str) -> bool:
    """Return whether a text starts as a JSON table, as a list of tables, or as the inside of a table."""
    return bool(_START.match(text) or _FRAGMENT.match(text.lstrip()[:400]))


def parse_json(text: str, where: str) -> tuple[dict[str, object], dict[str, list[int]], list[tuple[str, object]]]:
    """Return the values of a JSON text, the lines of its keys, and keys that a later one of the same name replaces.

    A list of tables, as files of concepts are, is the table `{"items": […]}`.

    Raises:
        SettingsError: it is broken even so, or no table.
    """
    repeated: list[tuple[str, object]] = []

    def table(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made: dict[str, object] = {}
        for key, value in pairs:
            if key in made:
                repeated.append((key, made[key]))
            made[key] = value
        return made

    def parse(source: str) -> object:
        return json.loads(source, object_pairs_hook=table)

    whole = text if _START.match(text) else _in_braces(text)
    try:
        try:
            found = parse(whole)
        except ValueError as first:
            repeated.clear()
            found = _parse_edited(whole, parse, first, where)
    except RecursionError:
        raise too_deep(where) from None
    if isinstance(found, list) and all(isinstance(each, dict) for each in found):
        found = {"items": found}
    if not isinstance(found, dict):
        raise SettingsError(where, found="JSON, but not a table", expected='{"key": value, …}')
    return found, known_lines(text, _KEY), repeated


def _in_braces(text: str) -> str:
    """Return the inside of a table as a table, also where it was copied with the brace that ends it."""
    inside = text.strip().rstrip(",").rstrip()
    return f"{{{inside}" if inside.endswith("}") and inside.count("}") > inside.count("{") else f"{{{inside}}}"


def _parse_edited(text: str, parse: Callable[[str], object], first: ValueError, where: str) -> object:
    short = len(text) <= _MAX_EDITED and all(len(line) <= _MAX_LINE for line in text.split("\n"))
    try:
        if not short or text.count("/*") > _MAX_COMMENTS:
            raise first
        return parse(_plain(text))
    except ValueError:
        place, what = where, "a number too long to read"
        if isinstance(first, json.JSONDecodeError):
            place, what = f"{where} line {first.lineno}", f"broken JSON, {_in_words(first.msg)}"
        raise SettingsError(
            place, found=what, expected="JSON", way_out='write `"key": value` with a comma between two'
        ) from None


def _in_words(message: str) -> str:
    """Return the parser's message as the end of a sentence: without the place that follows it."""
    return re.sub(r" (?:starting )?at$", "", f"{message[:1].lower()}{message[1:]}")


def _plain(text: str) -> str:
    """Return an edited text as JSON has it, its lines kept."""
    out: list[str] = []
    comma = -1
    for piece in _PIECES.finditer(text):
        part = piece[0]
        match piece.lastgroup:
            case "comment":
                out.append("\n" * part.count("\n"))
            case "comma":
                comma = len(out)
                out.append(part)
            case "text":
                comma = -1
                out.append(_SINGLE.sub(r"\\\\", part) if _DRIVE.match(part) else part)
            case _:
                if part.strip():
                    if comma >= 0 and part[0] in "}]":
                        out[comma] = ""
                    comma = -1
                out.append(part)
    return "".join(out)
