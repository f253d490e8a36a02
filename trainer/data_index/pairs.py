"""Tags that stand together so often that they are learned as one thing, and the pictures that would part them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, floor, lgamma

import numpy as np
from numpy.typing import NDArray

from trainer.data_index.subject_tags import SubjectTags
from trainer.data_index.tagged import TaggedPicture
from trainer.dataset.exposures import COMMON_SHARE, HEAD_COUNT
from trainer.dataset.trigger import compared
from trainer.text import plural, printable

_Ids = NDArray[np.int64]

# As many as one reads.
_NAMED = 3


@dataclass(frozen=True)
class PairRule:
    """When two tags are called a pair.

    Attributes:
        share: of the times that a tag is shown, in which the other is there too, at least.
        least_pictures: with the tag; of fewer each one is a fifth, and a single picture would decide.
        error: probability at most that tags which have nothing to do with each other are called a pair anywhere in the data.
        sources: of the rule.
    """

    share: float
    least_pictures: int
    error: float
    sources: tuple[str, ...]


PAIR_RULE = PairRule(
    share=COMMON_SHARE,
    least_pictures=5,
    error=0.05,
    sources=(
        "the share is that from which users see a repeated phrase learned in the trigger's place (atomantic/PortOS#1320, #1371)",
        "chance: Fisher's exact test, the upper tail of the hypergeometric distribution (Fisher 1935, section 21), times the number"
        " of pairs that were looked at (Bonferroni)",
    ),
)
"""The rule by which pairs are found."""


@dataclass(frozen=True)
class TagPair:
    """Two tags of which one hardly comes without the other.

    Attributes:
        tag: the one whose pictures are looked at: the subject's, or the commoner one.
        along: the one that comes along.
        with_tag, with_along, together: pictures with the one, with the other, with both.
        share: of the times that `tag` is shown, in which `along` is there too; repeats count.
        both_ways: whether `along` hardly comes without `tag` either.
        chance: probability of at least so many together if the two had nothing to do with each other, times the pairs looked at.
        apart: names of the pictures with `tag` and without `along`.
        alone: names of the pictures with `along` and without `tag`.
        more: times that pictures of `tag` without `along` must be shown more in an epoch for the share to fall below the rule's.
    """

    tag: str
    along: str
    with_tag: int
    with_along: int
    together: int
    share: float
    both_ways: bool
    chance: float
    apart: tuple[str, ...]
    alone: tuple[str, ...]
    more: int

    @property
    def text(self) -> str:
        """What was found, in words."""
        tag, along = _quoted(self.tag), _quoted(self.along)
        meaning = "they will be learned as one thing" if self.both_ways else f"{tag} will bring it along"
        return f"{along} in {self.together:,} of {plural(self.with_tag, f'{tag} picture')}: {meaning}"

    @property
    def parting(self) -> str:
        """Which pictures part the two, in words; "" where every one shows both or neither."""
        parts = [
            f"{plural(len(names), 'picture')} of {_quoted(has)} without {_quoted(lacks)} ({_some(names)})"
            for names, has, lacks in ((self.apart, self.tag, self.along), (self.alone, self.along, self.tag))
            if names
        ]
        return f"parted by {' and '.join(parts)}" if parts else ""

    @property
    def missing(self) -> str:
        """Which kind of picture is missing that would part them, in words; "" where there are some of both kinds."""
        kinds = [
            f"pictures of {_quoted(has)} without {_quoted(lacks)}"
            for names, has, lacks in ((self.apart, self.tag, self.along), (self.alone, self.along, self.tag))
            if not names
        ]
        return f"missing: {', '.join(kinds)}" if kinds else ""

    @property
    def way_out(self) -> str:
        """What the user can do about it."""
        tag, along = _quoted(self.tag), _quoted(self.along)
        without = f"{tag} without {along}"
        source = "add such pictures or raise their repeats" if self.apart else "add such pictures"
        return (
            f"{without} shown {plural(self.more, 'more time')} in an epoch brings the share below {PAIR_RULE.share:.0%}"
            f" ({source}); where they are meant as one thing, nothing has to change"
        )


def pairs_of(pictures: Sequence[TaggedPicture], subject: SubjectTags | None = None) -> tuple[TagPair, ...]:
    """Return the tags that are learned as one thing, by `PAIR_RULE`; seconds for 100,000 captions of 30 tags.

    Where the subject names tags (outfits, checklist), the pictures of each of these are looked at. Where it names none, all tags are,
    and only what holds both ways is returned. Tags of one outfit are meant as one thing; the trigger, and tags that say how many
    people there are, are left out.

    Args:
        pictures: those that are trained on.
        subject: what the subject file names; None where there is none.

    Returns:
        The pairs, each once; by the subject's order, or by how common they are, and of one tag the closest first.
    """
    table = _Table(pictures)
    names = subject or SubjectTags()
    of_subject = [table.number[tag] for tag in names.named if tag in table.number]
    left_out = {number for tag, number in table.number.items() if _says_nothing(tag, names.trigger)}
    wanted = of_subject or [int(each) for each in np.argsort(-table.pictures, kind="stable")]
    looked_at = [number for number in wanted if number not in left_out and _enough(table.pictures[number])]
    one_thing = _outfits_by_tag(names, table)
    tests = max(1, len(looked_at) * (len(table.number) - 1))
    found: dict[frozenset[int], TagPair] = {}
    for number in looked_at:
        rows, together, shown = table.beside(number)
        total = int(table.repeats[rows].sum())
        close = np.flatnonzero((shown >= PAIR_RULE.share * total) & (together >= PAIR_RULE.least_pictures))
        for other in sorted(map(int, close), key=lambda each: (-shown[each], -together[each], table.tags[each])):
            pair = frozenset((number, other))
            if other == number or other in left_out or pair in found or one_thing[number] & one_thing[other]:
                continue
            if not table.beyond_average(number, other, int(together[other])):
                continue
            made = table.pair(number, other, rows, int(together[other]), int(shown[other]), total, tests)
            if made.chance <= PAIR_RULE.error and (of_subject or made.both_ways):
                found[pair] = made
    return tuple(found.values())


def _says_nothing(tag: str, trigger: str) -> bool:
    return bool(HEAD_COUNT.fullmatch(tag)) or (bool(trigger) and compared(trigger) == tag)


def _enough(pictures: int) -> bool:
    return pictures >= PAIR_RULE.least_pictures


class _Table:
    """The captions as numbers: which tags each picture has, and which pictures each tag.

    Attributes:
        tags: the spelling of each tag that most pictures have.
        number: tag as it is compared -> its number.
        pictures: how many carry each tag.
        repeats: of each picture.
    """

    def __init__(self, pictures: Sequence[TaggedPicture]) -> None:
        spelled: dict[str, int] = {}
        lengths = np.fromiter((len(picture.tags) for picture in pictures), np.int64, len(pictures))
        spellings = np.fromiter(
            (spelled.setdefault(tag, len(spelled)) for picture in pictures for tag in picture.tags), np.int64
        )
        self.number: dict[str, int] = {}
        same = np.fromiter(
            (self.number.setdefault(compared(tag), len(self.number)) for tag in spelled), np.int64, len(spelled)
        )
        rows = np.repeat(np.arange(len(pictures)), lengths)
        # Two spellings of one tag in a caption are one.
        pairs = np.unique(rows * max(1, len(self.number)) + same[spellings]) if len(spellings) else spellings
        self._rows, self._columns = np.divmod(pairs, max(1, len(self.number)))
        self._starts = np.searchsorted(self._rows, np.arange(len(pictures) + 1))
        self._by_tag = self._rows[np.argsort(self._columns, kind="stable")]
        self.pictures = np.bincount(self._columns, minlength=len(self.number))
        self._tag_starts = np.concatenate(([0], np.cumsum(self.pictures)))
        self.repeats = np.fromiter((picture.repeats for picture in pictures), np.int64, len(pictures))
        self.tags = _commonest(spelled, same, np.bincount(spellings, minlength=len(spelled)), len(self.number))
        self._names = [picture.name for picture in pictures]

    def with_tag(self, number: int) -> _Ids:
        """Return the pictures with a tag, by their places."""
        return self._by_tag[self._tag_starts[number] : self._tag_starts[number + 1]]

    def beside(self, number: int) -> tuple[_Ids, _Ids, _Ids]:
        """Return the pictures with a tag, and for each tag in how many of them it is and how often these are shown."""
        rows = self.with_tag(number)
        starts, lengths = self._starts[rows], self._starts[rows + 1] - self._starts[rows]
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
        columns = self._columns[places]
        together = np.bincount(columns, minlength=len(self.number))
        repeats = self.repeats[rows]
        if len(repeats) and (repeats == repeats[0]).all():
            return rows, together, together * repeats[0]
        shown = np.bincount(columns, np.repeat(repeats, lengths), len(self.number)).round().astype(np.int64)
        return rows, together, shown

    def beyond_average(self, number: int, other: int, together: int) -> bool:
        """Return whether two tags are together more often than chance makes them on average; only then is there something to test."""
        return together * len(self._names) > int(self.pictures[number]) * int(self.pictures[other])

    def pair(self, number: int, other: int, rows: _Ids, together: int, shown: int, total: int, tests: int) -> TagPair:
        others = self.with_tag(other)
        shown_other = int(self.repeats[others].sum())
        of_all, with_tag, with_other = len(self._names), len(rows), len(others)
        return TagPair(
            self.tags[number],
            self.tags[other],
            with_tag,
            with_other,
            together,
            shown / total,
            shown >= PAIR_RULE.share * shown_other and _enough(with_other),
            min(1.0, tests * hypergeometric_tail(together, of_all, with_other, with_tag)),
            tuple(self._names[row] for row in np.setdiff1d(rows, others)),
            tuple(self._names[row] for row in np.setdiff1d(others, rows)),
            # The share must fall below the rule's; to it would not do.
            max(1, floor(shown / PAIR_RULE.share - total) + 1),
        )


def _commonest(spelled: dict[str, int], same: _Ids, counts: _Ids, tags: int) -> list[str]:
    """Return for each tag the spelling that most captions have, the first of several."""
    best = [""] * tags
    most = [-1] * tags
    for spelling, place in spelled.items():
        number = int(same[place])
        if counts[place] > most[number]:
            best[number], most[number] = spelling, int(counts[place])
    return best


def _outfits_by_tag(subject: SubjectTags, table: _Table) -> "_Outfits":
    found = _Outfits()
    for name, tags in subject.outfits.items():
        for tag in map(compared, tags):
            if tag in table.number:
                found.setdefault(table.number[tag], set()).add(name)
    return found


class _Outfits(dict[int, set[str]]):
    """Number of a tag -> the outfits that have it among their words."""

    def __missing__(self, number: int) -> set[str]:
        return set()


def hypergeometric_tail(at_least: int, of_all: int, marked: int, drawn: int) -> float:
    """Return the probability that at least `at_least` of `drawn` things are marked, where `marked` of all are and chance alone draws.

    Args:
        at_least: things that are both.
        of_all: things there are.
        marked: of them.
        drawn: of them, without putting back.
    """
    total = 0.0
    for both in range(max(at_least, drawn + marked - of_all, 0), min(marked, drawn) + 1):
        term = exp(_log_choose(marked, both) + _log_choose(of_all - marked, drawn - both) - _log_choose(of_all, drawn))
        total += term
        # Beyond its middle the distribution falls faster and faster.
        if term < total * 1e-12 and both * of_all > marked * drawn:
            break
    return min(1.0, total)


def _log_choose(things: int, taken: int) -> float:
    return lgamma(things + 1) - lgamma(taken + 1) - lgamma(things - taken + 1)


def _quoted(tag: str) -> str:
    return f"`{printable(tag, 40)}`"


def _some(names: Sequence[str]) -> str:
    def shown() -> Iterator[str]:
        yield from (printable(name, 40) for name in names[:_NAMED])
        if len(names) > _NAMED:
            yield f"{len(names) - _NAMED:,} more"

    return ", ".join(shown())
