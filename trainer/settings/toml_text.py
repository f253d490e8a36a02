"""TOML files: reading, parsing, and the line of a key, each mistake as one SettingsError."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path

from trainer.errors import SettingsError
from trainer.regular_file import read_regular
from trainer.text import plural, printable
from trainer.text_encoding import UndecodableText, decode_text

_BACKSLASH = "a backslash in double quotes"
_SINGLE_QUOTES = "put a path with backslashes in single quotes, or write / for each"
# `"D:\new"` is TOML for a folder with a line break in its name, and never meant so.
_BROKEN_DRIVE = re.compile(r"[A-Za-z]:[\b\t\n\f\r]")
_DRIVE_IN_QUOTES = re.compile(r'"[A-Za-z]:\\[btnfr]')
_POSITION = re.compile(r" \(at (?:(line \d+), column \d+|(end) of document)\)$")
# Far above any settings file: a picture or a model given by mistake is refused before it fills the memory.
_MAX_BYTES = 4 * 2**20

_MAX_PARTS = 1000
_HEADER = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_BETWEEN_KEYS = re.compile(r"[=,\[{]")


def read_text(path: Path, kind: str = "a settings file") -> str:
    """Return the text of a TOML file; a byte order mark in front is dropped.

    Raises:
        SettingsError: it is missing, no file, not allowed to be read, too large or not UTF-8.
    """
    where = printable(str(path))
    try:
        if path.is_dir():
            raise SettingsError(where, found="a folder", expected=kind, way_out="name the .toml file in it")
        return decode_text(read_regular(path, _MAX_BYTES))
    except FileNotFoundError:
        raise SettingsError(where, found="no such file", expected=kind, way_out="check the path") from None
    except UndecodableText as error:
        raise SettingsError(
            where, found=error.found, expected=f"{kind} in TOML, in UTF-8", way_out=error.way_out
        ) from None
    except OSError as error:
        way_out = "fix its permissions" if isinstance(error, PermissionError) else ""
        raise SettingsError(
            where, found=f"cannot be read ({error.strerror})", expected=f"{kind} in TOML", way_out=way_out
        ) from error


def parse_toml(text: str, where: str) -> dict[str, object]:
    """Return the values of a TOML text.

    Raises:
        SettingsError: it is broken; names the line and what is wrong there.
    """
    _check_keys(text, where)
    try:
        values = tomllib.loads(text)
        broken = _has_broken_drive(values)
    except RecursionError:
        raise SettingsError(where, found="brackets nested too deeply", expected="TOML") from None
    except ValueError as error:
        # TOMLDecodeError tells the line inside its message only; int() adds a plain ValueError for endless digits.
        message = str(error)
        position = _POSITION.search(message)
        place = f" {position[1] or position[2]}" if position else ""
        what = _POSITION.sub("", message)
        if what == "Cannot overwrite a value":
            what = "a key is given twice"
        found, way_out = _mistake(_line_at(text, position), what)
        raise SettingsError(f"{where}{place}", found=printable(found), way_out=way_out) from None
    if broken:
        raise SettingsError(f"{where}{_line_of_drive(text)}", found=_BACKSLASH, way_out=_SINGLE_QUOTES)
    return values


def _check_keys(text: str, where: str) -> None:
    """Refuse a key of very many parts, over which the parser takes time with their square."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > _MAX_PARTS and any(part.count(".") > _MAX_PARTS for part in _BETWEEN_KEYS.split(line)):
            raise SettingsError(
                f"{where} line {number}",
                found=f"a key of more than {plural(_MAX_PARTS, 'part')}",
                expected="a setting's name",
                way_out="put a text with as many dots on several lines",
            )


def _has_broken_drive(value: object) -> bool:
    if isinstance(value, str):
        return _BROKEN_DRIVE.match(value) is not None
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_broken_drive, inner))


def _line_of_drive(text: str) -> str:
    numbers = (number for number, line in enumerate(text.split("\n"), start=1) if _DRIVE_IN_QUOTES.search(line))
    return f" line {number}" if (number := next(numbers, 0)) else ""


# What people write by habit from other languages and systems, as it looks in the line that does not parse.
_CONSTANT = re.compile(r"[=,\[]\s*(True|False|TRUE|FALSE|None|null|yes|no|on|off)\s*(?:[,\]#]|$)")
_BACKSLASH_IN_QUOTES = re.compile(r'"[^"]*\\')


def _mistake(line: str, what: str) -> tuple[str, str]:
    """Return what is wrong in a line, and the way out."""
    if _BACKSLASH_IN_QUOTES.search(line):
        return _BACKSLASH, _SINGLE_QUOTES
    if "integer string conversion" in what:
        return "a number too long to read", "put texts in quotes"
    if constant := _CONSTANT.search(line):
        word = constant[1]
        if word in ("None", "null"):
            return f"{word} does not exist in TOML", "leave the setting out"
        value = "true" if word.casefold() in ("true", "yes", "on") else "false"
        return f"{word} does not exist in TOML", f"write {value}, in small letters"
    return f"broken TOML, {what[:1].lower()}{what[1:]}", "put texts in quotes, and one `key = value` on each line"


def _line_at(text: str, position: re.Match[str] | None) -> str:
    number = position[1].removeprefix("line ") if position and position[1] else ""
    lines = text.split("\n")
    return lines[int(number) - 1] if number and int(number) <= len(lines) else ""


def place_of(text: str, key: str, where: str) -> str:
    """Return `where` with the line that `key` stands on, as far as it is found, and the key itself."""
    line = _lines_of_keys(text).get(key)
    return f"{where}{f' line {line}' if line else ''}: {printable(key, 60)}"


def line_of(text: str, key: str, table: str = "") -> int | None:
    """Return the number of the line that gives `key` of `table` its value, None where it is not on a line of its own.

    Args:
        text: TOML.
        key: without quotes.
        table: the table's name as in its header, "" for the top.
    """
    inside = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            inside = _bare(header[1])
        name, equals, _ = line.partition("=")
        if equals and inside == table and _bare(name) == key:
            return number
    return None


def _bare(name: str) -> str:
    return name.strip().strip("\"'")


# All keys of a file are asked for one after the other.
@lru_cache(maxsize=4)
def _lines_of_keys(text: str) -> dict[str, int]:
    """Return key -> the first line that gives it a value."""
    found: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        key, equals, _ = line.partition("=")
        if equals:
            found.setdefault(_bare(key), number)
    return found
