"""Records of a data set: pictures in folders, their captions and rules, the groups they are trained in."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from trainer.errors import DatasetError
from trainer.finding import Finding
from trainer.profiles.record import LastBatch, Regularisation
from trainer.profiles.tally import Tally
from trainer.settings.amounts import steps_of
from trainer.settings.model import Settings

Size = tuple[int, int]
"""(width, height) in pixels."""


def times_enlarged(size: Size, resized: Size) -> float:
    """Return by how much a picture of one size becomes larger at another, on the side that grows more; below 1 it becomes smaller."""
    return max(resized[0] / size[0], resized[1] / size[1])


@dataclass(frozen=True)
class BucketRules:
    """The settings that decide the buckets.

    Attributes:
        size: resolution (width, height); buckets keep its area.
        enable: off: every picture is cropped to `size`.
        low, high: bounds of a bucket's sides.
        step: sides are multiples of this.
        no_upscale: small pictures keep their size; buckets are made as needed and `low` and `high` do not count.
        bucket_of: another trainer's way from a picture's size to its bucket; None for sd-scripts' buckets.
    """

    size: Size
    enable: bool
    low: int
    high: int
    step: int
    no_upscale: bool
    bucket_of: Callable[[Size], Size] | None = None


@dataclass(frozen=True)
class CaptionRules:
    """Rules for a caption each time it is shown; the defaults leave it unchanged.

    Attributes:
        prefix, suffix: words put in front and behind.
        dropout_rate: share of times that it is left out.
        dropout_every_n_epochs: every n-th epoch has no words; 0 for none.
        wildcards: `{a|b}` means one of them, and of several lines one is taken.
        shuffle: whether tags change places.
        keep_tokens: how many tags in front stay where they are.
        keep_separator: what parts the tags that stay from the others; "" where keep_tokens counts.
        tag_dropout_rate: share of tags left out, of those that are not kept.
        warmup_min: tags that captions have at the start of a warm-up.
        warmup_step: over what they grow to full length: steps (`100`) or a share of the bake (`10%`); `0` for at once.
        secondary_separator: what holds tags together until the end, when it becomes a comma; "" for none.
    """

    prefix: str = ""
    suffix: str = ""
    dropout_rate: float = 0.0
    dropout_every_n_epochs: int = 0
    wildcards: bool = False
    shuffle: bool = False
    keep_tokens: int = 0
    keep_separator: str = ""
    tag_dropout_rate: float = 0.0
    warmup_min: int = 1
    warmup_step: str = "0"
    secondary_separator: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules in `settings`."""
        # `0%` means no warm-up either.
        warms_up = steps_of(settings.token_warmup_step, 1_000_000_000) > 0
        return cls(
            prefix=settings.caption_prefix,
            suffix=settings.caption_suffix,
            dropout_rate=settings.caption_dropout_rate,
            dropout_every_n_epochs=settings.caption_dropout_every_n_epochs,
            wildcards=settings.enable_wildcard,
            shuffle=settings.shuffle_caption,
            keep_tokens=settings.keep_tokens,
            keep_separator=settings.keep_tokens_separator,
            tag_dropout_rate=settings.caption_tag_dropout_rate,
            warmup_min=settings.token_warmup_min,
            warmup_step=settings.token_warmup_step if warms_up else "0",
            secondary_separator=settings.secondary_separator,
        )


@dataclass(frozen=True)
class Group:
    """Pictures that may share a batch: how they are put into buckets, and how many go into one pass.

    Attributes:
        rules: of the buckets.
        batch_size: pictures in a pass; where several processes train together, those of all of them.
        of_distinct: whether a bucket with fewer pictures than that has smaller batches, however often they are repeated.
        last_batch: what becomes of the pictures left over at a bucket's end.
        regularisation: how many of the regularisation pictures are shown.
    """

    rules: BucketRules
    batch_size: int
    of_distinct: bool = False
    last_batch: LastBatch = "smaller"
    regularisation: Regularisation = "filled up"


