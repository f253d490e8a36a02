"""Remarks on captions: what a look at all of them shows, each with the edit that would fix it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer.captions.record import TagEdit
from trainer.data_index.spellings import MAX_WORDS, SpellingKind, nearly_alike, spelling_kind, words_of
from trainer.data_index.subject_tags import SubjectTags
from trainer.data_index.tagged import TaggedPicture
from trainer.dataset.exposures import FEW_CAPTIONS, common_phrases, phrases_of
from trainer.dataset.trigger import compared, has_trigger
from trainer.text import plural, printable

RemarkKey = Literal["trigger", "common", "unsaid", "spelling", "once"]
"""What a remark is about; REMARK_KINDS says it in words."""

# As many as one reads.
_NAMED = 3
_DIFFERS: Mapping[SpellingKind, str] = {
    "case": "in small and capital letters",
    "underscores": "in underscores, hyphens or backslashes",
    "plural": "in singular and plural",
    "a letter": "in a letter",
}


@dataclass(frozen=True)
class RemarkKind:
    """One kind of remark.

    Attributes:
        key: its name on the command line.
        title: what is found, in a few words.
        check: the check before a bake that finds the same, "" where none does.
    """

    key: RemarkKey
    title: str
    check: str = ""


REMARK_KINDS: tuple[RemarkKind, ...] = (
    RemarkKind("trigger", "captions without the trigger", "trigger-missing"),
    RemarkKind("common", "what nearly every caption repeats"),
    RemarkKind("unsaid", "what the subject names and no caption has"),
    RemarkKind("spelling", "tags nearly like a commoner one", "tag-alike"),
    RemarkKind("once", "tags of a single caption", "tag-once"),
)
"""All kinds, in the order in which they are shown."""


@dataclass(frozen=True)
class CaptionRemark:
    """One thing that a look at all captions shows.

    Attributes:
        key: its kind.
        about: the tag, phrase or word.
        text: what was found; a sentence that can be read by itself.
        way_out: what the user can do about it.
        edits: operations that would fix it, one after the other; none where only the user can know.
        pictures: those whose captions these would change.
    """

    key: RemarkKey
    about: str
    text: str
    way_out: str
    edits: tuple[TagEdit, ...] = ()
    pictures: tuple[Path, ...] = ()


def remarks_of(pictures: Sequence[TaggedPicture], subject: SubjectTags | None = None) -> tuple[CaptionRemark, ...]:
    """Return the remarks on captions, by kind in the order of REMARK_KINDS; of one kind the most telling first.

    Words of a folder that stand in for a caption are looked at for the trigger alone. Under four captions nothing is said of tags.

    Args:
        pictures: those that are trained on.
        subject: what its file names; None where there is none.
    """
    names = subject or SubjectTags()
    captioned = [picture for picture in pictures if picture.captioned]
    remarks = [*_trigger(pictures, names), *_common(captioned, names), *_unsaid(captioned, names)]
    if len(captioned) >= FEW_CAPTIONS:
        remarks += _spellings_and_once(captioned)
    return tuple(remarks)


def _trigger(pictures: Sequence[TaggedPicture], subject: SubjectTags) -> Iterator[CaptionRemark]:
    if not compared(subject.trigger) or not pictures:
        return
    without = [picture for picture in pictures if not has_trigger(picture.text, subject.trigger)]
    if not without:
        return
    name = _quoted(subject.trigger)
    of_all = len(pictures)
    text = (
        f"no caption has the trigger {name}"
        if len(without) == of_all
        else f"{len(without):,} of {plural(of_all, 'caption')} {'lacks' if len(without) == 1 else 'lack'} the trigger {name}"
        f" ({_some([picture.name for picture in without])})"
    )
    yield CaptionRemark(
        "trigger",
        subject.trigger,
        text,
        "add it at the front of these captions, or to all by caption_prefix",
        (TagEdit("add", tags=(subject.trigger,), place="front"),),
        _paths(without),
    )


def _common(pictures: Sequence[TaggedPicture], subject: SubjectTags) -> Iterator[CaptionRemark]:
    phrases = common_phrases([picture.tags for picture in pictures], subject.trigger)
    for phrase, count in sorted(phrases, key=lambda each: -each[1]):
        with_tag = [picture for picture in pictures if phrase in picture.tags]
        having = with_tag if len(with_tag) == count else [each for each in pictures if phrase in phrases_of(each.tags)]
        of_tags = len(having) == len(with_tag)
        yield CaptionRemark(
            "common",
            phrase,
            f"{_quoted(phrase)} in {count:,} of {plural(len(pictures), 'caption')}: the trigger learns nothing of it",
            "remove it from the captions if it belongs to the subject; keep it if it should be left out at will",
            (TagEdit("remove", tags=(phrase,)),) if of_tags else (),
            _paths(having),
        )


def _unsaid(pictures: Sequence[TaggedPicture], subject: SubjectTags) -> Iterator[CaptionRemark]:
    if not pictures:
        return
    tags = {compared(tag) for picture in pictures for tag in picture.tags}
    for name, outfit in subject.outfits.items():
        missing = tuple(tag for tag in outfit if compared(tag) not in tags)
        if not missing:
            continue
        showing = [picture for picture in pictures if picture.folder == name]
        listed = ", ".join(map(_quoted, missing))
        yield CaptionRemark(
            "unsaid",
            missing[0],
            f"no caption has {listed}, which the outfit {_quoted(name)} names",
            f"add it to the captions of the folder {printable(name, 60)}"
            if showing
            else "add it to the captions of the pictures that show the outfit, or write the outfit as the captions do",
            (TagEdit("add", tags=missing, place="back"),) if showing else (),
            _paths(showing),
        )
    texts = [compared(picture.text) for picture in pictures]
    for item in subject.checklist:
        plain = compared(item)
        if plain and not _names_a_tag(plain, tags) and not any(plain in text for text in texts):
            yield CaptionRemark(
                "unsaid",
                item,
                f"no caption has a word for {_quoted(item)} of the checklist",
                "what no caption names is learned with the trigger, or not at all: name it where it should be left out at will",
            )


def _names_a_tag(item: str, tags: set[str]) -> bool:
    """Return whether words of an item are a tag of the captions: `halo above the head` names `halo`."""
    words = item.split()
    return any(
        " ".join(words[start:end]) in tags for start in range(len(words)) for end in range(start + 1, len(words) + 1)
    )


def _spellings_and_once(pictures: Sequence[TaggedPicture]) -> Iterator[CaptionRemark]:
    counts = Counter(tag for picture in pictures for tag in picture.tags if len(words_of(tag)) <= MAX_WORDS)
    alike = nearly_alike(counts)
    rare = {tag for tag, count in counts.items() if count == 1} | alike.keys()
    having: dict[str, list[TaggedPicture]] = {}
    for picture in pictures:
        for tag in picture.tags:
            if tag in rare:
                having.setdefault(tag, []).append(picture)
    for tag, other in sorted(alike.items(), key=lambda each: (-counts[each[1]], each[0])):
        yield CaptionRemark(
            "spelling",
            tag,
            f"{_quoted(tag)} ({counts[tag]:,}) differs from {_quoted(other)} ({counts[other]:,})"
            f" {_DIFFERS[spelling_kind(tag, other)]}",
            f"rename it to {_quoted(other)}",
            (TagEdit("rename", tags=(tag,), new=other),),
            _paths(having[tag]),
        )
    for tag in sorted(tag for tag, count in counts.items() if count == 1 and tag not in alike):
        yield CaptionRemark(
            "once",
            tag,
            f"{_quoted(tag)} in a single caption ({printable(having[tag][0].name, 60)})",
            "remove it where it is misspelt; a tag seen once is hardly learned",
            (TagEdit("remove", tags=(tag,)),),
            _paths(having[tag]),
        )


def _paths(pictures: Sequence[TaggedPicture]) -> tuple[Path, ...]:
    return tuple(picture.path for picture in pictures if picture.captioned and picture.path is not None)


def _quoted(text: str) -> str:
    return f"`{printable(text, 40)}`"


def _some(names: Sequence[str]) -> str:
    more = f", {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(printable(name, 40) for name in names[:_NAMED]) + more
