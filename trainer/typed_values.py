"""Values of our own files, checked against the types they were written from when they are read back."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from trainer.regular_file import open_regular
from trainer.text import plural, printable, shortened

T = TypeVar("T")

_MAX_SHOWN = 60
# Start of the type of a pydantic report -> what it expected.
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a number",
    "string": "a text",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a table",
    "model": "a table",
    "dataclass": "a table",
    "mapping": "a table",
    "missing": "a value",
    "path": "a path",
}

_BOUNDS = {
    "greater_than_equal": "at least {ge:.15g}",
    "less_than_equal": "at most {le:.15g}",
    "greater_than": "more than {gt:.15g}",
    "less_than": "less than {lt:.15g}",
    "multiple_of": "a multiple of {multiple_of}",
    "value_error": "{error}",
    "string_pattern_mismatch": "one line of letters, not too long and without signs that a file name cannot hold",
}


class WrongValue(ValueError):
    """A value that is not what was written; its text is a phrase such as `state: 'abc'; expected one of done, failed`."""


def value_from_json(kind: Any, content: str | bytes) -> Any:
    """Return the value in a JSON text, of exactly the types of `kind`: a text is not taken for a number.

    Args:
        kind: what TypeAdapter takes: a dataclass, `dict[str, float]` …
        content: of a file that this program wrote.

    Raises:
        WrongValue: it is not JSON, is nested too deep, or a value is missing, unknown or of another type.
    """
    try:
        return _adapter(kind).validate_json(content, strict=True)
    except ValidationError as error:
        raise WrongValue(fault_of(error)) from None


def read_json(path: Path, kind: Any, most_bytes: int) -> Any:
    """Return the value in a JSON file of ours, as value_from_json.

    Args:
        path: the file.
        kind: what TypeAdapter takes.
        most_bytes: more than we ever write; of a longer file no more is read.

    Raises:
        OSError: it cannot be read.
        WrongValue: it is damaged.
    """
    with open_regular(path) as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise WrongValue(f"more than {most_bytes:,} bytes")
    return value_from_json(kind, content)


def value_from_row(kind: type[T], values: Mapping[str, object]) -> T:
    """Return the record with these values, of which a database knows fewer types: a switch is a number there, a choice a text.

    Raises:
        WrongValue: one of them is missing, or cannot be what the record's field is.
    """
    try:
        made: T = _adapter(kind).validate_python(values)
    except ValidationError as error:
        raise WrongValue(fault_of(error)) from None
    return made


def values_from_rows(kind: type[T], values: Sequence[Mapping[str, object]]) -> list[T]:
    """Return the records of many rows, as value_from_row of each.

    Raises:
        WrongValue: as value_from_row, of the first that is wrong.
    """
    try:
        made: list[T] = _adapter(list[kind]).validate_python(values)  # type: ignore[valid-type]
    except ValidationError as error:
        raise WrongValue(fault_of(error)) from None
    return made


def fault_of(error: ValidationError) -> str:
    """Return the first thing that a check found wrong, as a phrase."""
    first = error.errors(include_url=False)[0]
    place = shortened(printable(".".join(str(part) for part in first["loc"])), 2 * _MAX_SHOWN)
    if first["type"] == "missing":
        return f"{place} is missing"
    if first["type"] == "json_invalid":
        return "not valid JSON"
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"{place} is unknown"
    return f"{f'{place}: ' if place else ''}{shown(first['input'])}; expected {expected_text(first)}"


def shown(value: object) -> str:
    """Return a value from a file as it is quoted in a message: short, however long it is."""
    if isinstance(value, int) and abs(value) >= 10**_MAX_SHOWN:
        return f"a number of {value.bit_length():,} bits"
    if isinstance(value, bytes):
        return plural(len(value), "byte")
    if isinstance(value, Mapping | list | tuple) and value:
        return f"{'a table' if isinstance(value, Mapping) else 'a list'} of {len(value):,}"
    # Cut before it is quoted: it may have megabytes.
    quoted = repr(shortened(value, 2 * _MAX_SHOWN) if isinstance(value, str) else value)
    return shortened(printable(quoted), _MAX_SHOWN)


def expected_text(report: ErrorDetails) -> str:
    """Return what a value should have been, in our words rather than pydantic's."""
    bounds, kind = report.get("ctx", {}), report["type"]
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**bounds)
    if kind in ("literal_error", "enum"):
        return f"one of {str(bounds['expected']).replace(' or ', ', ')}".replace("'", "")
    return next((words for start, words in _KINDS.items() if kind.startswith(start)), "another value")


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
