"""What stands out in a data set: pictures that may be no good, tags that are learned as one thing, captions that could be mended."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.picture_filter import term_of
from lora_tui.wording.state_symbols import FAILED, WAITING, WARNING, Sign
from trainer.text import plural

if TYPE_CHECKING:
    from lora_tui.workers.dataset_source import DatasetSource
    from trainer.captions.record import TagEdit
    from trainer.data_index.index import DataIndex
    from trainer.data_index.pairs import TagPair
    from trainer.data_index.record import IndexedPicture
    from trainer.data_index.remarks import CaptionRemark, RemarkKey
    from trainer.data_index.subject_tags import SubjectTags
    from trainer.data_index.tagged import TaggedPicture

# What is read of the index at once.
_AT_ONCE = 5000
# Remarks of one kind: tags of a single caption may be thousands.
_OF_A_KIND = 200


@dataclass(frozen=True)
class DataFinding:
    """One thing that stands out.

    Attributes:
        sign: how much it matters.
        title: the finding in a line.
        lines: what else there is to say, and the way out.
        filter: lists the pictures that it is about, "" where there are none to be listed.
        edits: mend it, one after the other; none where no edit of captions does.
        ids: the pictures whose captions these change.
    """

    sign: Sign
    title: str
    lines: tuple[str, ...] = ()
    filter: str = ""
    edits: "tuple[TagEdit, ...]" = ()
    ids: tuple[int, ...] = ()


@dataclass
class FindingsFound(Message):
    """What stands out."""

    findings: Sequence[DataFinding]


def find_findings(index: "DataIndex", source: "DatasetSource") -> FindingsFound:
    """Return everything that stands out, pictures first; a few seconds with 100,000 captions."""
    from trainer.data_index.tagged import tagged_indexed

    trained, subject = _trained(index), _subject(source)
    tagged = tagged_indexed(trained)
    ids = {picture.path: picture.id for picture in trained}
    found = [*_of_pictures(index), *_of_pairs(tagged, subject), *_of_captions(tagged, subject, ids)]
    return FindingsFound(tuple(found))


def _subject(source: "DatasetSource") -> "SubjectTags | None":
    from trainer.data_index.subject_tags import subject_tags

    subject = source.subject()
    return None if subject is None else subject_tags(subject)


def _of_pictures(index: "DataIndex") -> Iterator[DataFinding]:
    from trainer.data_index.record import ROW_FAULTS, PictureQuery

    for key, words in ROW_FAULTS.items():
        if number := index.count(PictureQuery(fault=key)):
            sign = FAILED if key in ("unusable", "undecodable") else WARNING
            yield DataFinding(sign, f"{plural(number, 'picture')}: {words}", filter=term_of("fault", key))
    if number := index.count(PictureQuery(near_duplicates=True)):
        words = f"{plural(number, 'picture')} nearly the same as another"
        yield DataFinding(
            WARNING, words, ("<key dataset.pairs> shows them beside each other",), term_of("is", "duplicate")
        )
    if number := index.count(PictureQuery(without_caption=True, use="training", excluded=False)):
        words = f"{plural(number, 'picture')} without a caption file"
        lines = ("the words of the folder's name stand in for one",)
        yield DataFinding(WARNING, words, lines, f"{term_of('no', 'caption')} {term_of('use', 'training')}")


def _of_pairs(pictures: "Sequence[TaggedPicture]", subject: "SubjectTags | None") -> Iterator[DataFinding]:
    from trainer.data_index.pairs import pairs_of

    for pair in pairs_of(pictures, subject):
        lines = tuple(line for line in (pair.parting, pair.missing, pair.way_out) if line)
        yield DataFinding(WARNING, pair.text, lines, _parting_filter(pair))


def _parting_filter(pair: "TagPair") -> str:
    """Return the filter that lists the pictures which part two tags; where there are none, those with both."""
    if pair.apart:
        return f"{term_of('tag', pair.tag)} {term_of('tag', pair.along, no=True)}"
    if pair.alone:
        return f"{term_of('tag', pair.along)} {term_of('tag', pair.tag, no=True)}"
    return f"{term_of('tag', pair.tag)} {term_of('tag', pair.along)}"


def _of_captions(
    pictures: "Sequence[TaggedPicture]", subject: "SubjectTags | None", ids: Mapping[Path, int]
) -> Iterator[DataFinding]:
    from trainer.data_index.remarks import REMARK_KINDS, remarks_of

    titles = {kind.key: kind.title for kind in REMARK_KINDS}
    shown: Counter[RemarkKey] = Counter()
    for remark in remarks_of(pictures, subject):
        shown[remark.key] += 1
        if shown[remark.key] > _OF_A_KIND:
            continue
        about = tuple(ids[path] for path in remark.pictures if path in ids)
        yield DataFinding(WARNING, remark.text, (remark.way_out,), _filter_of(remark), remark.edits, about)
    for key, number in shown.items():
        if number > _OF_A_KIND:
            more = plural(number - _OF_A_KIND, "more remark")
            yield DataFinding(WAITING, f"{more}: {titles[key]}", ("`lora-tui captions remarks` lists them all",))


def _filter_of(remark: "CaptionRemark") -> str:
    if remark.key == "trigger":
        return term_of("tag", remark.about, no=True)
    return "" if remark.key == "unsaid" else term_of("tag", remark.about)


def _trained(index: "DataIndex") -> "list[IndexedPicture]":
    from trainer.data_index.record import PictureQuery

    ids = index.ids(PictureQuery(use="training", excluded=False))
    starts = range(0, len(ids), _AT_ONCE)
    return [picture for start in starts for picture in index.pictures(ids[start : start + _AT_ONCE])]
