"""Thresholds of a tagger as somebody types them: `0.4`, `character=0.7`."""

from collections.abc import Sequence
from math import isfinite

from trainer.errors import SettingsError
from trainer.tagger.record import DEFAULT_THRESHOLDS, Thresholds
from trainer.text import printable

MCUT = "mcut"
"""What stands for a number where the largest gap decides."""


def typed_thresholds(
    texts: Sequence[str],
    gaps: Sequence[str],
    categories: Sequence[str],
    *,
    names: tuple[str, str] = ("--threshold", "--mcut"),
) -> Thresholds:
    """Return the thresholds that were typed, over the defaults.

    Args:
        texts: `P` for every category, or `CATEGORY=P`; a later one wins.
        gaps: names of the categories in which the largest gap decides.
        categories: names of those that the tagger has.
        names: what errors call `texts` and `gaps`.

    Raises:
        SettingsError: a category that it does not have, or no probability.
    """
    by_category = dict(DEFAULT_THRESHOLDS)
    for text in texts:
        name, sign, number = text.rpartition("=")
        limit = _probability(number, names[0])
        if sign:
            by_category[_category(name.strip(), categories, names[0])] = limit
        else:
            by_category = dict.fromkeys((*by_category, *categories), limit)
    return Thresholds(by_category, frozenset(_category(name, categories, names[1]) for name in gaps))


def thresholds_in(line: str, categories: Sequence[str], name: str) -> Thresholds:
    """Return the thresholds of one line: `0.4`, or `general=0.35, character=mcut`; MCUT alone is for every category.

    Args:
        line: as it was typed; blank for the defaults.
        categories: names of those that the tagger has.
        name: what errors call the line.

    Raises:
        SettingsError: as typed_thresholds.
    """
    texts, gaps = [], []
    for piece in filter(None, (piece.strip() for piece in line.split(","))):
        category, sign, number = (part.strip() for part in piece.rpartition("="))
        if number.casefold() != MCUT:
            texts.append(piece)
        else:
            gaps += [category] if sign else list(categories)
    return typed_thresholds(texts, gaps, categories, names=(name, name))


def _probability(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or not 0 < number < 1:
        raise SettingsError(
            name, found=printable(text, 40) or "blank", expected="a number between 0 and 1, such as 0.35"
        )
    return number


def _category(name: str, categories: Sequence[str], option: str) -> str:
    if name not in categories:
        raise SettingsError(option, found=printable(name, 40) or "blank", expected=f"one of {', '.join(categories)}")
    return name
