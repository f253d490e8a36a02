"""Pairs of tags, remarks on captions and what a tagger says, as lines of text and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from trainer.text import plural, printable

if TYPE_CHECKING:
    from trainer.data_index.pairs import TagPair
    from trainer.data_index.remarks import CaptionRemark
    from trainer.families.conventions import CaptionConvention
    from trainer.tagger.proposals import TagDisagreement
    from trainer.tagger.record import PictureTags, TaggedRun, Tagger

MOST = 20
"""As many of one kind as are shown unless all are asked for."""

_TAG = 30


def pair_lines(pairs: "Sequence[TagPair]", most: int) -> Iterator[str]:
    """Yield pairs of tags, each with what parts it and what is missing, at most `most` of them."""
    from trainer.data_index.pairs import PAIR_RULE

    for pair in pairs[:most]:
        yield pair.text
        for line in (pair.parting, pair.missing, pair.way_out):
            if line:
                yield f"  {line}"
    if len(pairs) > most:
        yield f"and {plural(len(pairs) - most, 'more pair')}: --all shows them"
    if not pairs:
        yield (
            f"no pairs: no tag is shown with another one in {PAIR_RULE.share:.0%} of its times or more, in"
            f" {plural(PAIR_RULE.least_pictures, 'picture')} at least and more often than by chance"
        )


def pair_json(pair: "TagPair") -> dict[str, Any]:
    """Return a pair as plain JSON values."""
    return {
        **asdict(pair),
        "text": pair.text,
        "parting": pair.parting,
        "missing": pair.missing,
        "way_out": pair.way_out,
    }


def remark_lines(remarks: "Sequence[tuple[int, CaptionRemark]]", most: int) -> Iterator[str]:
    """Yield remarks with their numbers under the titles of their kinds, at most `most` of each."""
    from trainer.captions.operations import edit_words
    from trainer.data_index.remarks import REMARK_KINDS

    for kind in REMARK_KINDS:
        numbered = [(number, each) for number, each in remarks if each.key == kind.key]
        if not numbered:
            continue
        yield f"{kind.title} ({kind.key})"
        for number, each in numbered[:most]:
            edit = f" [{edit_words(each.edits)}]" if each.edits and each.pictures else ""
            yield f"{number:>5}  {each.text}{edit}"
        if len(numbered) > most:
            yield f"       and {len(numbered) - most:,} more: --all shows them"
        if len({each.way_out for _, each in numbered}) == 1:
            yield f"       {numbered[0][1].way_out}"
    if not remarks:
        yield "nothing to remark"


def remark_json(number: int, remark: "CaptionRemark") -> dict[str, Any]:
    """Return a remark as plain JSON values."""
    return {
        "number": number,
        "key": remark.key,
        "about": remark.about,
        "text": remark.text,
        "way_out": remark.way_out,
        "edits": [asdict(edit) for edit in remark.edits],
        "pictures": [str(path) for path in remark.pictures],
    }


def convention_lines(family: str, conventions: "Sequence[CaptionConvention]") -> Iterator[str]:
    """Yield the conventions of a family of bases, each with the bases that have it and where that is known from."""
    for each in conventions:
        yield f"{each.key:<12} {each.title}"
        yield f"  {family}: {', '.join(each.bases)}"
        if each.order:
            yield f"  order: trigger, {', '.join(each.order)}"
        if each.note:
            yield f"  {each.note}"
        yield from (f"  source: {source}" for source in each.sources)


def convention_json(family: str, convention: "CaptionConvention") -> dict[str, Any]:
    """Return a convention as plain JSON values."""
    return {
        "family": family,
        "key": convention.key,
        "title": convention.title,
        "bases": list(convention.bases),
        "style": convention.style,
        "order": list(convention.order),
        "note": convention.note,
        "sources": list(convention.sources),
    }


def tagger_lines(tagger: "Tagger") -> Iterator[str]:
    """Yield what is read from a tagger's files."""
    from trainer.tagger.record import category_name

    counts = {category: sum(tag.category == category for tag in tagger.tags) for category in tagger.categories}
    known = ", ".join(f"{count:,} {category_name(category)}" for category, count in counts.items())
    yield f"{printable(tagger.name, 60)}: {plural(len(tagger.tags), 'tag')} ({known})"
    yield from (f"  {reason}" for reason in (*tagger.input.reasons, *tagger.output.reasons))


def tagged_lines(
    run: "TaggedRun", pictures: "Sequence[PictureTags]", disagreements: "Sequence[TagDisagreement]", most: int
) -> Iterator[str]:
    """Yield what a tagger says beside what captions have: tags by how many pictures they disagree in, then pictures."""
    yield from run.notes
    for path, reason in list(run.faults.items())[:most]:
        yield f"not looked at: {printable(path.name, 60)}: {printable(reason, 80)}"
    without = sum(not (picture.agreed or picture.unseen or picture.unknown) for picture in pictures)
    yield f"{plural(len(pictures), 'picture')} looked at, {without:,} without tags of their own"
    if disagreements:
        yield f"{'tag':<{_TAG}} {'missing in':>11} {'not seen in':>12} {'both':>6}"
    for each in disagreements[:most]:
        yield f"{printable(each.tag, _TAG):<{_TAG}} {each.added:>11,} {each.unseen:>12,} {each.agreed:>6,}"
    if len(disagreements) > most:
        yield f"and {plural(len(disagreements) - most, 'more tag')}: --all shows them"


def tagged_json(tagger: "Tagger", run: "TaggedRun", pictures: "Sequence[PictureTags]") -> dict[str, Any]:
    """Return what a tagger says as plain JSON values."""
    return {
        "tagger": tagger.name,
        "input": list(tagger.input.reasons),
        "output": list(tagger.output.reasons),
        "notes": list(run.notes),
        "stopped": run.stopped,
        "faults": {str(path): reason for path, reason in run.faults.items()},
        "pictures": [
            {
                "name": picture.name,
                "proposed": [asdict(tag) for tag in picture.proposed],
                "added": [tag.tag for tag in picture.added],
                "agreed": list(picture.agreed),
                "unseen": [asdict(tag) for tag in picture.unseen],
                "unknown": list(picture.unknown),
            }
            for picture in pictures
        ],
    }
