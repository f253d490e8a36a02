"""Search for fields by name, label, synonym, choice and help."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.fuzzy import FuzzySearch

if TYPE_CHECKING:
    from trainer.settings.describe import FieldInfo

# Shorter pieces of words stand in every other help text.
_MIN_IN_HELP = 3


def find_fields(query: str, infos: "Sequence[FieldInfo]", fuzzy: FuzzySearch) -> list[str]:
    """Return the names of the settings that `query` may mean, the likeliest first.

    Fields with it in their name or label, or with a synonym that starts with it (`vram`); if there are none, those whose choices
    or help contain it (`rex`, `LoCon`); if there are none of these, those with its letters in that order (`tex_lr`).

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
        {info.name: float(len(wanted) >= _MIN_IN_HELP and _in_help(wanted, info)) for info in infos},
        {info.name: _resembles(wanted, info, fuzzy) for info in infos},
    ):
        if found := _best_first(scores):
            return found
    return []


def _best_first(scores: Mapping[str, float]) -> list[str]:
    # Of two alike the shorter name has less beside what was typed.
    return sorted((name for name, score in scores.items() if score > 0), key=lambda name: (-scores[name], len(name)))


def _named(wanted: str, info: "FieldInfo") -> float:
    texts = (info.name.casefold(), info.label.casefold(), info.name.casefold().replace("_", " "))
    if wanted in texts:
        return 3
    if any(text.startswith(wanted) for text in texts):
        return 2
    if any(wanted in text for text in texts):
        return 1
    return 0.5 * any(_starts_a_word(wanted, synonym.casefold()) for synonym in info.synonyms)


def _starts_a_word(wanted: str, text: str) -> bool:
    return len(wanted) >= _MIN_IN_HELP and f" {text}".find(f" {wanted}") >= 0


def _in_help(wanted: str, info: "FieldInfo") -> bool:
    return any(wanted in text.casefold() for text in (info.help, *info.choices))


def _resembles(wanted: str, info: "FieldInfo", fuzzy: FuzzySearch) -> float:
    return max(fuzzy.match(wanted.replace(" ", "_"), info.name)[0], fuzzy.match(wanted, info.label)[0])
