"""Exposures: how often a bake shows each folder, each outfit and each tag."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from trainer import long_work
from trainer.dataset.batches import instances
from trainer.dataset.cut_captions import CutCaption, separated
from trainer.dataset.manifest import ListedPicture
from trainer.dataset.outfits import outfits_of
from trainer.dataset.records import DataSet, Folder, Picture

HEAD_COUNT = re.compile(r"\d*\+?(?:girl|boy|other|people|person|woman|man)s?|multiple (?:girls|boys)|solo")
"""Tags that say how many people there are, not who."""

COMMON_SHARE = 0.8
"""Repeated by this share of captions, a phrase is part of the subject rather than of the picture."""

FEW_CAPTIONS = 4
"""Of fewer captions nothing is said: what they share is chance."""

_SENTENCE_END = re.compile(r"[.;]\s+")


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


@dataclass(frozen=True)
class OutfitExposure:
    """One outfit of the subject over a complete bake.

    Attributes:
        name: the outfit's, "" for the pictures that show none of them.
        words: as a prompt has them.
        pictures: how many show it; one may show several.
        times_shown: of all of them together, in all epochs.
    """

    name: str
    words: str
    pictures: int
    times_shown: int


@dataclass(frozen=True)
class EpochExposure:
    """What one epoch shows of something; every epoch shows the same pictures as often.

    Attributes:
        kind: what it is.
        name: of the folder, the outfit ("" for the pictures that show none) or the tag.
        pictures: how many there are.
        in_epoch: how often an epoch shows them.
    """

    kind: Literal["folder", "outfit", "tag"]
    name: str
    pictures: int
    in_epoch: int

    def after(self, epoch: int) -> int:
        """Return how often it was shown once so many epochs are complete."""
        return self.in_epoch * epoch


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


def outfit_exposures(data: DataSet, outfits: Mapping[str, str], epochs: int) -> list[OutfitExposure]:
    """Return how often each outfit is shown (pictures × repeats × epochs), in the subject's order; the pictures without one stand last.

    Which outfits a picture shows is decided as everywhere (`outfits.outfits_of`). Regularisation pictures do not count.

    Args:
        data: the pictures.
        outfits: the subject's, name -> words.
        epochs: of the bake.
    """
    if not outfits:
        return []
    pictures: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for index, times in Counter(instances(data)).items():
        picture = data.pictures[index]
        if picture.is_reg:
            continue
        for name in outfits_of(picture, outfits) or ("",):
            pictures[name] += 1
            shown[name] += times * epochs
    found = [OutfitExposure(name, words, pictures[name], shown[name]) for name, words in outfits.items()]
    rest = [OutfitExposure("", "", pictures[""], shown[""])] if pictures[""] else []
    return found + rest


def epoch_exposures(data: DataSet, outfits: Mapping[str, str], tags: int = 0) -> tuple[EpochExposure, ...]:
    """Return how often an epoch shows each folder, each outfit, and the tags that it shows most.

    Args:
        data: the pictures; regularisation pictures count for their folders alone.
        outfits: the subject's, name -> words.
        tags: at most so many of them, those that are read the most.
    """
    folders = (
        EpochExposure("folder", each.name, each.pictures, each.times_shown) for each in folder_exposures(data, 1)
    )
    worn = (
        EpochExposure("outfit", each.name, each.pictures, each.times_shown)
        for each in outfit_exposures(data, outfits, 1)
    )
    read = tag_exposures(data, 1)[:tags] if tags else []
    return (*folders, *worn, *(EpochExposure("tag", each.tag, each.pictures, each.times_shown) for each in read))


def listed_exposures(
    pictures: Iterable[ListedPicture], outfits: Mapping[str, str], tags: int = 0
) -> tuple[EpochExposure, ...]:
    """Return what `epoch_exposures` does of a bake that ran, from the list of its pictures; without regularisation pictures.

    Args:
        pictures: that were trained on.
        outfits, tags: as for epoch_exposures.
    """
    shown = [_of_list(each) for each in pictures if not each.is_reg]
    counts: dict[str, tuple[int, int]] = {}
    for picture in shown:
        count, repeats = counts.get(picture.folder, (0, 0))
        counts[picture.folder] = (count + 1, max(repeats, picture.repeats))
    folders = tuple(Folder(name, repeats, count, count) for name, (count, repeats) in counts.items())
    return epoch_exposures(DataSet(Path(), folders, tuple(shown), ()), outfits, tags)


def _of_list(listed: ListedPicture) -> Picture:
    path = PurePosixPath(listed.path)
    file = Path(listed.path)
    return Picture(
        file, path.parent.name, listed.repeats, listed.width, listed.height, listed.caption, file.with_suffix(".txt")
    )


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
    for index, times in long_work.each("counting tags", Counter(instances(data)).items()):
        picture = data.pictures[index]
        if picture.is_reg:
            continue
        for tag in tags_of_picture(picture):
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
    return common_phrases([tags_of_picture(picture) for picture in captioned], trigger)


def common_phrases(captions: Sequence[Collection[str]], trigger: str) -> list[tuple[str, int]]:
    """Return what `common_tags` does of captions that are given as their tags, in the order of the first caption's."""
    if len(captions) < FEW_CAPTIONS:
        return []
    own = _folded(trigger)
    counts = Counter(phrase for tags in captions for phrase in sorted(phrases_of(tags)))
    common = [tag for tag, count in counts.items() if count >= COMMON_SHARE * len(captions)]
    text = ", ".join(captions[0])
    places = {tag: text.find(tag) for tag in common}
    return sorted(
        (
            (tag, counts[tag])
            for tag in common
            if not (own and own in _folded(tag)) and not HEAD_COUNT.fullmatch(tag.lower())
        ),
        key=lambda each: (places[each[0]], each[0]),
    )


def phrases_of(tags: Collection[str]) -> set[str]:
    """Return the tags of a caption; those of several sentences are parted once more."""
    found = set(tags)
    # Of the millions of tags that there may be hardly any is a sentence.
    for tag in [tag for tag in found if "." in tag or ";" in tag]:
        found.remove(tag)
        found |= {part.strip(" .;") for part in _SENTENCE_END.split(tag)}
    return found - {""}


def tags_of_picture(picture: Picture) -> tuple[str, ...]:
    """Return what stands between the commas of a picture's caption once prefix, suffix and separators are in place, each once, in order."""
    words = picture.caption_rules
    lines = picture.caption.split("\n") if words.wildcards else [picture.caption]
    texts = (f"{words.prefix} {line} {words.suffix}" for line in lines)
    return tuple(dict.fromkeys(tag for text in texts for tag, _ in separated(text, words) if tag))


def _folded(tag: str) -> str:
    return tag.casefold().replace("_", " ")
