"""What a tagger proposes: its answers by thresholds, beside what captions have, and the captions that would be written."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from trainer.captions.operations import is_face
from trainer.data_index.tagged import TaggedPicture
from trainer.dataset.trigger import compared
from trainer.tagger.record import (
    PictureTags,
    ProposedTag,
    TaggedRun,
    Tagger,
    TagOptions,
    TagScore,
    Thresholds,
    category_name,
)


@dataclass(frozen=True)
class TagDisagreement:
    """How often a tag of the captions and the tagger disagree over all pictures.

    Attributes:
        tag: as it would be written.
        added: pictures whose caption lacks it and in which the tagger sees it.
        unseen: pictures whose caption has it and in which the tagger does not.
        agreed: pictures in which both have it.
    """

    tag: str
    added: int
    unseen: int
    agreed: int


def counted(scores: Sequence[TagScore], tagger: Tagger, thresholds: Thresholds) -> tuple[TagScore, ...]:
    """Return the tags of a picture that count, the most probable first.

    Args:
        scores: what the tagger says of it.
        tagger: that it is.
        thresholds: of its categories.
    """
    by_category: dict[str, list[TagScore]] = {}
    for score in scores:
        by_category.setdefault(category_name(tagger.tags[score.place].category), []).append(score)
    limits = {category: _limit(category, some, thresholds) for category, some in by_category.items()}
    return tuple(
        score
        for score in sorted(scores, key=lambda score: (-score.probability, score.place))
        if score.probability >= limits[category_name(tagger.tags[score.place].category)]
    )


def _limit(category: str, scores: Sequence[TagScore], thresholds: Thresholds) -> float:
    if category not in thresholds.largest_gap:
        return thresholds.of(category)
    return max(largest_gap([score.probability for score in scores]), thresholds.least.get(category, 0.0))


def largest_gap(probabilities: Iterable[float]) -> float:
    """Return the middle of the largest gap between neighbours, 0 among them (MCut, Largeron et al. 2012); 1 where there are no numbers."""
    # What is hardly probable is not named, and thousands of tags are.
    falling = [*sorted(probabilities, reverse=True), 0.0]
    if len(falling) < 2:
        return 1.0
    gaps = [high - low for high, low in pairwise(falling)]
    place = gaps.index(max(gaps))
    return (falling[place] + falling[place + 1]) / 2


def written_name(name: str, *, spaces: bool) -> str:
    """Return a tagger's name of a tag as a caption has it: blanks for underscores, but in kaomoji; brackets are not escaped."""
    return name if not spaces or is_face(name) else " ".join(name.replace("_", " ").split()) or name


def proposed_tags(scores: Sequence[TagScore], tagger: Tagger, options: TagOptions) -> tuple[ProposedTag, ...]:
    """Return the tags of a picture that would be written: by category in the options' order, then the most probable first."""
    unwanted = {compared(tag) for tag in options.unwanted}
    found = [
        ProposedTag(written_name(known.name, spaces=options.spaces), category_name(known.category), score.probability)
        for score in counted(scores, tagger, options.thresholds)
        for known in (tagger.tags[score.place],)
    ]
    kept = [each for each in found if each.category in options.categories and compared(each.tag) not in unwanted]
    return tuple(sorted(kept, key=lambda each: options.categories.index(each.category)))


def compare_tags(
    pictures: Sequence[TaggedPicture], run: TaggedRun, tagger: Tagger, options: TagOptions
) -> tuple[PictureTags, ...]:
    """Return what a tagger says of pictures beside what their captions have; pictures that it said nothing of are left out.

    Args:
        pictures: with their captions.
        run: what it said.
        tagger: that it is.
        options: what counts.
    """
    known = {compared(tag.name): tag for tag in tagger.tags if category_name(tag.category) in options.categories}
    return tuple(
        _compared_tags(picture, run.scores[picture.path], tagger, options, known)
        for picture in pictures
        if picture.path is not None and picture.path in run.scores
    )


def _compared_tags(
    picture: TaggedPicture,
    scores: Sequence[TagScore],
    tagger: Tagger,
    options: TagOptions,
    known: Mapping[str, object],
) -> PictureTags:
    assert picture.path is not None
    proposed = proposed_tags(scores, tagger, options)
    here = {compared(tag): tag for tag in picture.tags} if picture.captioned else {}
    seen = {compared(each.tag) for each in proposed}
    probabilities = {compared(tagger.tags[score.place].name): score.probability for score in scores}
    return PictureTags(
        picture.path,
        picture.name,
        proposed,
        tuple(each for each in proposed if compared(each.tag) not in here),
        tuple(tag for plain, tag in here.items() if plain in seen),
        tuple(
            ProposedTag(tag, "", probabilities.get(plain, 0.0))
            for plain, tag in here.items()
            if plain in known and plain not in seen
        ),
        tuple(tag for plain, tag in here.items() if plain not in known),
    )


def disagreements(pictures: Sequence[PictureTags]) -> tuple[TagDisagreement, ...]:
    """Return the tags that captions and tagger disagree on, those with the most pictures first."""
    added = Counter(each.tag for picture in pictures for each in picture.added)
    unseen = Counter(each.tag for picture in pictures for each in picture.unseen)
    agreed = Counter(tag for picture in pictures for tag in picture.agreed)
    tags = dict.fromkeys((*added, *unseen))
    found = [TagDisagreement(tag, added[tag], unseen[tag], agreed[tag]) for tag in tags]
    return tuple(sorted(found, key=lambda each: (-(each.added + each.unseen), each.tag)))


def checklist_ticks(
    items: Sequence[str], scores: Sequence[TagScore], tagger: Tagger, thresholds: Thresholds
) -> dict[str, bool]:
    """Return the items of a checklist that name a tag of the tagger's, with whether it sees it; other items are left out.

    An item names a tag that it is, or the longest one that stands in it as words: `halo above the head` names `halo`.

    Args:
        items: of the subject.
        scores: what the tagger says of a picture.
        tagger: that it is.
        thresholds: of its categories.
    """
    known = {compared(tag.name): place for place, tag in enumerate(tagger.tags)}
    seen = {score.place for score in counted(scores, tagger, thresholds)}
    named = {item: tag_in(compared(item), known) for item in items}
    return {item: place in seen for item, place in named.items() if place is not None}


def tag_in(item: str, known: Mapping[str, int]) -> int | None:
    """Return the tag that an item is, or the longest one whose words stand in it; None where it names none.

    Args:
        item: as it is compared.
        known: tag as it is compared -> its place.
    """
    words = item.split()
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            place = known.get(" ".join(words[start : start + length]))
            if place is not None:
                return place
    return None
