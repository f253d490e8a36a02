"""The filter of the pictures: `backpack -tag:"school uniform" folder:3_school fault:blurred is:excluded` as a query, and back."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainer.errors import SettingsError
from trainer.text import printable

if TYPE_CHECKING:
    from trainer.data_index.record import PictureQuery

_TERM = re.compile(r'(?P<no>-?)(?:(?P<key>[a-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>\S+))')


@dataclass(frozen=True)
class FilterKey:
    """What may stand before a colon.

    Attributes:
        key: the word.
        help: what it finds.
        values: what may stand behind it; none where that is anything.
    """

    key: str
    help: str
    values: tuple[str, ...] = ()


def filter_keys() -> tuple[FilterKey, ...]:
    """Return every key that a filter may have."""
    from typing import get_args

    from trainer.data_index.record import ROW_FAULTS, PictureUse

    return (
        FilterKey("tag", "the caption has this tag; with - before it: has not"),
        FilterKey("folder", "the pictures of one folder"),
        FilterKey("fault", "what may be wrong with the picture", ("any", *ROW_FAULTS)),
        FilterKey("use", "what the picture is for", tuple(use.replace(" ", "-") for use in get_args(PictureUse))),
        FilterKey("is", "excluded, or nearly the same as another; with - before it: not", ("excluded", "duplicate")),
        FilterKey("no", "without a caption file", ("caption",)),
    )


def parse_picture_filter(text: str) -> "PictureQuery":
    """Return the query that a filter asks for; words without a key must stand in the caption or in the name.

    Raises:
        SettingsError: a key or its value is none, with those there are.
    """
    from trainer.data_index.record import PictureQuery

    query = PictureQuery()
    words: list[str] = []
    for term in _TERM.finditer(text):
        no, key = bool(term["no"]), term["key"]
        value = term["quoted"] if term["quoted"] is not None else term["plain"]
        if key is None:
            words.append(("-" if no else "") + value)
        else:
            query = _narrowed(query, key, value, no=no)
    return replace(query, text=" ".join(words))


def _narrowed(query: "PictureQuery", key: str, value: str, *, no: bool) -> "PictureQuery":
    keys = {each.key: each for each in filter_keys()}
    if key not in keys:
        raise _refusal(f"no key `{printable(key, 30)}`", ", ".join(f"`{each}:`" for each in keys))
    known = keys[key]
    if known.values and value not in known.values:
        # Of a word being typed the beginning is none yet.
        raise _refusal(f"`{key}:{printable(value, 30)}`", ", ".join(f"`{key}:{each}`" for each in known.values))
    if no and key not in ("tag", "is"):
        raise _refusal(f"`-{key}:`", "`-` before words behind `tag:` or `is:`")
    return _TAKE[key](query, value, no)


def _with_tag(query: "PictureQuery", value: str, no: bool) -> "PictureQuery":
    if not value:
        return query
    if no:
        return replace(query, without_tags=(*query.without_tags, value))
    return replace(query, with_tags=(*query.with_tags, value))


def _with_state(query: "PictureQuery", value: str, no: bool) -> "PictureQuery":
    if value == "excluded":
        return replace(query, excluded=not no)
    if no:
        raise _refusal("`-is:duplicate`", "`is:duplicate`")
    return replace(query, near_duplicates=True)


_TAKE: "dict[str, Callable[[PictureQuery, str, bool], PictureQuery]]" = {
    "tag": _with_tag,
    "folder": lambda query, value, no: replace(query, folder=value or None),
    "fault": lambda query, value, no: replace(query, fault=value),  # type: ignore[arg-type]
    "use": lambda query, value, no: replace(query, use=value.replace("-", " ")),  # type: ignore[arg-type]
    "is": _with_state,
    "no": lambda query, value, no: replace(query, without_caption=True),
}


def _refusal(found: str, expected: str) -> SettingsError:
    return SettingsError("filter", found=found, expected=expected)


def term_of(key: str, value: str, *, no: bool = False) -> str:
    """Return one term of a filter: `-tag:"school uniform"`."""
    plain = bool(value) and not re.search(r'[\s"]', value)
    return f"{'-' if no else ''}{key}:" + (value if plain else f'"{value.replace(chr(34), "")}"')


def with_term_turned(text: str, term: str, others: Sequence[str] = ()) -> str:
    """Return the filter with a term added, or without it where it was there.

    Args:
        text: the filter.
        term: one of its terms.
        others: terms that go in any case.
    """
    terms = [each.group(0) for each in _TERM.finditer(text)]
    kept = [each for each in terms if each != term and each not in others]
    return " ".join(kept if term in terms else [*kept, term])
