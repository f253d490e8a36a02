"""The record of one trainer on its day: defaults, what it loads, and how it counts."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

Options = Mapping[str, object]
"""sd-scripts' options by name, which are those of our settings."""

Size = tuple[int, int]
"""(width, height) in pixels."""

EndingCase = Literal["any", "lower", "lower or upper"]
"""In which case an ending counts: `.Png` as `.png`, `.png` alone, or `.png` and `.PNG`."""


@dataclass(frozen=True)
class FolderName:
    """A folder whose pictures are asked for: its own name, and whether it is the data folder itself."""

    name: str
    is_root: bool = False


FOLDER_OPTIONS = ("dataset_repeats", "num_repeats")
"""The options that a folder's repeats may depend on. num_repeats stands in place of the number in a name for every trainer."""


@dataclass(frozen=True)
class Repeats:
    """How often each picture of a folder counts.

    Attributes:
        of: a folder and the options in force to its repeats, None for a folder that is left out; of the options only
            FOLDER_OPTIONS may count. Raises ValueError with a sentence where the trainer itself stops.
        sentence: the same in words.
    """

    of: Callable[[FolderName, Options], int | None]
    sentence: str

    def __call__(self, folder: FolderName, options: Options) -> int | None:
        """Return the repeats of a folder's pictures.

        Raises:
            ValueError: the trainer stops at it.
        """
        return self.of(folder, options)


@dataclass(frozen=True)
class PictureRules:
    """Which files of a folder count as pictures.

    Attributes:
        extensions: in lower case, with the dot.
        case: in which case they count.
        recursive: whether pictures in subfolders count.
        with_package: endings that count where a package for them is installed, which is not taken for granted.
    """

    extensions: tuple[str, ...]
    case: EndingCase
    recursive: bool
    with_package: tuple[str, ...] = ()

    @property
    def any_case(self) -> bool:
        """Whether `.PNG` counts as `.png` does."""
        return self.case != "lower"


@dataclass(frozen=True)
class Counted:
    """What a trainer's own arithmetic starts from.

    Attributes:
        total: pictures by its own count, each as often as its folder's repeats say; without those of regularisation.
        batches: of an epoch of these pictures, bucket by bucket, those of regularisation among them.
        regularisation: whether there are regularisation pictures by its own count.
        options: in force.
        shown: pictures that the engine shows in an epoch, those of regularisation among them; None where they are not known.
    """

    total: int
    batches: int
    regularisation: bool
    options: Options
    shown: int | None = None


ScriptRegularisation = Literal["counted", "given", "ignored"]
"""What a script makes of regularisation pictures: `counted`: it looks into their folders; `given`: whether a folder is named is
all that counts; `ignored`: its own arithmetic knows nothing of them."""


@dataclass(frozen=True)
class ScriptRules:
    """How a script around the engine counts, and what of it it passes on.

    Attributes:
        pictures: what it counts as pictures; the engine may load others.
        repeats: in a folder's name.
        steps: the steps that it computes, None where it leaves that to the engine.
        steps_passed: whether it gives them to the engine, which else counts epochs by itself.
        warmup: the steps of its warm-up, of the steps that it computes (or that the engine runs, where it computes none).
        sentence: the arithmetic of steps in words.
        warmup_sentence: that of the warm-up.
        regularisation: what it makes of those pictures.
    """

    pictures: PictureRules
    repeats: Repeats
    steps: Callable[[Counted], int | None]
    steps_passed: bool
    warmup: Callable[[Options, int], int]
    sentence: str
    warmup_sentence: str
    regularisation: ScriptRegularisation = "counted"

    def regularised(self, counted: bool, given: bool) -> bool:
        """Return whether it reckons with regularisation pictures.

        Args:
            counted: whether it counts any.
            given: whether a folder of them is named.
        """
        return {"counted": counted, "given": given, "ignored": False}[self.regularisation]


LastBatch = Literal["smaller", "dropped", "filled", "counted in all"]
"""What becomes of the pictures left over at a bucket's end.

`smaller`: they make a smaller batch. `dropped`: they are left out. `filled`: a batch is filled up with pictures of the same
bucket. `counted in all`: so it is too, and the epoch ends when as many were shown as there are in all buckets.
"""

Accumulation = Literal["divided", "not divided", "across epochs", "none"]
"""What gradient accumulation does to epochs.

`divided`: an epoch has ceil(batches / accumulation) steps. `not divided`: a bake of n epochs has n × batches steps, and so
runs over the data as often again as batches are accumulated (sd-scripts of 2023). `across epochs`: batches are accumulated
over the end of an epoch. `none`: there is none.
"""

Regularisation = Literal["filled up", "paired", "beside", "ignored"]
"""How regularisation pictures join: up to the number of the others, one to each picture of their bucket, as they are, or not."""


