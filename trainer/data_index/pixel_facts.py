"""What the pixels of a picture say: a perceptual hash, sharpness, and how much of its spectrum is in use."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer.data_index.record import PixelFacts
from trainer.dataset.picture_file import open_grey, picture_size
from trainer.dataset.picture_hash import picture_hash

MAX_PIXELS = 50_000_000
"""Pixels of the largest picture that is decoded: 200 MB in each thread."""

# Sharpness is measured at the area that pictures are trained at, so that it does not depend on how large they were saved.
_AREA_SIDE = 512

# Sides of the squares whose spectra are taken: the largest that fits.
_SQUARES = (256, 128, 64)
# Bands of the spectrum, evenly from 0 to the finest that pixels can hold (Nyquist's).
_BANDS = 64
# Slow changes of light say nothing of detail.
_FROM = 3
# Detail reaches as far as this share of what lies above `_FROM`.
_REACH = 0.99
# Variance of a square, in squared levels, below which it is a flat area.
_LEAST_VARIANCE = 4.0

_Grey = NDArray[np.float32]


def pixel_facts(path: Path) -> PixelFacts | None:
    """Return what a picture's pixels say, None where it is too large to be decoded.

    Raises:
        UnreadablePicture: it cannot be decoded.
    """
    width, height = picture_size(path)
    if width * height > MAX_PIXELS:
        return None
    grey = open_grey(path)
    return PixelFacts(picture_hash(grey), sharpness(grey), detail(grey))


def sharpness(grey: Image.Image) -> float:
    """Return the variance of a picture's Laplacian, in squared levels, where it is larger shrunk to the area of 512 × 512 pixels.

    Pech-Pacheco et al. 2000: edges make it large, and blurred ones do not. How large depends on what is drawn, so that only very
    low values say something by themselves.
    """
    shrink = (_AREA_SIDE * _AREA_SIDE / (grey.width * grey.height)) ** 0.5
    if shrink < 1:
        size = (max(3, round(grey.width * shrink)), max(3, round(grey.height * shrink)))
        grey = grey.resize(size, Image.Resampling.BOX)
    levels = np.asarray(grey, np.float32)
    if min(levels.shape) < 3:
        return 0.0
    inner = levels[1:-1, 1:-1]
    laplacian = levels[:-2, 1:-1] + levels[2:, 1:-1] + levels[1:-1, :-2] + levels[1:-1, 2:] - 4 * inner
    return float(laplacian.var())


def detail(grey: Image.Image) -> float | None:
    """Return how far a picture's details reach, as a share of the finest that its pixels can hold; None where that cannot be said.

    The power of the spectrum, summed up over squares of the picture and rings of equal frequency: detail reaches to the ring below
    which 99 % of it lies. A picture that was enlarged has next to nothing above the size it came from; so has one that is out of
    focus, which is why this is a figure and no verdict. Thin lines reach to 1.
    """
    side = next((side for side in _SQUARES if min(grey.size) >= side), None)
    if side is None:
        return None
    window, rings = _window(side), _rings(side)
    power = np.zeros(_BANDS, np.float64)
    for left, top in _places(grey.size, side):
        square = np.asarray(grey.crop((left, top, left + side, top + side)), np.float32)
        square = square - square.mean()
        if float(square.var()) < _LEAST_VARIANCE:
            continue
        spectrum = np.fft.rfft2(square * window)
        energy = spectrum.real**2 + spectrum.imag**2
        power += np.bincount(rings, weights=energy.ravel(), minlength=_BANDS + 1)[:_BANDS]
    power[:_FROM] = 0.0
    whole = power.sum()
    if whole <= 0:
        return None
    reached = int(np.searchsorted(np.cumsum(power), _REACH * whole)) + 1
    return min(1.0, reached / _BANDS)


def _places(size: tuple[int, int], side: int) -> list[tuple[int, int]]:
    """Return the corners of the squares that are looked at: in the middle, and where there is room around it."""
    right, down = size[0] - side, size[1] - side
    places = [(right // 2, down // 2)]
    if max(size) >= 2 * side:
        places += [(x, y) for x in sorted({right // 4, 3 * right // 4}) for y in sorted({down // 4, 3 * down // 4})]
    return places


@cache
def _window(side: int) -> _Grey:
    """Return Hann's window, [side, side]."""
    edge = np.hanning(side + 1)[:-1].astype(np.float32)
    return np.outer(edge, edge).astype(np.float32)


@cache
def _rings(side: int) -> NDArray[np.intp]:
    """Return the band of each coefficient of a real spectrum, [side × (side / 2 + 1)]; `_BANDS` is beyond the finest."""
    down, across = np.fft.fftfreq(side) * 2, np.fft.rfftfreq(side) * 2
    radius = np.hypot(down[:, None], across[None, :])
    bands: NDArray[np.intp] = np.minimum(_BANDS, (radius * _BANDS).astype(np.intp)).ravel()
    return bands
