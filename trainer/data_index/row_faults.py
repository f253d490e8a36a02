"""What may be wrong with a picture: where each finding begins, and its words."""

from collections.abc import Callable, Iterable, Mapping

from trainer.data_index.record import IndexedPicture, RowFault, RowFaultKey

SMALL = 1.05
"""How far a picture is enlarged to its bucket from which it is called small; less is what rounding to a bucket's shape takes."""

BLURRED = 60.0
"""Sharpness below which a picture is called blurred; docs/dataset.md says what it was chosen on."""

UPSCALED = 0.6
"""Detail below which a picture is called upscaled; docs/dataset.md says what it was chosen on."""


def faults_of(picture: IndexedPicture, keys: Iterable[RowFaultKey], unusable: str, broken: str) -> tuple[RowFault, ...]:
    """Return the faults of a picture with their figures.

    Args:
        picture: without its faults.
        keys: of those that it has.
        unusable: why it cannot be used; "" where it can.
        broken: why it cannot be decoded; "" where it can.
    """
    texts = {"unusable": unusable, "undecodable": broken}
    texts |= {key: words for key, figure in _FIGURES.items() if (words := figure(picture))}
    # What was found a moment ago may have been changed since.
    return tuple(
        RowFault(key, texts[key], stops=key not in _FIGURES and not picture.excluded) for key in keys if texts.get(key)
    )


def _small(picture: IndexedPicture) -> str:
    if picture.bucket is None:
        return ""
    width, height = picture.bucket
    return f"{picture.width}×{picture.height}, enlarged {picture.enlarged:.2g} times for its bucket of {width}×{height}"


def _blurred(picture: IndexedPicture) -> str:
    if picture.pixels is None:
        return ""
    return f"sharpness {picture.pixels.sharpness:.0f}; below {BLURRED:.0f} hardly an edge is in it"


def _upscaled(picture: IndexedPicture) -> str:
    share = None if picture.pixels is None else picture.pixels.detail
    if share is None:
        return ""
    sides = f"{round(picture.width * share):,}×{round(picture.height * share):,}"
    return f"details use {share:.0%} of what its pixels have room for, as if it came from {sides}"


_FIGURES: Mapping[RowFaultKey, Callable[[IndexedPicture], str]] = {
    "small": _small,
    "blurred": _blurred,
    "upscaled": _upscaled,
}
