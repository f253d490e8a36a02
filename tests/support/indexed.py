"""Pictures of an index by their names, and settings that it is made of."""

import os
import time
from pathlib import Path

from trainer.data_index.index import DataIndex
from trainer.data_index.record import IndexedPicture, PictureQuery
from trainer.settings.model import Settings

SMALL = {
    "resolution": "64",
    "min_bucket_reso": 32,
    "max_bucket_reso": 128,
    "bucket_reso_steps": 32,
    "train_batch_size": 2,
}


def settle(root: Path) -> None:
    """Make every file a minute old: of one that was written just now nobody knows whether it is finished."""
    past = time.time() - 60
    for path in root.rglob("*"):
        os.utime(path, (past, past))


def settings(root: Path, **values: object) -> Settings:
    """Return settings of the pictures in `train`, small enough to be read at once."""
    given = {"train_data_dir": str(root / "train"), **SMALL, **values}
    return Settings.model_validate(given)


def by_name(index: DataIndex, query: PictureQuery = PictureQuery()) -> dict[str, IndexedPicture]:  # noqa: B008
    """Return what a query finds, by the names of the pictures."""
    return {picture.name: picture for picture in index.pictures(index.ids(query))}


def faults(picture: IndexedPicture) -> list[str]:
    """Return the keys of what may be wrong with a picture."""
    return [fault.key for fault in picture.faults]
