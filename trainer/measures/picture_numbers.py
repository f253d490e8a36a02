"""Numbers of single pictures and pairs of them, in latents or pixels: how far apart, how fine, how colourful, nearest to which outfit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Planes: TypeAlias = NDArray[np.float32] | NDArray[np.uint8]
"""A picture's latents, or its pixels of 0 to 255, [channels, height, width]."""

Exact: TypeAlias = NDArray[np.float64]

FIELDS = 4
"""Fields on a side that a picture is averaged over, to compare pictures that are no copies of each other."""


def apart(one: Planes, other: Planes) -> float:
    """Return the root mean square difference of two pictures of one size."""
    return float(np.sqrt(np.mean(np.square(_exact(one) - _exact(other)))))


def usual_distance(pictures: Sequence[Planes], prompts: Sequence[str], seeds: Sequence[int]) -> float:
    """Return how far pictures are apart that have nothing but their prompt in common, as a root mean square: the unit of distances.

    Taken over all pairs of one prompt with different seeds; without any, of different prompts; of a single picture as twice its
    variance, which pictures that are not alike are expected to be apart.

    Args:
        pictures, prompts, seeds: parallel; of the base alone.
    """
    pairs = [
        (first, second)
        for first, second in combinations(range(len(pictures)), 2)
        if pictures[first].shape == pictures[second].shape
    ]
    alike = [pair for pair in pairs if len({prompts[at] for at in pair}) == 1 and len({seeds[at] for at in pair}) == 2]
    squares = [apart(pictures[first], pictures[second]) ** 2 for first, second in alike or pairs]
    squares = squares or [2 * _variance(picture) for picture in pictures]
    # Pictures of one colour are at no distance at all.
    return float(np.sqrt(np.mean(squares or [1.0]))) or 1.0


def high_frequency(picture: Planes, lag: int = 1) -> float:
    """Return the energy of fine detail: the mean square difference of what lies `lag` apart, across and down.

    Of latents neighbours are compared, of pixels those a latent apart: static is noise in latents, which a VAE decodes to blotches of
    that size, smooth inside. 0 for a picture that is smaller.
    """
    exact = _exact(picture)
    steps = [exact[:, lag:] - exact[:, :-lag], exact[:, :, lag:] - exact[:, :, :-lag]]
    means = [float(np.square(step).mean()) for step in steps if step.size]
    return sum(means) / len(means) if means else 0.0


def spread(picture: Planes) -> float:
    """Return the standard deviation of latents around the mean of each channel."""
    return float(np.sqrt(_variance(picture)))


def saturation(picture: Planes) -> float:
    """Return the mean difference of each pixel's strongest and weakest colour, 0 to 1."""
    exact = _exact(picture)
    return float((exact.max(axis=0) - exact.min(axis=0)).mean())


def _exact(picture: Planes) -> Exact:
    """Return latents as they are, pixels from 0 to 1."""
    exact: Exact = picture.astype(np.float64)
    return exact / 255 if picture.dtype == np.uint8 else exact


def _variance(picture: Planes) -> float:
    return float(_exact(picture).var(axis=(1, 2)).mean())


def fields_of(picture: Planes) -> Exact:
    """Return a picture averaged over FIELDS × FIELDS fields, float64 [channels × fields]; of a smaller one as many as it has rows."""
    exact = _exact(picture)
    for axis in (1, 2):
        count = exact.shape[axis]
        # The fields share what does not divide evenly, so that pictures of every size have as many.
        edges = np.linspace(0, count, FIELDS + 1)
        starts = np.minimum(np.floor(edges[:-1]).astype(int), count - 1)
        ends = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
        parts = [
            exact.take(range(start, end), axis).mean(axis, keepdims=True)
            for start, end in zip(starts, ends, strict=True)
        ]
        exact = np.concatenate(parts, axis)
    return exact.reshape(-1)


@dataclass(frozen=True)
class Outfits:
    """The training pictures of several outfits, averaged, to see which of them a picture is nearest to.

    Distances are those of a linear discriminant with a diagonal covariance (Bickel and Levina 2004): each field's difference from an
    outfit's mean in units of how much that field varies within outfits.

    Attributes:
        names: of the outfits.
        means: fields of each outfit's mean picture, float64 [outfits, fields].
        within: standard deviation of each field within outfits, float64 [fields].
        recognised: how many of the training pictures are nearest to their own outfit where each is left out of its mean; of how
            many. What it cannot tell apart among them it cannot tell of made pictures either.
    """

    names: tuple[str, ...]
    means: Exact
    within: Exact
    recognised: tuple[int, int]

    def distances(self, picture: Planes) -> Exact:
        """Return a picture's distance to each outfit, by the mean of all: float64 [outfits], 1 where it is as far as from the others."""
        return _relative(_distances(fields_of(picture), self.means, self.within))

    def nearest(self, picture: Planes) -> str:
        """Return the outfit whose training pictures a picture is nearest to."""
        return self.names[int(np.argmin(self.distances(picture)))]


def outfits_of(training: Mapping[str, Sequence[Planes]]) -> Outfits | None:
    """Return what training pictures say of outfits; None for fewer than two outfits with pictures.

    Args:
        training: outfit -> its training pictures, of any size.
    """
    fields = {
        name: np.stack([fields_of(picture) for picture in pictures]) for name, pictures in training.items() if pictures
    }
    if len(fields) < 2:
        return None
    means = np.stack([rows.mean(axis=0) for rows in fields.values()])
    within = _within(fields)
    right = total = 0
    for place, rows in enumerate(fields.values()):
        # The only picture of an outfit has nothing left to be compared with.
        for row in rows if len(rows) > 1 else ():
            others = means.copy()
            others[place] = (rows.sum(axis=0) - row) / (len(rows) - 1)
            total += 1
            right += int(np.argmin(_distances(row, others, within))) == place
    return Outfits(tuple(fields), means, within, (right, total))


def _within(fields: Mapping[str, Exact]) -> Exact:
    """Return the deviation of each field within outfits, with half of the fields' mean one, since few pictures say little of each."""
    squares = np.concatenate([np.square(rows - rows.mean(axis=0)) for rows in fields.values()])
    freedom = max(1, len(squares) - len(fields))
    of_each = squares.sum(axis=0) / freedom
    shrunk = (of_each + of_each.mean()) / 2
    # Without any spread within outfits every field counts alike.
    return np.sqrt(shrunk) if shrunk.mean() > 0 else np.ones_like(shrunk)


def _distances(row: Exact, means: Exact, within: Exact) -> Exact:
    distances: Exact = np.sqrt(np.mean(np.square((row - means) / within), axis=1))
    return distances


def _relative(distances: Exact) -> Exact:
    mean = distances.mean()
    return distances / mean if mean > 0 else np.ones_like(distances)
