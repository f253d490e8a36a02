"""Values measured on a LoRA's pictures beside the base's, in latents and in pixels."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from trainer.grid.probe_pictures import ProbeSet, PromptKind
from trainer.journal.measure_records import MeasuredValue
from trainer.measures.intervals import mean_interval
from trainer.measures.of_pictures import (
    AGAINST_TRAINING,
    BLEED,
    DRIFT,
    HIGH_FREQUENCY,
    OTHER_PROMPTS,
    OUTFIT_DISTANCE,
    OUTFIT_SEEN,
    PIXELS,
    SATURATION,
    STATIC,
    TOKEN_EFFECT,
    TOKEN_REMOVED,
)
from trainer.measures.picture_numbers import (
    Outfits,
    Planes,
    apart,
    high_frequency,
    outfits_of,
    saturation,
    spread,
    usual_distance,
)
from trainer.measures.wilson import wilson
from trainer.text import plural

STATIC_TIMES = 1.5
"""So many times as much fine detail as in the finest of the base's and the training pictures is static.

On the demo LoRAs that are right have up to 1.2 times as much in latents, those baked at ten times the rate 1.6 and more once the eye
sees nothing but noise (docs/experiments.md).
"""

_SUBJECT = (PromptKind.SUBJECT, PromptKind.OUTFIT)
_NOT_SUBJECT = (PromptKind.BARE, PromptKind.NEUTRAL)


@dataclass(frozen=True)
class LookedAt:
    """One picture.

    Attributes:
        latents: None where a value is NaN or infinite.
        pixels: None likewise.
    """

    latents: Planes | None
    pixels: Planes | None


@dataclass(frozen=True)
class TrainingPicture:
    """A training picture: the folder it lies in, its latents, and the pixels that these are decoded to; None where they were not."""

    folder: str
    latents: Planes
    pixels: Planes | None


@dataclass(frozen=True)
class _View:
    """The base's and the training pictures as latents or as pixels.

    Attributes:
        ending: of the measures' names.
        of: takes these of a picture.
        detail: its fine detail.
        colour: its spread or saturation.
        base: of each picture; None where the base itself makes no numbers.
        unit: of distances.
        base_detail, base_colour: of each picture of the base, None likewise.
        training_detail, training_colour: of each training picture.
        outfits: the subject's; None where they are not asked for.
    """

    ending: str
    of: Callable[[LookedAt], Planes | None]
    detail: Callable[[Planes], float]
    colour: Callable[[Planes], float]
    base: Sequence[Planes | None]
    unit: float
    base_detail: Sequence[float | None]
    base_colour: Sequence[float | None]
    training_detail: Sequence[float]
    training_colour: Sequence[float]
    outfits: Outfits | None

    @property
    def finest(self) -> float:
        """The fine detail of the finest picture there is without the LoRA."""
        details = (*self.base_detail, *self.training_detail)
        return max((detail for detail in details if detail is not None), default=0.0)

    def is_static(self, detail: float | None) -> bool:
        """Return whether a picture with so much fine detail is static; one without numbers (None) is no picture at all."""
        return detail is None or (self.finest > 0 and detail > STATIC_TIMES * self.finest)


@dataclass(frozen=True)
class PictureMeasures:
    """What the pictures of a LoRA are compared with.

    Attributes:
        wanted: the pictures.
        views: the base's and the training pictures, as latents and as pixels.
    """

    wanted: ProbeSet
    views: tuple[_View, _View] = field(repr=False)

    @classmethod
    def of(
        cls, wanted: ProbeSet, base: Sequence[LookedAt], training: Sequence[TrainingPicture], factor: int
    ) -> "PictureMeasures":
        """Return what pictures are compared with.

        Args:
            wanted: the pictures.
            base: those that the base makes of the same recipes.
            training: pictures of the subject's folders.
            factor: pixels that a latent stands for, in each direction.
        """
        pixels = [(picture.folder, picture.pixels) for picture in training if picture.pixels is not None]
        return cls(
            wanted,
            (
                _view(
                    wanted,
                    "",
                    _latents,
                    high_frequency,
                    spread,
                    base,
                    [(picture.folder, picture.latents) for picture in training],
                ),
                _view(wanted, PIXELS, _pixels, partial(high_frequency, lag=factor), saturation, base, pixels),
            ),
        )

    def values(self, step: int, made: Sequence[LookedAt]) -> list[MeasuredValue]:
        """Return the values of the pictures that a LoRA of `step` steps has made, in the order of the set."""
        return [value for view in self.views for value in _values(self.wanted, view, step, made)]

    def values_of_base(self, base: Sequence[LookedAt]) -> list[MeasuredValue]:
        """Return the values of the base alone, after step 0: what the token does to it, and where it stands by the training pictures."""
        values = self.values(0, base)
        for view in self.views:
            if view.outfits is not None and view.outfits.recognised[1]:
                right, total = view.outfits.recognised
                values.append(
                    _share(OUTFIT_SEEN + view.ending, 0, AGAINST_TRAINING, [place < right for place in range(total)])
                )
        return values

    def line(self, values: Iterable[MeasuredValue]) -> str:
        """Return the values of one step in a line: `drift 0.31, token effect 0.22, bleed 0.05, no static`."""
        of_all = {value.name: value for value in values if not value.scope}
        texts = [
            f"{words} {of_all[name].value:.2f}"
            for name, words in ((DRIFT, "drift"), (TOKEN_EFFECT, "token effect"), (BLEED, "bleed"))
            if name in of_all and of_all[name].value is not None
        ]
        if (seen := of_all.get(OUTFIT_SEEN)) is not None and seen.value is not None:
            texts.append(
                f"outfits seen as asked in {round(seen.value * seen.count)} of {plural(seen.count, 'picture')}"
            )
        static = of_all[STATIC]
        bad = round((static.value or 0) * static.count)
        texts.append(f"static in {bad} of {plural(static.count, 'picture')}" if bad else "no static")
        return ", ".join(texts)


def _view(
    wanted: ProbeSet,
    ending: str,
    of: Callable[[LookedAt], Planes | None],
    detail: Callable[[Planes], float],
    colour: Callable[[Planes], float],
    base: Sequence[LookedAt],
    training: Sequence[tuple[str, Planes]],
) -> _View:
    planes = [of(picture) for picture in base]
    there = [(place, each) for place, each in enumerate(planes) if each is not None]
    pictures = [wanted.pictures[place] for place, _ in there]
    unit = usual_distance(
        [each for _, each in there],
        [picture.prompt.name for picture in pictures],
        [picture.recipe.seed for picture in pictures],
    )
    by_outfit: dict[str, list[Planes]] = {name: [] for name in wanted.outfits}
    for folder, each in training:
        if folder in by_outfit:
            by_outfit[folder].append(each)
    return _View(
        ending,
        of,
        detail,
        colour,
        planes,
        unit,
        [None if each is None else detail(each) for each in planes],
        [None if each is None else colour(each) for each in planes],
        [detail(each) for _, each in training],
        [colour(each) for _, each in training],
        outfits_of(by_outfit),
    )


def _latents(picture: LookedAt) -> Planes | None:
    return picture.latents


def _pixels(picture: LookedAt) -> Planes | None:
    return picture.pixels


def _values(wanted: ProbeSet, view: _View, step: int, made: Sequence[LookedAt]) -> Iterator[MeasuredValue]:
    planes = [view.of(picture) for picture in made]
    yield from _distances(DRIFT, wanted, view, step, _pairs(wanted.of(*_SUBJECT), planes, view.base))
    if wanted.token:
        twins = {index: wanted.twin_of(index) for index in wanted.of(PromptKind.BARE)}
        pairs = {twin: (planes[twin], planes[bare]) for bare, twin in twins.items() if twin is not None}
        yield from _distances(TOKEN_EFFECT, wanted, view, step, pairs)
        yield from _distances(BLEED, wanted, view, step, _pairs(wanted.of(*_NOT_SUBJECT), planes, view.base))
        for scope, kind in ((TOKEN_REMOVED, PromptKind.BARE), (OTHER_PROMPTS, PromptKind.NEUTRAL)):
            if of_kind := _pairs(wanted.of(kind), planes, view.base):
                distances = [distance for _, distance in _apart(view, of_kind)]
                yield _mean(BLEED + view.ending, step, scope, distances)
    if view.outfits is not None:
        yield from _outfit_values(wanted, view, view.outfits, step, planes)
    details = [None if each is None else view.detail(each) for each in planes]
    colours = [None if each is None else view.colour(each) for each in planes]
    yield from _multiples(HIGH_FREQUENCY + view.ending, step, details, view.base_detail, view.training_detail)
    yield from _multiples(SATURATION + view.ending, step, colours, view.base_colour, view.training_colour)
    yield _share(STATIC + view.ending, step, "", [view.is_static(detail) for detail in details])


_Pairs = Mapping[int, tuple[Planes | None, Planes | None]]


def _pairs(which: Iterable[int], made: Sequence[Planes | None], base: Sequence[Planes | None]) -> _Pairs:
    return {index: (made[index], base[index]) for index in which}


def _apart(view: _View, pairs: _Pairs) -> Iterator[tuple[int, float]]:
    """Yield how far each pair of pictures is apart, where both are numbers."""
    for index, (one, other) in pairs.items():
        if one is not None and other is not None:
            yield index, apart(one, other) / view.unit


def _distances(name: str, wanted: ProbeSet, view: _View, step: int, pairs: _Pairs) -> Iterator[MeasuredValue]:
    """Yield how far pairs of pictures are apart: over all of them, and of each prompt."""
    found: dict[str, list[float]] = {wanted.pictures[index].prompt.name: [] for index in pairs}
    for index, distance in _apart(view, pairs):
        found[wanted.pictures[index].prompt.name].append(distance)
    if not found:
        return
    yield _mean(name + view.ending, step, "", [distance for distances in found.values() for distance in distances])
    for prompt, distances in found.items():
        yield _mean(name + view.ending, step, prompt, distances)


def _outfit_values(
    wanted: ProbeSet, view: _View, outfits: Outfits, step: int, planes: Sequence[Planes | None]
) -> Iterator[MeasuredValue]:
    """Yield how far the pictures for each outfit are from each, and how many are nearest to the one asked for."""
    asked: dict[str, list[Planes]] = {}
    for index in wanted.of(PromptKind.OUTFIT):
        picture, outfit = planes[index], wanted.pictures[index].prompt.outfit
        if picture is not None and outfit in outfits.names:
            asked.setdefault(outfit, []).append(picture)
    for outfit, pictures in asked.items():
        distances = np.stack([outfits.distances(picture) for picture in pictures])
        for place, seen in enumerate(outfits.names):
            yield _mean(OUTFIT_DISTANCE + view.ending, step, f"{outfit} × {seen}", distances[:, place].tolist())
    right = [outfits.nearest(picture) == outfit for outfit, pictures in asked.items() for picture in pictures]
    if right:
        yield _share(OUTFIT_SEEN + view.ending, step, "", right)


def _multiples(
    name: str, step: int, made: Sequence[float | None], base: Sequence[float | None], training: Sequence[float]
) -> Iterator[MeasuredValue]:
    """Yield the geometric mean of pictures' numbers as a multiple of the base's, picture by picture, and of the training pictures'."""
    logs = [None if number is None else _log(number) for number in made]
    pairs = zip(logs, base, strict=True)
    yield _multiple(
        name, step, "", [mine - _log(other) for mine, other in pairs if mine is not None and other is not None]
    )
    if training:
        middle = sum(map(_log, training)) / len(training)
        yield _multiple(name, step, AGAINST_TRAINING, [mine - middle for mine in logs if mine is not None])


def _multiple(name: str, step: int, scope: str, logs: Sequence[float]) -> MeasuredValue:
    mean = _mean(name, step, scope, logs)
    value, low, high = (None if end is None else math.exp(end) for end in (mean.value, mean.low, mean.high))
    return replace(mean, value=value, low=low, high=high)


def _log(number: float) -> float:
    # A picture of one colour has no detail at all: so much less than any other that the scale still holds it.
    return math.log(max(number, 1e-12))


def _mean(name: str, step: int, scope: str, numbers: Sequence[float]) -> MeasuredValue:
    """Return a mean over pictures with its interval; no value where none of the pictures was one."""
    if not numbers:
        return MeasuredValue(step=step, name=name, scope=scope)
    low, high = mean_interval(numbers) or (None, None)
    mean = math.fsum(numbers) / len(numbers)
    return MeasuredValue(step=step, name=name, scope=scope, value=mean, low=low, high=high, count=len(numbers))


def _share(name: str, step: int, scope: str, said: Sequence[bool]) -> MeasuredValue:
    """Return in which share of pictures something is so."""
    low, high = wilson(sum(said), len(said))
    return MeasuredValue(
        step=step, name=name, scope=scope, value=sum(said) / len(said), low=low, high=high, count=len(said)
    )
