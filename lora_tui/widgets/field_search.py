"""Which settings may a typed word mean?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.fuzzy import FuzzySearch

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo

# Shorter pieces of words stand in every other help text.
_LEAST_IN_HELP = 3


def find_fields(query: str, infos: "Sequence[FieldInfo]", fuzzy: FuzzySearch) -> list[str]:
    """Return the names of the settings that `query` may mean, the likeliest first.

    Those that have it in their name or label; where there is none, those whose choices or help have it (`rex`, `LoCon`); and
    where there is none of these, those with its letters in that order (`tex_lr`).

    Args:
        query: as typed.
        infos: the settings.
        fuzzy: keeps what it has compared.
    """
    wanted = query.strip().casefold()
    if not wanted:
        return []
    for scores in (
        {info.name: _named(wanted, info) for info in infos},
        {info.name: float(len(wanted) >= _LEAST_IN_HELP and _told(wanted, info)) for info in infos},
        {info.name: _resembles(wanted, info, fuzzy) for info in infos},
    ):
        if found := _best_first(scores):
            return found
    return []


def _best_first(scores: Mapping[str, float]) -> list[str]:
    # Of two alike the shorter name has less besides what was typed.
    return sorted((name for name, score in scores.items() if score > 0), key=lambda name: (-scores[name], len(name)))


def _named(wanted: str, info: "FieldInfo") -> float:
    texts = (info.name.casefold(), info.label.casefold(), info.name.casefold().replace("_", " "))
    if wanted in texts:
        return 3
    if any(text.startswith(wanted) for text in texts):
        return 2
    return float(any(wanted in text for text in texts))


def _told(wanted: str, info: "FieldInfo") -> bool:
    return any(wanted in text.casefold() for text in (info.help, *info.choices))


def _resembles(wanted: str, info: "FieldInfo", fuzzy: FuzzySearch) -> float:
    return max(fuzzy.match(wanted.replace(" ", "_"), info.name)[0], fuzzy.match(wanted, info.label)[0])
