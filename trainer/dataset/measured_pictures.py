"""The training pictures that measures are made on, and the caption of each."""

from collections.abc import Sequence

from trainer.dataset.captions import deterministic_caption, fixed_caption
from trainer.dataset.records import Picture

_PICTURES, _OF_EACH_FOLDER, _MOST_PICTURES = 16, 4, 48


def shown_caption(picture: Picture) -> str:
    """Return the caption of a picture for measurements: the one it always has, or where that varies the one without random choices."""
    fixed = fixed_caption(picture)
    return deterministic_caption(picture.caption, picture.caption_rules) if fixed is None else fixed


def spread_pictures(pictures: Sequence[Picture]) -> list[int]:
    """Return which training pictures are measured on, by index: spread evenly over the folders and over each folder's pictures.

    They follow from the data alone, so that bakes of the same data are measured on the same ones. Regularisation pictures count
    only where there are no others.
    """
    folders: dict[str, list[int]] = {}
    some = any(not picture.is_reg for picture in pictures)
    for index, picture in enumerate(pictures):
        if not (some and picture.is_reg):
            folders.setdefault(picture.folder, []).append(index)
    room = min(max(_PICTURES, _OF_EACH_FOLDER * len(folders)), _MOST_PICTURES)
    shares = dict.fromkeys(folders, 0)
    while room and (open_ones := [name for name in folders if shares[name] < len(folders[name])]):
        for name in open_ones[:room]:
            shares[name] += 1
        room -= len(open_ones[:room])
    return sorted(
        members[place * len(members) // shares[name]]
        for name, members in folders.items()
        for place in range(shares[name])
    )
