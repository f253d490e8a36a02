"""A data set in a few numbers: folders, buckets, and how many pictures have what may be wrong with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer.data_index.index import DataIndex
from trainer.data_index.record import BucketBar, PictureQuery, PictureUse, RowFaultKey
from trainer.settings.model import Settings


@dataclass(frozen=True)
class FolderSummary:
    """One folder.

    Attributes:
        name: as in `DataSet.folders`.
        path: where it is.
        use: what its pictures are for.
        repeats: of each picture.
        pictures: that are trained, held out or measured.
        shown: pictures of an epoch, repeats counted.
        without_caption: pictures without a caption file.
        held_out, excluded: pictures that are held out, and that exclude_pictures leaves out.
    """

    name: str
    path: Path
    use: PictureUse
    repeats: int
    pictures: int
    shown: int
    without_caption: int
    held_out: int
    excluded: int


@dataclass(frozen=True)
class DatasetSummary:
    """A data set in a few numbers.

    Attributes:
        folders: in the order of the data.
        buckets: of an epoch.
        faults: key -> pictures that have it; those that are left out do not count.
        duplicates: pictures nearly the same as another one, and groups of these.
        looked_at: pictures whose pixels were looked at.
    """

    folders: tuple[FolderSummary, ...]
    buckets: tuple[BucketBar, ...]
    faults: Mapping[RowFaultKey, int]
    duplicates: tuple[int, int]
    looked_at: int

    @property
    def pictures(self) -> int:
        """All pictures but those that are left out."""
        return sum(folder.pictures for folder in self.folders)

    @property
    def shown(self) -> int:
        """Pictures of an epoch, repeats counted."""
        return sum(folder.shown for folder in self.folders)


def summary_of(index: DataIndex, settings: Settings) -> DatasetSummary:
    """Return the numbers of the data set that an index shows.

    Args:
        index: brought up to date for these settings.
        settings: with every path filled in.

    Raises:
        DatasetError, SettingsError: as DataIndex.buckets.
    """
    groups = index.near_duplicates()
    return DatasetSummary(
        tuple(_folder(index, *place) for place in index.folder_places() if index.count(PictureQuery(folder=place[0]))),
        tuple(index.buckets(settings)),
        index.fault_counts(),
        (sum(len(group.ids) for group in groups), len(groups)),
        index.looked_at(),
    )


def _folder(index: DataIndex, name: str, path: Path, repeats: int) -> FolderSummary:
    def count(**asked: object) -> int:
        return index.count(PictureQuery(folder=name, **asked))  # type: ignore[arg-type]

    uses: tuple[PictureUse, ...] = ("regularisation", "validation")
    return FolderSummary(
        name,
        path,
        next((use for use in uses if count(use=use)), "training"),
        repeats,
        count(excluded=False),
        index.shown(PictureQuery(folder=name)),
        count(without_caption=True, excluded=False),
        count(use="held out"),
        count(excluded=True),
    )
