"""Captions with more tokens than are read, and what of their tags is lost."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate

from trainer.dataset.captions import complete_caption, shuffled_tags
from trainer.dataset.records import CaptionRules, DataSet
from trainer.long_work import each

Tokens = Callable[[str], Sequence[int]]
"""Text -> numbers of its tokens, without those around it."""

# Orders of shuffled tags that are looked at, at most; their mean is the share that is read.
_ORDERS = 32


@dataclass(frozen=True)
class CutCaption:
    """A caption that is longer than what is read of it.

    Attributes:
        picture: index in `DataSet.pictures`.
        tokens: of the complete caption; of several lines the longest counts.
        shuffled: whether other tags are lost each time.
        read: tag -> share of the times in which all of it is read, of the tags that are not always read; in the caption's order.
    """

    picture: int
    tokens: int
    shuffled: bool
    read: dict[str, float]


def cut_captions(data: DataSet, tokens: Tokens, limit: int) -> tuple[CutCaption, ...]:
    """Return the captions that are longer than `limit` tokens; quick where they were measured before.

    Tags left out by chance (dropout, warm-up) count as there: the longest that a caption becomes is measured.

    Args:
        data: the pictures.
        tokens: as the base reads captions.
        limit: tokens that are read: max_token_length.
    """
    pictures = each("counting tokens", data.pictures)
    found = (_cut(picture.caption, picture.caption_rules, tokens, limit) for picture in pictures)
    return tuple(replace(cut, picture=index) for index, cut in enumerate(found) if cut is not None)


def caption_tokens(caption: str, rules: CaptionRules, tokens: Tokens) -> int:
    """Return how many tokens a caption has at its most, whatever is read of them: prefix and suffix included, of several lines the longest.

    Args:
        caption: its words.
        rules: of it.
        tokens: as the base reads captions.
    """
    return max(len(tokens(complete_caption(line, rules))) for line in _lines(caption, rules))


def separated(text: str, rules: CaptionRules) -> Iterator[tuple[str, int]]:
    """Yield the tags of a caption, each with the place where it ends; separators that are written in it part tags too."""
    separators = [",", *filter(None, (rules.keep_separator, rules.secondary_separator))]
    start = 0
    for match in re.finditer("|".join(map(re.escape, separators)), text):
        yield text[start : match.start()].strip(), match.start()
        start = match.end()
    yield text[start:].strip(), len(text)


# A plan asks again for every key typed, and a data set larger than this would find none of its captions again.
@lru_cache(maxsize=200_000)
def _cut(caption: str, rules: CaptionRules, tokens: Tokens, limit: int) -> CutCaption | None:
    """Return how a caption is cut, as picture 0; None where all of it is read."""
    lines = _lines(caption, rules)
    lengths = {line: _tokens_in(complete_caption(line, rules), tokens, limit) for line in lines}
    long = [line for line, length in lengths.items() if length > limit]
    if not long:
        return None
    orders = [shuffled_tags(line, rules) for line in long]
    read: dict[str, float] = {}
    for line, order in zip(long, orders, strict=True):
        shares = _shares_shuffled(order, tokens, limit, rules) if order else _shares(line, tokens, limit, rules)
        for tag, share in shares:
            # A tag of two lines, or twice in one, is lost only as far as it is lost everywhere.
            read[tag] = max(share, read.get(tag, 0.0))
    for line in lines:
        if line not in long:
            read |= {tag: 1.0 for tag, _ in separated(complete_caption(line, rules), rules)}
    return CutCaption(
        0,
        max(lengths.values()),
        any(orders),
        {tag: share for tag, share in read.items() if tag and share < 1},
    )


def _lines(caption: str, rules: CaptionRules) -> list[str]:
    """Return the lines of a caption of which one is shown."""
    return caption.split("\n") if rules.wildcards else [caption.partition("\n")[0]]


def _tokens_in(text: str, tokens: Tokens, limit: int) -> int:
    """Return how many tokens a text has, 0 where its few letters cannot be too many: a token is a byte at least."""
    return 0 if text.isascii() and len(text) <= limit else len(tokens(text))


# The same tags stand in many captions.
@lru_cache(maxsize=20_000)
def _tokens_of_tag(tag: str, tokens: Tokens) -> int:
    return len(tokens(tag))


def _shares(line: str, tokens: Tokens, limit: int, rules: CaptionRules) -> Iterator[tuple[str, float]]:
    """Yield 1 for each tag that ends within the limit, 0 for those behind."""
    text = complete_caption(line, rules)
    tags = list(separated(text, rules))
    # Tags and the commas between them; signs of both may be one token, so that the text itself has the last word.
    ends = list(accumulate(_tokens_of_tag(tag, tokens) + 1 for tag, _ in tags))
    read = bisect_right(ends, limit + 1)
    while read < len(tags) and len(tokens(text[: tags[read][1]])) <= limit:
        read += 1
    while read and len(tokens(text[: tags[read - 1][1]])) > limit:
        read -= 1
    yield from ((tag, float(number < read)) for number, (tag, _) in enumerate(tags))


def _shares_shuffled(
    order: tuple[list[str], list[str], list[str]], tokens: Tokens, limit: int, rules: CaptionRules
) -> Iterator[tuple[str, float]]:
    """Yield the share of orders in which each tag ends within the limit: turned on by steps, every loose tag takes every place."""
    front, loose, behind = order
    lengths = {tag: _tokens_of_tag(tag, tokens) for tag in (*front, *loose, *behind)}
    times = dict.fromkeys(lengths, 0)
    turns = range(0, len(loose), -(-len(loose) // _ORDERS))
    for turn in turns:
        for tag in _within([*front, *loose[turn:], *loose[:turn], *behind], lengths, limit):
            times[tag] += 1
    for tag, count in times.items():
        yield from ((part, min(1.0, count / len(turns))) for part, _ in separated(tag, rules))


def _within(tags: Iterable[str], lengths: dict[str, int], limit: int) -> set[str]:
    """Return the tags that end within the limit, with a comma between each two."""
    end, found = 0, set()
    for tag in tags:
        end += lengths[tag]
        if end > limit:
            break
        found.add(tag)
        end += 1
    return found
