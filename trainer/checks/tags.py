"""Checks of tags: those of a single caption, and those that are nearly a commoner one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache

from trainer.checks.record import CheckedBake
from trainer.data_index.spellings import MAX_WORDS, nearly_alike, words_of
from trainer.dataset.exposures import FEW_CAPTIONS, tag_exposures
from trainer.dataset.records import DataSet
from trainer.finding import Finding
from trainer.text import plural, printable

_NAMED = 3


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
    return counts, nearly_alike(counts)


def _counts(data: DataSet) -> dict[str, int]:
    """Return how many pictures carry each tag, none where there are too few captions to tell."""
    captioned = sum(picture.caption_file is not None and not picture.is_reg for picture in data.pictures)
    if captioned < FEW_CAPTIONS:
        return {}
    return {each.tag: each.pictures for each in tag_exposures(data, 1) if len(words_of(each.tag)) <= MAX_WORDS}


def _named(tags: list[str]) -> str:
    more = f" and {len(tags) - _NAMED:,} more" if len(tags) > _NAMED else ""
    return ", ".join(f"`{printable(tag, 40)}`" for tag in tags[:_NAMED]) + more


def _where(data: DataSet) -> str:
    """Return the name of the folder whose captions are meant."""
    folders = Counter(picture.folder for picture in data.pictures if not picture.is_reg)
    return printable(next(iter(folders), "captions"), 60) if len(folders) == 1 else "captions"
