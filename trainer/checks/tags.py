"""Checks of tags: those of a single caption, and those that are nearly a commoner one."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache

from trainer.checks.record import CheckedBake
from trainer.dataset.exposures import tag_exposures
from trainer.dataset.records import DataSet
from trainer.finding import Finding
from trainer.text import plural, printable

# Of a few captions every tag is rare.
_FEW_CAPTIONS = 4
# Longer ones are sentences, which no two captions share.
_MAX_WORDS = 5
_NAMED = 3
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
        ),
    )
)
_MAX_SHARING = 8


def tags_seen_once(bake: CheckedBake) -> Iterator[Finding]:
    """Yield tags that stand in one caption only."""
    counts, alike = _tags_of(bake.data)
    once = [tag for tag, count in counts.items() if count == 1 and tag not in alike]
    if once:
        yield Finding(
            "tag-once",
            _where(bake.data),
            f"{plural(len(once), 'tag')} {'stands' if len(once) == 1 else 'stand'} in a single caption: {_named(once)}",
            cases=tuple(map(printable, once)),
        )


def tags_nearly_alike(bake: CheckedBake) -> Iterator[Finding]:
    """Yield tags that are another spelling of a commoner one, or one letter away from it."""
    counts, alike = _tags_of(bake.data)
    if alike:
        tag, other = next(iter(alike.items()))
        yield Finding(
            "tag-alike",
            _where(bake.data),
            f"{plural(len(alike), 'tag')} nearly like a commoner one: `{printable(tag, 40)}` ({counts[tag]:,}) and "
            f"`{printable(other, 40)}` ({counts[other]:,}){', …' if len(alike) > 1 else ''}",
            cases=tuple(
                f"`{printable(tag)}` ({counts[tag]:,}) and `{printable(other)}` ({counts[other]:,})"
                for tag, other in alike.items()
            ),
        )


# A plan asks again for every key typed.
@lru_cache(maxsize=2)
def _tags_of(data: DataSet) -> tuple[Mapping[str, int], Mapping[str, str]]:
    """Return how many pictures carry each tag, and the tags that are nearly like a commoner one."""
    counts = _counts(data)
    return counts, _nearly_alike(counts)


def _counts(data: DataSet) -> dict[str, int]:
    """Return how many pictures carry each tag, none where there are too few captions to tell."""
    captioned = sum(picture.caption_file is not None and not picture.is_reg for picture in data.pictures)
    if captioned < _FEW_CAPTIONS:
        return {}
    return {each.tag: each.pictures for each in tag_exposures(data, 1) if len(_words(each.tag)) <= _MAX_WORDS}


def _nearly_alike(counts: Mapping[str, int]) -> dict[str, str]:
    """Return rarer tag -> the commoner one that it is nearly like, by the tags' order.

    Each is compared with those alone that have the same words but for one, and of that word all letters but one: the time grows with
    the number of tags, not with its square.
    """
    alike: dict[str, str] = {}
    spellings: dict[tuple[str, ...], list[str]] = {}
    for tag in counts:
        spellings.setdefault(tuple(_words(tag)), []).append(tag)
    for same in spellings.values():
        best = max(same, key=lambda tag: counts[tag])
        alike |= {tag: best for tag in same if tag != best}
    chosen = {words: max(same, key=lambda tag: counts[tag]) for words, same in spellings.items()}
    holes: dict[tuple[object, ...], list[tuple[str, ...]]] = {}
    for words in sorted(chosen, key=lambda words: -counts[chosen[words]]):
        for key in _keys(words):
            # Only the commonest count, and of a hole that thousands share no more are needed.
            if len(there := holes.setdefault(key, [])) < _MAX_SHARING:
                there.append(words)
    for words, tag in chosen.items():
        near = {other for key in _keys(words) for other in holes[key] if other != words}
        commoner = [
            chosen[other]
            for other in near
            if counts[chosen[other]] >= _COMMONER * counts[tag] and _is_slip(words, other)
        ]
        if commoner:
            alike[tag] = max(commoner, key=lambda other: (counts[other], other))
    return {tag: alike[tag] for tag in counts if tag in alike}


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


def _words(tag: str) -> list[str]:
    """Return the words of a tag in one spelling: small letters, no underscores, hyphens or backslashes."""
    return re.sub(r"[\s_\-]+", " ", tag.casefold().replace("\\", "")).split()


def _named(tags: list[str]) -> str:
    more = f" and {len(tags) - _NAMED:,} more" if len(tags) > _NAMED else ""
    return ", ".join(f"`{printable(tag, 40)}`" for tag in tags[:_NAMED]) + more


def _where(data: DataSet) -> str:
    """Return the name of the folder whose captions are meant."""
    folders = Counter(picture.folder for picture in data.pictures if not picture.is_reg)
    return printable(next(iter(folders), "captions"), 60) if len(folders) == 1 else "captions"
