"""Search for fields by name, label, synonym, choice and help, and by what other trainers call them."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from textual.fuzzy import FuzzySearch

from lora_tui.keys.keymap import ACTIONS

if TYPE_CHECKING:
    from lora_tui.wording.search_words import SearchWords
    from trainer.interop.option_names import ForeignName
    from trainer.settings.describe import FieldInfo

# Shorter pieces of words stand in every other word and help text.
_MIN_PIECE = 3
# Of words that a typing mistake may have been made in, how much of them must be right.
_NEAR = 0.72
_MOST_NEAR, _MOST_NOTES, _MOST_ACTIONS = 5, 3, 3
# Where the actions stand that a search leads to.
_SCOPE = "bake"


@dataclass(frozen=True)
class FoundFields:
    """What a search finds.

    Attributes:
        names: of the settings that are meant, the likeliest first.
        near: of the settings that something similar finds, where nothing else is found.
        actions: ids of the actions that do what is meant, where that is no setting or not only one.
        notes: what else to say, a line each.
    """

    names: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def search_fields(query: str, infos: "Sequence[FieldInfo]", fuzzy: FuzzySearch) -> FoundFields:
    """Return what `query` may mean.

    Settings with it in their name or label, of its group of synonyms, or so called by another trainer; if there are none, those whose
    choices or help contain it (`rex`, `LoCon`); if there are none of these, those with its letters in that order (`tex_lr`).

    Args:
        query: as typed; an option's dashes in front do not count.
        infos: the settings.
        fuzzy: keeps what it has compared.
    """
    wanted = _plain(query)
    if not wanted:
        return FoundFields()
    group = _groups().get(wanted)
    foreign = _foreign(wanted)
    actions = _actions(wanted, group)
    notes = _notes(group, foreign)
    for scores in (
        {info.name: _named(wanted, info, group, foreign) for info in infos},
        {info.name: float(len(wanted) >= _MIN_PIECE and _in_help(wanted, info)) for info in infos},
        {} if actions or notes else {info.name: _resembles(wanted, info, fuzzy) for info in infos},
    ):
        if found := _best_first(scores):
            return FoundFields(tuple(found), (), actions, notes)
    near = () if actions or notes else _near(wanted, infos)
    return FoundFields((), near, actions, notes)


def find_fields(query: str, infos: "Sequence[FieldInfo]", fuzzy: FuzzySearch) -> list[str]:
    """Return the names of the settings that `query` may mean, the likeliest first; see `search_fields`."""
    return list(search_fields(query, infos, fuzzy).names)


def read_foreign_names() -> None:
    """Read what other trainers call settings, in a thread, so that the first search does not wait for it."""
    from trainer.interop.option_names import foreign_names

    foreign_names()


@cache
def _groups() -> "Mapping[str, SearchWords]":
    # As the tables of other trainers: nobody has searched before the first frame.
    from lora_tui.wording.search_words import SEARCH_WORDS

    return MappingProxyType({_plain(word): group for group in SEARCH_WORDS for word in group.words})


def _plain(text: str) -> str:
    return " ".join(text.casefold().lstrip("-$ ").replace("_", " ").split())


def _foreign(wanted: str) -> "tuple[ForeignName, ...]":
    """Return the keys of other trainers that go by that name."""
    # Its tables are read when something is searched for the first time.
    from lora_tui.wording.search_words import DIFFUSERS_OPTIONS
    from trainer.interop.option_names import ForeignName, foreign_names, plain_name

    name = plain_name(wanted)
    found = foreign_names().get(name, ())
    diffusers = (
        ForeignName(option, "diffusers", settings)
        for option, settings in DIFFUSERS_OPTIONS.items()
        if plain_name(option) == name
    )
    return (*found, *diffusers)


def _best_first(scores: Mapping[str, float]) -> list[str]:
    # Of two alike the shorter name has less beside what was typed.
    return sorted((name for name, score in scores.items() if score > 0), key=lambda name: (-scores[name], len(name)))


def _named(wanted: str, info: "FieldInfo", group: "SearchWords | None", foreign: "Iterable[ForeignName]") -> float:
    texts = (info.name.casefold().replace("_", " "), info.label.casefold())
    synonyms = [synonym.casefold() for synonym in info.synonyms]
    piece = len(wanted) >= _MIN_PIECE
    in_group = group.settings.index(info.name) if group is not None and info.name in group.settings else None
    elsewhere = [name.settings.index(info.name) for name in foreign if info.name in name.settings]
    scores = (
        4.0 * (wanted in texts),
        0.0 if in_group is None else 3 - in_group / 100,
        2.0 * any(text.startswith(wanted) for text in texts),
        1.5 * any(_starts_a_word(wanted, text) for text in texts),
        1.0 * (piece and any(wanted in text for text in texts)),
        0.5 * any(wanted == word or (piece and _starts_a_word(wanted, word)) for word in synonyms),
        0.4 - min(elsewhere) / 100 if elsewhere else 0.0,
    )
    return max(scores)


def _starts_a_word(wanted: str, text: str) -> bool:
    return f" {wanted}" in f" {text}"


def _in_help(wanted: str, info: "FieldInfo") -> bool:
    return any(wanted in text.casefold() for text in (info.help, *info.choices))


def _resembles(wanted: str, info: "FieldInfo", fuzzy: FuzzySearch) -> float:
    return max(fuzzy.match(wanted.replace(" ", "_"), info.name)[0], fuzzy.match(wanted, info.label)[0])


def _actions(wanted: str, group: "SearchWords | None") -> tuple[str, ...]:
    """Return the actions that do what is meant: those of the group, and those whose title has the word."""
    named = list(group.actions) if group is not None else []
    if len(wanted) >= _MIN_PIECE:
        named += [
            action.id
            for action in ACTIONS
            if _SCOPE in action.scopes and action.palette and _starts_a_word(wanted, action.palette.casefold())
        ]
    return tuple(dict.fromkeys(named))[:_MOST_ACTIONS]


def _notes(group: "SearchWords | None", foreign: "Sequence[ForeignName]") -> tuple[str, ...]:
    """Return what to say of a word beside the settings: what is no setting here, and what to do instead."""
    from trainer.settings.absent_options import why_absent

    notes = [group.note] if group is not None and group.note else []
    if group is not None and group.option:
        notes.append(f"{group.option} is not a setting here: {why_absent(group.option)}")
    settled = any(name.settings for name in foreign)
    notes += [
        f"{name.key} of {name.trainer} is not a setting here: {name.why}"
        for name in foreign
        if name.why and not settled
    ]
    return tuple(dict.fromkeys(notes))[:_MOST_NOTES]


def _near(wanted: str, infos: "Sequence[FieldInfo]") -> tuple[str, ...]:
    """Return the settings that something similar would have found, a typing mistake away."""
    named: dict[str, list[str]] = {}
    for info in infos:
        for text in _texts(info):
            named.setdefault(text, []).append(info.name)
    close = difflib.get_close_matches(wanted, list(named), n=_MOST_NEAR, cutoff=_NEAR)
    known = {info.name for info in infos}
    found = dict.fromkeys(name for text in close for name in named[text] if name in known)
    return tuple(found)[:_MOST_NEAR]


def _texts(info: "FieldInfo") -> Iterator[str]:
    yield from (info.name.casefold().replace("_", " "), info.label.casefold())
    yield from (synonym.casefold() for synonym in info.synonyms)
    yield from (word for word, group in _groups().items() if info.name in group.settings)
