"""Thresholds of a tagger as somebody types them: `0.4`, `character=0.7`."""

from collections.abc import Sequence
from math import isfinite

from trainer.errors import SettingsError
from trainer.tagger.record import DEFAULT_THRESHOLDS, Thresholds
from trainer.text import printable


def typed_thresholds(texts: Sequence[str], gaps: Sequence[str], categories: Sequence[str]) -> Thresholds:
    """Return the thresholds that were typed, over the defaults.

    Args:
        texts: `P` for every category, or `CATEGORY=P`; a later one wins.
        gaps: names of the categories in which the largest gap decides.
        categories: names of those that the tagger has.

    Raises:
        SettingsError: a category that it does not have, or no probability.
    """
    by_category = dict(DEFAULT_THRESHOLDS)
    for text in texts:
        name, sign, number = text.rpartition("=")
        limit = _probability(number)
        if sign:
            by_category[_category(name.strip(), categories, "--threshold")] = limit
        else:
            by_category = dict.fromkeys((*by_category, *categories), limit)
    return Thresholds(by_category, frozenset(_category(name, categories, "--mcut") for name in gaps))


def _probability(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number) or not 0 < number < 1:
        raise SettingsError(
            "--threshold", found=printable(text, 40) or "blank", expected="a number between 0 and 1, such as 0.35"
        )
    return number


def _category(name: str, categories: Sequence[str], option: str) -> str:
    if name not in categories:
        raise SettingsError(option, found=printable(name, 40) or "blank", expected=f"one of {', '.join(categories)}")
    return name
