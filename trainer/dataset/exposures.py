"""Exposures: how often a bake shows each folder and each tag."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.dataset.batches import instances
from trainer.dataset.cut_captions import CutCaption, separated
from trainer.dataset.records import DataSet, Picture

HEAD_COUNT = re.compile(r"\d*\+?(?:girl|boy|other|people|person|woman|man)s?|multiple (?:girls|boys)|solo")
"""Tags that say how many people there are, not who."""

_SENTENCE_END = re.compile(r"[.;]\s+")
# Repeated by this share of captions, a phrase is part of the subject rather than of the picture; of a few all is chance.
_SHARE, _FEW = 0.8, 4


@dataclass(frozen=True)
class FolderExposure:
    """One folder over a complete bake.

    Attributes:
        name: the folder's.
        is_reg: whether its pictures are regularisation pictures.
        pictures: how many there are.
        captioned: how many of them have a caption file.
        repeats: of each in an epoch; regularisation pictures may come more or less often.
        times_shown: of all of them together, in all epochs.
    """

    name: str
    is_reg: bool
    pictures: int
    captioned: int
    repeats: int
    times_shown: int


@dataclass(frozen=True)
class TagExposure:
    """One tag over a complete bake.

    Attributes:
        tag: as captions have it.
        pictures: how many carry it.
        times_shown: how often it is read in all epochs.
        times_cut: how often its picture is shown and the tag is not read, because the caption has too many tokens.
    """

    tag: str
    pictures: int
    times_shown: int
    times_cut: int = 0


def folder_exposures(data: DataSet, epochs: int) -> list[FolderExposure]:
    """Return how often each folder is shown (pictures × repeats × epochs), in the data's order."""
    shown: Counter[str] = Counter()
    for index, times in Counter(instances(data)).items():
        shown[data.pictures[index].folder] += times * epochs
    return [
        FolderExposure(
            folder.name, folder.is_reg, folder.pictures, folder.captioned, folder.repeats, shown[folder.name]
        )
        for folder in data.folders
    ]


def tag_exposures(data: DataSet, epochs: int, cut: Sequence[CutCaption] = ()) -> list[TagExposure]:
    """Return how often each tag is shown and read (pictures × repeats × epochs), the most frequent first.

    Tags are what stands between commas once prefix, suffix and separators are in place, counted once a picture. What chance
    leaves out at random still counts; regularisation pictures, which teach no tag, do not.

    Args:
        data: the pictures.
        epochs: of the bake.
        cut: the captions of which not everything is read.
    """
    lost = {each.picture: each.read for each in cut}
    pictures: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    read: Counter[str] = Counter()
    for index, times in Counter(instances(data)).items():
        picture = data.pictures[index]
        if picture.is_reg:
            continue
        for tag in _tags(picture):
            pictures[tag] += 1
            shown[tag] += times * epochs
            read[tag] += round(times * epochs * lost.get(index, {}).get(tag, 1))
    exposures = [TagExposure(tag, pictures[tag], read[tag], times - read[tag]) for tag, times in shown.items()]
    return sorted(exposures, key=lambda exposure: (-exposure.times_shown, -exposure.pictures, exposure.tag))


def common_tags(data: DataSet, trigger: str) -> list[tuple[str, int]]:
    """Return the tags, or sentences, that nearly every caption repeats, with the number of captions, in the captions' order.

    The look that such a tag names is learned by the tag's words, so that the trigger alone does not bring it. The trigger
    itself is left out, and so are tags that say how many people there are. Under four captions nothing is said.

    Args:
        data: the pictures; those of regularisation, and those without a caption file, do not count.
        trigger: the subject's.
    """
    captioned = [picture for picture in data.pictures if picture.caption_file and not picture.is_reg]
    if len(captioned) < _FEW:
        return []
    own = _folded(trigger)
    counts = Counter(phrase for picture in captioned for phrase in sorted(_phrases(picture)))
    common = [tag for tag, count in counts.items() if count >= _SHARE * len(captioned)]
    text = captioned[0].caption
    return sorted(
        (
            (tag, counts[tag])
            for tag in common
            if not (own and own in _folded(tag)) and not HEAD_COUNT.fullmatch(tag.lower())
        ),
        key=lambda each: (text.find(each[0]), each[0]),
    )


def _phrases(picture: Picture) -> set[str]:
    """Return a picture's tags; those of several sentences are parted once more."""
    parts = {part.strip(" .;") for tag in _tags(picture) for part in _SENTENCE_END.split(tag)}
    return parts - {""}


def _folded(tag: str) -> str:
    return tag.casefold().replace("_", " ")


def _tags(picture: Picture) -> set[str]:
    words = picture.caption_rules
    lines = picture.caption.split("\n") if words.wildcards else [picture.caption]
    texts = (f"{words.prefix} {line} {words.suffix}" for line in lines)
    return {tag for text in texts for tag, _ in separated(text, words) if tag}
