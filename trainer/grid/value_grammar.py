"""Grammar of an axis's values: the webui's, in exact decimals, with an error where the webui drops an item silently."""

import itertools
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction

from trainer.errors import GridError
from trainer.text import printable

MAX_VALUES = 2000
"""An axis of more values is refused before it is expanded."""

# Longer numbers are not needed, and every sum of shorter ones is exact in decimal's 28 digits.
_MAX_DIGITS = 12
_NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_LITERAL = re.compile(rf"[+-]?{_NUMBER}")
_RANGE = re.compile(
    rf"(?P<start>[+-]?{_NUMBER})\s*-\s*(?P<end>[+-]?{_NUMBER})"
    r"\s*(?:\((?P<step>[^()]*)\)|\[(?P<count>[^\[\]]*)\])?"
)
_STEP = re.compile(rf"[+-]{_NUMBER}")
_BREAKS = "\r\n"


def whole_numbers(text: str, axis: str) -> tuple[int, ...]:
    """Return the whole numbers that `text` gives: `1,2,3`, `1-5`, `1-10 (+3)`, `1-10 [4]`.

    Both ends of a range belong to it. A step carries its sign; a count in brackets is spread evenly from end to end and cut
    to whole numbers. Blank items are skipped.

    Args:
        text: as typed.
        axis: what an error starts with.

    Raises:
        GridError: an item is not such a number or range, or gives no value; the list is empty, or more than MAX_VALUES.
    """
    return tuple(int(value) for value in _numbers(text, axis, _whole))


def decimals(text: str, axis: str) -> tuple[Decimal, ...]:
    """Return the numbers that `text` gives: as whole_numbers, with fractions: `0-1.25 (+0.25)`.

    A range steps by 1 where it names no step. Values spread by a count are rounded to 8 decimals where no
    decimal is exact.

    Args, Raises: as whole_numbers.
    """
    return tuple(_numbers(text, axis, _decimal))


def texts(text: str, axis: str) -> tuple[str, ...]:
    """Return the items of a list: separated by commas or lines, in double quotes where they hold these themselves.

    A doubled quote inside quotes is one quote. What is quoted keeps its blanks at both ends, what is not loses them; a single
    quote is a letter like any other.

    Raises:
        GridError: there is no item, more than MAX_VALUES, or a quote has no end.
    """
    items = _items(text, axis)
    if not items:
        raise _no_values(axis)
    _check_count(len(items), axis)
    return tuple(items)


def permutations_of(text: str, axis: str) -> tuple[tuple[str, ...], ...]:
    """Return every order of a list's items, by their places as typed.

    Raises:
        GridError: as texts, for the number of orders.
    """
    items = texts(text, axis)
    _check_count(math.factorial(len(items)), axis)
    return tuple(itertools.permutations(items))


def text_list(values: Iterable[str]) -> str:
    """Return the text from which `texts` reads these values."""
    return ", ".join(_quoted(value) for value in values)


def decimal_text(value: Decimal) -> str:
    """Return a number as a person writes it: `0.5`, `7`, never `7E+1` or `-0`."""
    return format(value.normalize(), "f") if value else "0"


def _quoted(value: str) -> str:
    plain = value and value == value.strip() and not any(char in value for char in f'",{_BREAKS}')
    return value if plain else '"' + value.replace('"', '""') + '"'


def _items(text: str, axis: str) -> list[str]:
    """Split a list; empty lines are not items, a comma at the end has a blank item after it."""
    items: list[str] = []
    at, fresh_line = 0, True
    while at < len(text):
        while at < len(text) and text[at].isspace() and text[at] not in _BREAKS:
            at += 1
        if fresh_line and (at == len(text) or text[at] in _BREAKS):
            at += 1
            continue
        quoted = ""
        if text[at : at + 1] == '"':
            quoted, at = _in_quotes(text, at, axis)
        end = at
        while end < len(text) and text[end] not in f",{_BREAKS}":
            end += 1
        items.append(quoted + text[at:end].rstrip())
        fresh_line = text[end : end + 1] != ","
        at = end + 1
        if not fresh_line and at == len(text):
            items.append("")
    return items


def _in_quotes(text: str, start: int, axis: str) -> tuple[str, int]:
    """Return the text between the quote at `start` and the closing one, and the index after that."""
    parts: list[str] = []
    at = start + 1
    while (end := text.find('"', at)) >= 0:
        parts.append(text[at:end])
        if text[end + 1 : end + 2] != '"':
            return '"'.join(parts), end + 1
        at = end + 2
    raise GridError(
        axis,
        found=f"a quote is not closed: {printable(text[start:], 60)}",
        expected='"…" around each text, and "" for a quote inside it',
    )


