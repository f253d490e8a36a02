"""Aspect-ratio buckets as sd-scripts makes and chooses them (facts: its BucketManager)."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from trainer.dataset.records import BucketRules, DataSet, Group, Size
from trainer.long_work import each
from trainer.profiles.record import Options
from trainer.settings.amounts import bucket_range
from trainer.settings.model import Settings
from trainer.settings.profile_defaults import imitated


@dataclass(frozen=True)
class Placement:
    """How one picture is trained: its bucket, the size it is resized to, and (left, top) of the crop, all in pixels."""

    bucket: Size
    resized: Size
    crop: Size


def bucket_rules(settings: Settings) -> BucketRules:
    """Return the bucket rules in `settings`."""
    low, high = bucket_range(settings.min_bucket_reso, settings.max_bucket_reso, settings.bucket_reso_steps)
    return BucketRules(
        size=settings.size,
        enable=settings.enable_bucket,
        low=low,
        high=high,
        step=settings.bucket_reso_steps,
        no_upscale=settings.bucket_no_upscale,
    )


def group_of(settings: Settings) -> Group:
    """Return how pictures are put together where `settings` alone say it."""
    rules, profile = bucket_rules(settings), imitated(settings.behave_like)
    if profile is None:
        return Group(rules, _batch_size(settings))
    engine = profile.engine
    if engine.bucket_of is not None:
        rules = replace(rules, bucket_of=_BucketOf(engine.bucket_of, settings))
    return Group(rules, _batch_size(settings), engine.batch_of_distinct, engine.last_batch, engine.regularisation)


def _batch_size(settings: Settings) -> int:
    """Return the pictures of a batch: those of every process that trains together."""
    return settings.train_batch_size * settings.num_processes


class _BucketOf:
    """Another trainer's way from a picture's size to its bucket, with the options in force."""

    def __init__(self, bucket_of: Callable[[Size, Options], Size], settings: Settings) -> None:
        self._bucket_of, self._options = bucket_of, settings.model_dump()

    def __call__(self, size: Size) -> Size:
        return self._bucket_of(size, self._options)


@lru_cache(maxsize=256)
def bucket_sizes(rules: BucketRules) -> tuple[Size, ...]:
    """Return the buckets there are, sorted; none where `no_upscale` makes them as needed."""
    if not rules.enable:
        return (rules.size,)
    if rules.no_upscale:
        return ()
    low, high = bucket_range(rules.low, rules.high, rules.step)
    area = rules.size[0] * rules.size[1]
    square = _floor(math.isqrt(area), rules.step)
    sizes = {(square, square)}
    for width in range(low, high + 1, rules.step):
        height = min(high, _floor(area // width, rules.step))
        if height >= low:
            sizes |= {(width, height), (height, width)}
    return tuple(sorted(sizes))


@lru_cache(maxsize=65536)
def placement_of(width: int, height: int, rules: BucketRules) -> Placement:
    """Return where a picture of `width` × `height` pixels goes; what sticks out of the bucket is cropped evenly."""
    if rules.enable and rules.no_upscale and rules.bucket_of is None:
        resized = _shrunk_to_area(width, height, rules)
        bucket = (_floor(resized[0], rules.step), _floor(resized[1], rules.step))
        if min(bucket) == 0:
            # sd-scripts breaks here. A side below one step is enlarged to one: there is no smaller bucket.
            bucket = (max(rules.step, bucket[0]), max(rules.step, bucket[1]))
            resized = _covering(width, height, bucket)
    else:
        bucket = rules.bucket_of((width, height)) if rules.bucket_of else _nearest(width, height, rules)
        resized = _covering(width, height, bucket)
    crop = ((resized[0] - bucket[0]) // 2, (resized[1] - bucket[1]) // 2)
    return Placement(bucket, resized, crop)


def placements_of(data: DataSet) -> tuple[Placement, ...]:
    """Return where every picture of `data` goes, by the rules of its group."""
    return tuple(
        placement_of(picture.width, picture.height, data.groups[picture.group].rules)
        for picture in each("choosing buckets", data.pictures)
    )


def _nearest(width: int, height: int, rules: BucketRules) -> Size:
    """Return the bucket of exactly this size, else the first of the nearest aspect ratio."""
    sizes = bucket_sizes(rules)
    if (width, height) in sizes:
        return width, height
    return sizes[int(np.abs(_ratios(rules) - width / height).argmin())]


@lru_cache(maxsize=256)
def _ratios(rules: BucketRules) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([width / height for width, height in bucket_sizes(rules)])


def _covering(width: int, height: int, bucket: Size) -> Size:
    """Return the size with the picture's aspect ratio that just covers `bucket`."""
    wider = width / height > bucket[0] / bucket[1]
    scale = bucket[1] / height if wider else bucket[0] / width
    return _rounded(width * scale), _rounded(height * scale)


def _shrunk_to_area(width: int, height: int, rules: BucketRules) -> Size:
    """Return the picture's size, shrunk where its area is above the resolution's.

    One side is then a multiple of the step: the one whose bucket comes nearer to the picture's aspect ratio.
    """
    area = rules.size[0] * rules.size[1]
    if width * height <= area:
        return width, height
    ratio = width / height
    full_width = math.sqrt(area * ratio)
    by_width = _floor(_rounded(full_width), rules.step)
    by_height = _floor(_rounded(area / full_width), rules.step)
    width_error = _ratio_error(by_width, _floor(_rounded(by_width / ratio), rules.step), ratio)
    height_error = _ratio_error(_floor(_rounded(by_height * ratio), rules.step), by_height, ratio)
    if width_error < height_error:
        return by_width, _rounded(by_width / ratio)
    return _rounded(by_height * ratio), by_height


def _ratio_error(width: int, height: int, ratio: float) -> float:
    return abs(width / height - ratio) if height else math.inf


def _rounded(length: float) -> int:
    """Round half up, as sd-scripts does; Python's round would send half to even."""
    return int(length + 0.5)


def _floor(length: int, step: int) -> int:
    return length // step * step