@dataclass(frozen=True)
class Picture:
    """One picture of the data.

    Attributes:
        path: its file.
        folder: name of the folder it lies in, as in `DataSet.folders`.
        repeats: how often it comes in an epoch; of a regularisation picture see `batches.instances`.
        width, height: pixels, as seen.
        caption: its words, untouched (several lines where wildcards are on); the folder's words where it has no caption file.
        caption_file: where the words come from, None where the folder's stand in.
        is_reg: whether it is a regularisation picture and counts by prior_loss_weight.
        group: index in `DataSet.groups`.
        caption_rules: of its caption.
        mask: the mask's file, "alpha" for its own transparency, None where everything counts.
    """

    path: Path
    folder: str
    repeats: int
    width: int
    height: int
    caption: str
    caption_file: Path | None
    is_reg: bool = False
    group: int = 0
    caption_rules: CaptionRules = CaptionRules()
    mask: Path | Literal["alpha"] | None = None


@dataclass(frozen=True)
class Folder:
    """One folder of the data: its name, repeats, pictures and how many of them have a caption file.

    `is_reg` says whether its pictures are regularisation pictures. No two folders have the same name.
    """

    name: str
    repeats: int
    pictures: int
    captioned: int
    is_reg: bool = False


@dataclass(frozen=True)
class Fault:
    """A file that cannot be used.

    Attributes:
        check: key of the check that reports it.
        error: that a bake is refused with.
        picture: the picture that cannot be used, for itself, its caption or its mask.
        folder: name of its folder.
        repeats: of the folder's pictures.
        is_reg: whether it is one of regularisation.
    """

    check: str
    error: DatasetError
    picture: Path = Path()
    folder: str = ""
    repeats: int = 0
    is_reg: bool = False

    @property
    def finding(self) -> Finding:
        """The error as a finding."""
        error = self.error
        name = Path(error.where).name
        if self.check.startswith("picture"):
            # That a picture should be intact goes without saying, and the check knows more of the way out.
            return Finding(self.check, error.where, f"{name}: {error.found}")
        expected = f"; expected {error.expected}" if error.expected else ""
        return Finding(self.check, error.where, f"{name}: {error.found}{expected}", error.way_out)


@dataclass(frozen=True)
class DataSet:
    """All pictures, sorted by folder and name.

    Attributes:
        root: the folder that was named; with regularisation or a data set file, pictures may lie elsewhere too.
        folders: those with pictures in them.
        pictures: in a fixed order; everything else names them by their index here.
        notes: what was left out, stands in or is called otherwise than it is.
        groups: how pictures are put together; empty where only a folder was looked at (`scan`).
        config: sha256 of the data set file, "" without one.
        faults: files that cannot be used, and so are not among the pictures; a bake is refused while there are any.
        by_script: what the script of the trainer counts that the bake behaves like; None where it behaves like ours.
        held_out: training pictures that are kept out of `pictures`, as they would be trained.
        excluded: pictures that exclude_pictures leaves out, as they would be trained; one that cannot be read has sides of 0 pixels.
    """

    root: Path
    folders: tuple[Folder, ...]
    pictures: tuple[Picture, ...]
    notes: tuple[Finding, ...]
    groups: tuple[Group, ...] = ()
    config: str = ""
    faults: tuple[Fault, ...] = ()
    by_script: Tally | None = None
    held_out: tuple[Picture, ...] = ()
    excluded: tuple[Picture, ...] = ()

    def __hash__(self) -> int:
        """Tell data sets apart well enough for caches: every word of a hundred thousand captions would take seconds."""
        return hash((self.root, self.folders, len(self.pictures), self.pictures[:1], self.config))

    def name_of(self, picture: Picture) -> str:
        """Return a picture's path from the root; of one that lies elsewhere, its folder and name."""
        return name_from(self.root, picture.path, picture.folder)


def name_from(root: Path, path: Path, folder: str) -> str:
    """Return a picture's path from `root`; of one that lies elsewhere, its folder's name and its own.

    Args:
        root: of the data.
        path: the picture's.
        folder: name of its folder.
    """
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else f"{folder}/{path.name}"