@dataclass(frozen=True)
class EngineRules:
    """What loads and trains in the end, which for most trainers is an sd-scripts of its day.

    Attributes:
        name: the engine.
        pictures: what it loads.
        repeats: in a folder's name.
        accumulation: what it does to epochs.
        sentence: how it runs otherwise than today's sd-scripts, in words that go on after its name; "" where it does not.
        of_small_buckets: the same of what shows only where a bucket has fewer different pictures than the batch.
        when_accumulating: the same of what shows only where gradients are accumulated.
        batch_of_distinct: whether a bucket's batch is no larger than the bucket's distinct pictures (sd-scripts 2023-02-05 to 02-11).
        last_batch: what becomes of a bucket's last pictures.
        counts_epochs: whether it knows max_train_epochs; else max_train_steps alone counts.
        regularisation: how those pictures join.
        needs_regularisation: whether a folder of regularisation pictures that holds none ends it.
        bucket_of: a picture's bucket by its size, of the options by `resolution` alone; None for sd-scripts' buckets.
        reads_captions: whether it reads caption files.
        caption_of_name: from the name of a picture without a caption file to its caption; None where that is the words in the
            folder's name.
        caption_sentence: the same in words; "" where it is the words in the folder's name.
        schedule_times_accumulation: whether the schedule is planned for as many times the steps as batches are accumulated, so
            that only its beginning is run.
    """

    name: str
    pictures: PictureRules
    repeats: Repeats
    accumulation: Accumulation
    sentence: str
    of_small_buckets: str = ""
    when_accumulating: str = ""
    batch_of_distinct: bool = False
    last_batch: LastBatch = "smaller"
    counts_epochs: bool = True
    regularisation: Regularisation = "filled up"
    needs_regularisation: bool = False
    bucket_of: Callable[[Size, Options], Size] | None = None
    reads_captions: bool = True
    caption_of_name: Callable[[str], str] | None = None
    caption_sentence: str = ""
    schedule_times_accumulation: bool = False

    def ways(self, accumulated: int, *, small_buckets: bool = True) -> str:
        """Return how it runs otherwise than today's sd-scripts; "" where it does not.

        Args:
            accumulated: batches.
            small_buckets: whether a bucket has fewer different pictures than the batch.
        """
        parts = (
            self.sentence,
            self.of_small_buckets if small_buckets else "",
            self.when_accumulating if accumulated > 1 else "",
        )
        return "; it ".join(filter(None, parts))

    @property
    def divides_by_accumulation(self) -> bool:
        """Whether epochs count optimizer steps."""
        return self.accumulation != "not divided"


@dataclass(frozen=True)
class DerivedOption:
    """An option that a trainer passes with another value than was asked for: its name, the value, and why in one sentence."""

    name: str
    value: object
    why: str


Derive = Callable[[Options, Collection[str]], tuple[DerivedOption, ...]]
"""From the options in force and the names of those that were asked for to what is passed otherwise."""


def nothing_derived(options: Options, stated: Collection[str]) -> tuple[DerivedOption, ...]:
    """Pass every option as it is."""
    return ()


@dataclass(frozen=True)
class RefusedOptions:
    """Options with which a trainer does not start: their names, and why in one sentence without its stop."""

    names: tuple[str, ...]
    why: str


def nothing_depends(stated: Options) -> Options:
    """Have the same defaults whatever is asked for."""
    return {}


def nothing_refused(options: Options) -> RefusedOptions | None:
    """Start with any options."""
    return None


@dataclass(frozen=True)
class TrainerProfile:
    """All that is known of one trainer on one day.

    Attributes:
        key: its name and day, as `behave_like` takes it.
        title: its name for people.
        day: when it was so, `2023-02-09`.
        defaults: setting -> the value of a bake that does not set it. Settings that are not named have our own default.
        dependent: from the settings that were asked for to the defaults that follow from them.
        unknown: settings whose default is not known; the plan says so.
        steps: the script's arithmetic.
        engine: what loads and trains.
        reasons: setting -> why its default is so, one sentence.
        machine: setting -> its default, of what a bake is computed with: number types, kernels, Adam in 8 bits. They decide
            speed and memory, and another machine may not have them, so that `behave_like` leaves them as they are here.
        inferred: settings whose default was read from the trainer's descendants rather than from itself.
        derived: options that it passes otherwise than they were asked for.
        refused: from the options in force to those with which it does not start, None where it does.
    """

    key: str
    title: str
    day: str
    defaults: Mapping[str, object]
    unknown: tuple[str, ...]
    steps: ScriptRules
    engine: EngineRules
    reasons: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, object] = field(default_factory=dict)
    inferred: tuple[str, ...] = ()
    derived: Derive = nothing_derived
    refused: Callable[[Options], RefusedOptions | None] = nothing_refused
    dependent: Callable[[Options], Options] = nothing_depends

    def defaults_beside(self, stated: Options) -> Options:
        """Return the defaults of a bake that states these settings; some follow from what is stated."""
        return {**self.defaults, **self.dependent(stated)}
