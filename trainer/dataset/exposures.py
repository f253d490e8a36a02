"""Exposures: how often a bake shows each folder and each tag."""

from collections import Counter
from dataclasses import dataclass

from trainer.dataset.batches import instances
from trainer.dataset.records import DataSet, Picture


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
    """One tag over a complete bake: how many pictures carry it, and how often these are shown in all epochs."""

    tag: str
    pictures: int
    times_shown: int


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


def tag_exposures(data: DataSet, epochs: int) -> list[TagExposure]:
    """Return how often each tag is shown (pictures × repeats × epochs), the most frequent first.

    Tags are what stands between commas once prefix, suffix and separators are in place, counted once a picture. What chance
    leaves out at random still counts; regularisation pictures, which teach no tag, do not.
    """
    pictures: Counter[str] = Counter()
    shown: Counter[str] = Counter()
    for index, times in Counter(instances(data)).items():
        picture = data.pictures[index]
        if picture.is_reg:
            continue
        for tag in _tags(picture):
            pictures[tag] += 1
            shown[tag] += times * epochs
    exposures = [TagExposure(tag, pictures[tag], times) for tag, times in shown.items()]
    return sorted(exposures, key=lambda exposure: (-exposure.times_shown, -exposure.pictures, exposure.tag))


def _tags(picture: Picture) -> set[str]:
    words = picture.caption_rules
    lines = picture.caption.split("\n") if words.wildcards else [picture.caption]
    tags: set[str] = set()
    for line in lines:
        text = f"{words.prefix} {line} {words.suffix}"
        for separator in (words.keep_separator, words.secondary_separator):
            text = text.replace(separator, ",") if separator else text
        tags |= {tag for tag in (part.strip() for part in text.split(",")) if tag}
    return tags