class _NumberFormat:
    """How one kind of number is written, read and spread.

    Args:
        name: in an error.
        whole: whether it has no fraction.
    """

    def __init__(self, name: str, *, whole: bool) -> None:
        self.name = name
        self.whole = whole

    def fits(self, number: str) -> bool:
        """Return whether a number's text is one of this kind."""
        return not (self.whole and "." in number) and len(number) <= _MAX_DIGITS

    def rounded(self, value: Fraction) -> Decimal:
        """Return an evenly spread value, rounded."""
        if self.whole:
            return Decimal(int(value))
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        return exact if Fraction(exact) == value else round(exact, 8)


_whole = _NumberFormat("a whole number", whole=True)
_decimal = _NumberFormat("a number", whole=False)


def _numbers(text: str, axis: str, form: _NumberFormat) -> list[Decimal]:
    values: list[Decimal] = []
    for item in _items(text, axis):
        if not item.strip():
            continue
        values += _of_item(item.strip(), axis, form)
        _check_count(len(values), axis)
    if not values:
        raise _no_values(axis)
    return values


def _of_item(item: str, axis: str, form: _NumberFormat) -> list[Decimal]:
    def refused(found: str, way_out: str = "") -> GridError:
        example = "1-5, 1-10 (+3) or 1-10 [4]" if form.whole else "0-2, 0-1 (+0.25) or 0-1 [5]"
        return GridError(
            axis,
            found=f"`{printable(item, 60)}` {found}",
            expected="" if way_out else f"{form.name}, or a range such as {example}",
            way_out=way_out,
        )

    if _LITERAL.fullmatch(item) and form.fits(item):
        return [Decimal(item)]
    match = _RANGE.fullmatch(item)
    if match is None or not (form.fits(match["start"]) and form.fits(match["end"])):
        raise refused(f"is neither {form.name} nor a range")
    start, end = Decimal(match["start"]), Decimal(match["end"])
    if match["count"] is not None:
        return _spread(start, end, match["count"].strip(), axis, form, refused)
    step = Decimal(1)
    if match["step"] is not None:
        written = match["step"].strip()
        if re.fullmatch(_NUMBER, written) and form.fits(written):
            raise refused("has a step without a sign", f"write {_range_text(match, f'+{written}')}")
        if not (_STEP.fullmatch(written) and form.fits(written)):
            raise refused(f"has a step that is not {form.name} with its sign")
        step = Decimal(written)
    if step == 0:
        raise refused("has step 0")
    if (end - start) * step < 0:
        turned = f"{'-' if end < start else '+'}{decimal_text(abs(step))}"
        raise refused("is an empty range", f"write {_range_text(match, turned)}")
    last = int((end - start) / step)
    _check_count(last + 1, axis)
    return [start + step * index for index in range(last + 1)]


def _range_text(match: re.Match[str], step: str) -> str:
    return f"`{match['start']}-{match['end']} ({step})`"


def _spread(
    start: Decimal, end: Decimal, written: str, axis: str, form: _NumberFormat, refused: Callable[[str], GridError]
) -> list[Decimal]:
    """Return as many values as asked for, evenly from end to end; between two equal ends all are the same, on purpose."""
    if not re.fullmatch(rf"[0-9]{{1,{_MAX_DIGITS}}}", written):
        raise refused("has a count that is not a whole number")
    count = int(written)
    if count == 0:
        raise refused("asks for 0 values")
    _check_count(count, axis)
    gaps, whole_way = max(1, count - 1), Fraction(end) - Fraction(start)
    inner = [form.rounded(Fraction(start) + whole_way * index / gaps) for index in range(1, count - 1)]
    values = [start, *inner, *([end] if count > 1 else [])]
    if start != end and len(set(values)) < count:
        different = len(set(values))
        raise refused(
            f"asks for {count} values, but only {different} of them {'differs' if different == 1 else 'differ'}"
        )
    return values


def _check_count(count: int, axis: str) -> None:
    if count > MAX_VALUES:
        raise GridError(axis, found=f"{count:,} values", expected=f"at most {MAX_VALUES:,}")


def _no_values(axis: str) -> GridError:
    return GridError(axis, found="the axis has no values", way_out="type some, or remove the axis")
