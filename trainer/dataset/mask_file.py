"""Mask files: one per picture, of the same name and shape."""

from collections.abc import Mapping
from pathlib import Path

from trainer.dataset.picture_file import UnreadablePicture, is_picture_name, picture_size
from trainer.dataset.sources import entries_of
from trainer.errors import DatasetError
from trainer.text import printable


def masks_in(folder: Path, name: str) -> dict[str, Path]:
    """Return the masks in `folder` by the name of their picture without its ending.

    Args:
        folder: where they lie; a folder called `name` in it holds those of that folder alone.
        name: of the folder with the pictures.

    Raises:
        DatasetError: the folder is missing or cannot be read.
    """
    own = folder / name
    place = own if own.is_dir() else folder
    entries = entries_of(place, of="a folder with masks")
    return {Path(entry.name).stem: place / entry.name for entry in entries if is_picture_name(entry.name)}


def check_mask(mask: Path, size: tuple[int, int]) -> None:
    """Refuse a mask that cannot be read or whose shape differs from its picture's; a smaller one of the same shape is fine.

    Args:
        mask: its file.
        size: (width, height) of the picture.

    Raises:
        DatasetError: names the mask.
    """
    try:
        width, height = picture_size(mask)
    except UnreadablePicture as error:
        raise DatasetError(
            printable(str(mask)),
            found=f"unreadable mask ({error})",
            expected="an intact picture",
            way_out="replace it",
        ) from error
    # A pixel is what rounding may cost where the mask was made at another size.
    if abs(width - size[0] * height / size[1]) > 1:
        raise DatasetError(
            printable(str(mask)),
            found=f"a mask of {width}×{height} pixels",
            expected=f"the shape of its picture, {size[0]}×{size[1]}",
            way_out="make the mask again",
        )


def mask_among(masks: Mapping[str, Path], picture: Path, folder: Path) -> Path:
    """Return the mask of a picture.

    Args:
        masks: as masks_in.
        picture: its file.
        folder: where masks are looked for, for the error.

    Raises:
        DatasetError: there is none.
    """
    if picture.stem not in masks:
        raise DatasetError(
            printable(str(picture)),
            found=f"no mask of this name in {printable(str(folder))}",
            expected="a mask for every picture",
            way_out="make the masks, or switch masked_loss off",
        )
    return masks[picture.stem]
