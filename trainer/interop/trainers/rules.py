"""Rows that many tables of keys share: taken as they are, without effect, zero for nothing, lists written as one text."""

import math
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from trainer.interop.record import KeyRule, Reading

Values = Mapping[str, object]

ANY_NAME = "NAME"
"""What stands in a table's row for any name of an entry: `optimizer_args.NAME`."""

# Every entry asks for all of them; far above any file, and any optimizer.
_MAX_VALUES, _MAX_ENTRIES = 4000, 64


def same(keys: str, *, exported: bool = True) -> Iterator[KeyRule]:
    """Yield the rows of keys, separated by blanks, that are sd-scripts' options under their own names."""
    for key in keys.split():
        yield KeyRule(key, (key,), exported=exported)


def idle(keys: str, why: str) -> Iterator[KeyRule]:
    """Yield the rows of keys, separated by blanks, that have no effect here."""
    for key in keys.split():
        yield KeyRule(key, why=why, exported=False)


def renamed(key: str, option: str, *, exported: bool = True) -> KeyRule:
    """Return the row of a key that is an option of another name."""
    return KeyRule(key, (option,), exported=exported)


def constant(key: str, value: object, why: str) -> KeyRule:
    """Return the row of a key without effect here that an export writes, so that its reader does not keep another value."""
    return KeyRule(key, why=why, write=lambda _: value)


def number(value: object) -> float | None:
    """Return a number, also one written as text; None for anything else, and for infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def is_unreadable(value: object) -> bool:
    """Return whether a value that should be a number or blank is something else: it goes on as it is, to be refused by name."""
    return number(value) is None and not isinstance(value, bool) and not is_blank(value)


def if_number(option: str, read: Callable[[object, Values], Reading]) -> Callable[[object, Values], Reading]:
    """Return a reading of numbers that hands on what is none, under the option that then refuses it by name."""

    def checked(value: object, values: Values) -> Reading:
        return Reading({option: value}) if is_unreadable(value) else read(value, values)

    return checked


def whole(value: float) -> int | float:
    """Return a whole number as an int, another as it is."""
    return int(value) if float(value).is_integer() else value


def is_blank(value: object) -> bool:
    """Return whether a value stands for nothing: missing, `""`, an empty list."""
    return value is None or value == [] or (isinstance(value, str) and not value.strip())


def text_of(values: Values, key: str, otherwise: str = "") -> str:
    """Return a value as a text, `otherwise` where it is blank."""
    value = values.get(key)
    return otherwise if is_blank(value) else str(value)


def is_on(value: object) -> bool:
    """Return whether a switch is on, also one written as text or number."""
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1", "yes", "on")
    return value is True or value == 1


def arguments(value: object) -> list[str]:
    """Return `key=value` arguments written as one text, a list or a table."""
    if isinstance(value, Mapping):
        return [f"{key}={_argument(each)}" for key, each in value.items()]
    if isinstance(value, list):
        return [str(each) for each in value]
    return [] if value is None else split(str(value).replace('"', ""))


def entries(values: Values, table: str) -> dict[str, object]:
    """Return the entries of a table of free names, wherever it stands; no more than an optimizer could have.

    Args:
        values: of the file, by its keys.
        table: the table's name; an entry's row is `<table>.NAME`.
    """
    if len(values) > _MAX_VALUES:
        return {}
    parted = ((key.rpartition("."), value) for key, value in values.items() if f"{table}." in key)
    found = (
        (name, value)
        for (head, _, name), value in parted
        if name != ANY_NAME and (head == table or head.endswith(f".{table}"))
    )
    return dict(islice(found, _MAX_ENTRIES))


def _argument(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def split(text: str) -> list[str]:
    """Return the words of a text as a shell divides them; backslashes stay, and so does a quote without its other."""
    reader = shlex.shlex(text, posix=True, punctuation_chars=False)
    reader.whitespace_split, reader.commenters, reader.escape = True, "", ""
    try:
        return list(reader)
    except ValueError:
        return text.split()


def or_zero(key: str, option: str = "", *, zero: object = None, otherwise: str = "") -> KeyRule:
    """Return the row of a number whose 0 or blank means that the option is not passed.

    Args:
        key: of the format.
        option: sd-scripts' name, where it differs.
        zero: what an option that is not passed amounts to; None for an option that is then off.
        otherwise: the same in words, "" for the number itself.
    """
    option = option or key
    words = otherwise or ("off" if zero is None else f"{zero}")

    def read(value: object, _: Values) -> Reading:
        found = number(value)
        if is_blank(value) or found == 0:
            return Reading({option: zero})
        return Reading({option: value if found is None else whole(found)})

    def write(options: Values) -> object:
        return 0 if options.get(option) is None else options[option]

    return KeyRule(key, (option,), f"0 or blank is not passed on: {words}", read, write)


def or_blank(key: str, option: str = "") -> KeyRule:
    """Return the row of a text whose `""` means that the option is not passed."""
    option = option or key

    def read(value: object, _: Values) -> Reading:
        return Reading({option: None}) if is_blank(value) else Reading({option: value})

    def write(options: Values) -> object:
        return "" if options.get(option) is None else options[option]

    return KeyRule(key, (option,), read=read, write=write)


def switch(key: str, option: str = "") -> KeyRule:
    """Return the row of a switch, which hand-edited files write as text."""
    option = option or key
    return KeyRule(
        key,
        (option,),
        read=lambda value, _: Reading({option: is_on(value)}),
        write=lambda options: bool(options.get(option, False)),
    )


def listed(key: str, option: str = "") -> KeyRule:
    """Return the row of arguments that the format writes as one text."""
    option = option or key
    return KeyRule(
        key,
        (option,),
        "one text, divided at blanks",
        lambda value, _: Reading({option: arguments(value)}),
        lambda options: " ".join(map(str, _list(options.get(option)))),
    )


def _list(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else ()


def each(row: Callable[[str], KeyRule], keys: str) -> Iterator[KeyRule]:
    """Yield a row of one kind for each of the keys, which are separated by blanks."""
    return map(row, keys.split())


def table(*groups: KeyRule | Iterable[KeyRule]) -> tuple[KeyRule, ...]:
    """Return rows and groups of rows as one table.

    Raises:
        ValueError: a key stands in it twice.
    """
    rows = [row for group in groups for row in ((group,) if isinstance(group, KeyRule) else group)]
    seen: set[str] = set()
    for row in rows:
        if row.key in seen:
            raise ValueError(f"{row.key} stands in the table twice")
        seen.add(row.key)
    return tuple(rows)


def known_share(rules: Iterable[KeyRule], keys: Iterable[str], unprefixed: Callable[[str], str] = str) -> float:
    """Return which share of a document's keys a table knows; 0 for a document without keys."""
    known = {rule.key for rule in rules}
    found = [unprefixed(key) in known for key in keys]
    return sum(found) / len(found) if found else 0.0
