"""The record of one trainer on its day: defaults, what it loads, and how it counts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Options = Mapping[str, object]
"""sd-scripts' options by name."""


@dataclass(frozen=True)
class PictureRules:
    """Which files of a folder count as pictures.

    Attributes:
        extensions: in lower case, with the dot.
        any_case: whether `.PNG` counts as `.png` does.
        recursive: whether pictures in subfolders count.
    """

    extensions: tuple[str, ...]
    any_case: bool
    recursive: bool


@dataclass(frozen=True)
class Counted:
    """What a trainer's own arithmetic starts from.

    Attributes:
        total: pictures by its own count, each as often as its folder's repeats say; without those of regularisation.
        regularisation: whether there are regularisation pictures.
        options: sd-scripts' options in force.
    """

    total: int
    regularisation: bool
    options: Options


@dataclass(frozen=True)
class StepRules:
    """How a script around sd-scripts counts, and what of it it passes on.

    Attributes:
        pictures: what it counts as pictures; the engine may load others.
        repeats: the repeats in a folder's name, None for a folder that it leaves out.
            Raises ValueError with a sentence where the trainer itself stops.
        steps: the steps that it computes, None where it computes none.
        steps_passed: whether it gives them to the engine, which else counts epochs by itself.
        warmup: the steps of its warm-up, of the steps that it computes (or that the engine runs, where it computes none).
        sentence: the arithmetic in words.
    """

    pictures: PictureRules
    repeats: Callable[[str], int | None]
    steps: Callable[[Counted], int | None]
    steps_passed: bool
    warmup: Callable[[Options, int], int]
    sentence: str


@dataclass(frozen=True)
class EngineRules:
    """What loads and trains in the end, which for most trainers is an sd-scripts of its day.

    Attributes:
        name: the engine.
        pictures: what it loads.
        repeats: as of StepRules.
        batch_of_distinct: whether a bucket's batch is no larger than the bucket's distinct pictures (sd-scripts 2023-02-05 to 02-11).
        divides_by_accumulation: whether epochs count optimizer steps; sd-scripts of 2023 counted batches, and so ran the
            epochs as often as batches are accumulated.
        sentence: what differs from today's sd-scripts, in words; "" for nothing.
    """

    name: str
    pictures: PictureRules
    repeats: Callable[[str], int | None]
    batch_of_distinct: bool
    divides_by_accumulation: bool
    sentence: str


@dataclass(frozen=True)
class TrainerProfile:
    """All that is known of one trainer on one day.

    Attributes:
        key: its name and day, as `behave_like` takes it.
        title: its name for people.
        day: when it was so, `2023-02-09`.
        defaults: setting -> the value of a bake that does not set it. Settings that are not named have our own default.
        unknown: settings whose default is not known; the plan says so.
        steps: the script's arithmetic.
        engine: what loads and trains.
        reasons: setting -> why its default is so, one sentence.
    """

    key: str
    title: str
    day: str
    defaults: Mapping[str, object]
    unknown: tuple[str, ...]
    steps: StepRules
    engine: EngineRules
    reasons: Mapping[str, str] = field(default_factory=dict)
