"""Spellings of tags: those that are nearly a commoner one, by case, underscore, plural or a slip of one letter."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from trainer.long_work import each

MAX_WORDS = 5
"""A tag with more words is a sentence, which no two captions share."""

# A tag is commoner than another one by this factor at least; `blue eyes` beside `blue eye` in equal numbers is meant.
_COMMONER = 2
# In shorter words another letter is another word: bow and box.
_LEAST_LETTERS = 5
# Longer ones that are one letter apart, and both of them things in pictures.
_BOTH_MEANT = frozenset(
    map(
        frozenset,
        (
            ("shirt", "skirt"),
            ("shirts", "skirts"),
            ("boots", "books"),
            ("glass", "grass"),
            ("crown", "clown"),
            ("blush", "brush"),
            ("couch", "coach"),
            ("braid", "brain"),
            ("plate", "place"),
            ("petals", "pedals"),
            ("stars", "stairs"),
            ("angel", "angle"),
            # Of one and of both: another pose.
            ("arm", "arms"),
            ("hand", "hands"),
            ("leg", "legs"),
            ("knee", "knees"),
            ("foot", "feet"),
            # How many people there are.
            ("girl", "girls"),
            ("boy", "boys"),
            ("other", "others"),
            # Another thing.
            ("glass", "glasses"),
            ("short", "shorts"),
            ("tight", "tights"),
        ),
    )
)
_MAX_SHARING = 8


SpellingKind = Literal["case", "underscores", "plural", "a letter"]
"""What two spellings differ in; `underscores` also stands for hyphens and escaped brackets."""


def nearly_alike(counts: Mapping[str, int]) -> dict[str, str]:
    """Return rarer tag -> the commoner one that it is nearly like, by the tags' order.

    Each is compared with those alone that have the same words but for one, and of that word all letters but one: the time grows with
    the number of tags, not with its square.
    """
    alike: dict[str, str] = {}
    spellings: dict[tuple[str, ...], list[str]] = {}
    for tag in counts:
        spellings.setdefault(tuple(words_of(tag)), []).append(tag)
    for same in spellings.values():
        best = max(same, key=lambda tag: counts[tag])
        alike |= {tag: best for tag in same if tag != best}
    chosen = {words: max(same, key=lambda tag: counts[tag]) for words, same in spellings.items()}
    holes: dict[tuple[object, ...], list[tuple[str, ...]]] = {}
    for words in each("comparing tags", sorted(chosen, key=lambda words: -counts[chosen[words]])):
        for key in _keys(words):
            # Only the commonest count, and of a hole that thousands share no more are needed.
            if len(there := holes.setdefault(key, [])) < _MAX_SHARING:
                there.append(words)
    for words, tag in each("comparing tags", chosen.items()):
        near = {other for key in _keys(words) for other in holes[key] if other != words}
        commoner = [
            chosen[other]
            for other in near
            if counts[chosen[other]] >= _COMMONER * counts[tag] and _is_slip(words, other)
        ]
        if commoner:
            alike[tag] = max(commoner, key=lambda other: (counts[other], other))
    for tag, other in _plurals(chosen, counts):
        alike.setdefault(tag, other)
    return {tag: alike[tag] for tag in counts if tag in alike}


def spelling_kind(one: str, other: str) -> SpellingKind:
    """Return what two tags that are nearly alike differ in."""
    if one.casefold() == other.casefold():
        return "case"
    if words_of(one) == words_of(other):
        return "underscores"
    return "plural" if _singular_words(words_of(one)) == _singular_words(words_of(other)) else "a letter"


def _plurals(chosen: Mapping[tuple[str, ...], str], counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield tags whose words are those of a commoner one but for singular and plural, with that one."""
    groups: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for words in chosen:
        groups.setdefault(_singular_words(words), []).append(words)
    for group in groups.values():
        best = max(group, key=lambda words: counts[chosen[words]])
        for words in group:
            pairs = {frozenset(pair) for pair in zip(words, best, strict=True) if pair[0] != pair[1]}
            if pairs and not pairs & _BOTH_MEANT and counts[chosen[best]] >= _COMMONER * counts[chosen[words]]:
                yield chosen[words], chosen[best]


def _singular_words(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(_singular, words))


def _singular(word: str) -> str:
    """Return a word without the ending of an English plural; what is no word stays as it is."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _keys(words: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    """Yield the words with one left out, and what is left of it with one letter left out, or none."""
    for place, word in enumerate(words):
        if len(word) < _LEAST_LETTERS - 1 or any(letter.isdigit() for letter in word):
            continue
        rest = (place, words[:place], words[place + 1 :])
        yield (*rest, word)
        for letter in range(len(word)):
            yield (*rest, word[:letter] + word[letter + 1 :])


def _is_slip(rare: tuple[str, ...], common: tuple[str, ...]) -> bool:
    """Return whether one word of a tag is that of the other but for one letter missing, added, replaced or swapped.

    The first letter is never the slip, for light, night and right are words.
    """
    one, other = next((pair for pair in zip(rare, common, strict=True) if pair[0] != pair[1]), ("", ""))
    if frozenset((one, other)) in _BOTH_MEANT or one[:1] != other[:1]:
        return False
    if len(one) != len(other):
        return max(len(one), len(other)) >= _LEAST_LETTERS
    places = [place for place in range(len(one)) if one[place] != other[place]]
    if len(places) == 1:
        return len(one) >= _LEAST_LETTERS
    return (
        len(places) == 2
        and places[1] - places[0] == 1
        and one[places[0]] == other[places[1]]
        and one[places[1]] == other[places[0]]
    )


def words_of(tag: str) -> list[str]:
    """Return the words of a tag in one spelling: small letters, no underscores, hyphens or backslashes."""
    return re.sub(r"[\s_\-]+", " ", tag.casefold().replace("\\", "")).split()
