"""Records of the index of pictures: what it knows of each, what is asked of it, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from trainer.dataset.records import Size, times_enlarged

PictureUse = Literal["training", "regularisation", "validation", "held out"]
"""What a picture is for: `held out` is one of the training pictures that is measured instead."""

RowFaultKey = Literal["unusable", "small", "blurred", "upscaled", "undecodable"]
"""What may be wrong with a picture; the words of each stand in ROW_FAULTS."""

SortKey = Literal["name", "size", "tokens", "sharpness", "repeats", "folder", "detail", "enlarged"]
"""What a list of pictures is sorted by; what is not known of a picture stands last."""

ROW_FAULTS: Mapping[RowFaultKey, str] = {
    "unusable": "the picture, its caption or its mask cannot be used",
    "undecodable": "the picture cannot be decoded",
    "small": "smaller than its bucket",
    "blurred": "hardly an edge in it",
    "upscaled": "less detail than its size has room for",
}
"""Key of a fault -> what it is, in words; the first two keep a bake from starting."""

SORTS: Mapping[SortKey, str] = {
    "name": "by folder and name, as the data are read",
    "folder": "folder",
    "size": "pixels",
    "tokens": "tokens of the caption",
    "sharpness": "variance of the Laplacian",
    "detail": "share of the spectrum in use",
    "repeats": "repeats",
    "enlarged": "how far it is enlarged to its bucket",
}
"""Key of an order -> what is compared."""


@dataclass(frozen=True)
class RowFault:
    """One thing that may be wrong with a picture.

    Attributes:
        key: which.
        text: with its figure, such as `320×480, enlarged 1.6× to its bucket`.
        stops: whether a bake is refused for it.
    """

    key: RowFaultKey
    text: str
    stops: bool = False


@dataclass(frozen=True)
class PixelFacts:
    """What the pixels of a picture say.

    Attributes:
        picture_hash: 64 bits, of which nearly equal pictures share nearly all; None where the picture is one flat area.
        sharpness: variance of the Laplacian of the picture at a fixed size, in squared levels of 255.
        detail: share of the spectrum's reach, along the axis that reaches further, that holds more than its noise: 1 where details
            are as fine as the pixels allow, 0.5 where it could be shrunk to half without losing any. None where it is too small to say.
    """

    picture_hash: int | None
    sharpness: float
    detail: float | None


@dataclass(frozen=True)
class IndexedPicture:
    """One picture of the data as the index knows it.

    Attributes:
        id: its number in the index; it stays as long as the picture stays where it is.
        path: its file.
        name: from the data's folder, as `exclude_pictures` and the manifest name it; of a validation picture its folder's and its own.
        folder: name of its folder, as in `DataSet.folders`.
        folder_path: where that is.
        use: what it is for.
        repeats: how often it comes in an epoch.
        width, height: pixels, as seen; 0 where it cannot be read.
        bytes: of its file.
        caption: its words, as read_data reads them; the folder's words where it has no caption file.
        caption_file: where the words come from, None where the folder's stand in.
        caption_place: the file that its caption is in, or would be written to.
        tags: of the caption, in order, each once; none of words that stand in for a caption.
        tokens: of the complete caption, prefix and suffix included; None where the base's tokenizer is not known.
        mask: the mask's file, "alpha" for its own transparency, None where everything counts.
        excluded: whether exclude_pictures leaves it out.
        bucket: (width, height) that it is trained or measured at, or would be; None where it is not readable.
        resized: the size that it is resized to.
        crop: (left, top) of the bucket in the resized picture.
        faults: what may be wrong with it.
        pixels: what its pixels say; None where they have not been looked at yet, or cannot be.
    """

    id: int
    path: Path
    name: str
    folder: str
    folder_path: Path
    use: PictureUse
    repeats: int
    width: int
    height: int
    bytes: int
    caption: str
    caption_file: Path | None
    caption_place: Path
    tags: tuple[str, ...]
    tokens: int | None
    mask: Path | Literal["alpha"] | None
    excluded: bool
    bucket: Size | None
    resized: Size | None
    crop: Size | None
    faults: tuple[RowFault, ...] = ()
    pixels: PixelFacts | None = None

    @property
    def enlarged(self) -> float:
        """How far it is enlarged to its bucket: 1 or less where it is large enough, 0 where that is not known."""
        if self.resized is None or not self.width:
            return 0.0
        return times_enlarged((self.width, self.height), self.resized)


@dataclass(frozen=True)
class PictureQuery:
    """Which pictures are asked for, and in which order; the default is all of them.

    Attributes:
        text: words of which each must stand in the caption or in the name, in any case.
        folder: name of the folder; None for all.
        use: what the pictures are for; None for all.
        with_tags, without_tags: tags that must stand in the caption, that must not.
        without_caption: only those without a caption file.
        fault: one of ROW_FAULTS, "any" for each of them; None for all pictures.
        excluded: only those that exclude_pictures leaves out, or only the others; None for both.
        near_duplicates: only those that are nearly the same as another one.
        sort: order.
        descending: whether the largest come first.
    """

    text: str = ""
    folder: str | None = None
    use: PictureUse | None = None
    with_tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    without_caption: bool = False
    fault: RowFaultKey | Literal["any"] | None = None
    excluded: bool | None = None
    near_duplicates: bool = False
    sort: SortKey = "name"
    descending: bool = False


# Of captions that are sentences there are hundreds of thousands.
@dataclass(frozen=True, slots=True)
class TagCount:
    """How many pictures carry a tag, and how many times an epoch shows it."""

    tag: str
    pictures: int
    shown: int


@dataclass(frozen=True)
class NearDuplicates:
    """Pictures that are nearly the same, each as another one of the group.

    Attributes:
        ids: the pictures, in the order of the data.
        furthest: bits in which two of them differ that are held to be the same, at most.
        folders: names of the folders that they lie in.
    """

    ids: tuple[int, ...]
    furthest: int
    folders: tuple[str, ...]


@dataclass(frozen=True)
class BucketBar:
    """One bucket of an epoch.

    Attributes:
        group: index in `DataSet.groups`; data sets of a file do not share batches.
        size: (width, height) in pixels.
        pictures: files in it that are shown.
        shown: pictures of an epoch, repeats counted.
        batch_size: pictures in a full batch.
        batches: of an epoch.
        last: pictures in the last batch, where it is smaller than the others; 0 where all are full.
        dropped: pictures left over at its end that are not shown, by the ways of the trainer that behave_like names.
        ids: its pictures, where the index is of these settings.
    """

    group: int
    size: Size
    pictures: int
    shown: int
    batch_size: int
    batches: int
    last: int
    dropped: int = 0
    ids: tuple[int, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class IndexRefresh:
    """What a refresh did.

    Attributes:
        pictures: in the index, those that are left out among them.
        added, changed, removed: since the refresh before.
        decoded: pictures whose pixels were looked at now.
        undecoded: pictures whose pixels have not been looked at: it was stopped, or they are too large.
        stopped: whether `stop` ended it; what was done until then is kept.
        elsewhere: whether another process is writing the index, so that nothing was done here.
    """

    pictures: int
    added: int = 0
    changed: int = 0
    removed: int = 0
    decoded: int = 0
    undecoded: int = 0
    stopped: bool = False
    elsewhere: bool = False
