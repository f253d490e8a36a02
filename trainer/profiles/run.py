"""What a trainer makes of a data folder and options: pictures, steps, warm-up, epochs."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from trainer.profiles.arithmetic import epochs_of, whole
from trainer.profiles.record import Counted, DerivedOption, EngineRules, Options, Size, TrainerProfile
from trainer.profiles.registry import PROFILES
from trainer.profiles.tally import FoundData, TalliedPicture, Tally, known_endings, tally, without_caption
from trainer.text import plural

BucketOf = Callable[[Size], Size]
"""From a picture's size to sd-scripts' bucket of it by the options in force."""


@dataclass(frozen=True)
class BucketTally:
    """One bucket in use: (width, height), the different pictures in it, how often they are shown in an epoch, and its batches."""

    size: Size
    distinct: int
    shown: int
    batches: int


@dataclass(frozen=True)
class TrainerRun:
    """What a trainer makes of some data and options.

    Attributes:
        options: in force, with what the trainer passes otherwise than it was asked for.
        derived: those options.
        stops: why it stops before it trains, a sentence without its stop; "" where it trains.
        counted: by the script.
        loaded: by the engine.
        uncaptioned: paths of loaded pictures without a caption file that is read, those of regularisation among them.
        buckets: in use, by size.
        regularisation_shown: regularisation pictures shown in an epoch.
        batches_per_epoch: forward passes of an epoch.
        steps_per_epoch: optimizer steps of an epoch.
        steps_shown: the steps that the script shows, or passes; None where it shows none of its own.
        warmup: steps.
        steps: optimizer steps that really run.
        epochs: passes over the data that really run; the last may be cut short.
        schedule_steps: the steps that the learning rate schedule is planned for; more than `steps` where it is not run to its end.
    """

    options: Options
    derived: tuple[DerivedOption, ...]
    stops: str
    counted: Tally
    loaded: Tally
    uncaptioned: tuple[str, ...]
    buckets: tuple[BucketTally, ...]
    regularisation_shown: int
    batches_per_epoch: int
    steps_per_epoch: int
    steps_shown: int | None
    warmup: int
    steps: int
    epochs: int
    schedule_steps: int


_NOTHING = Tally((), (), ())
_KNOWN = known_endings(rules for each in PROFILES.values() for rules in (each.steps, each.engine))
_WITHOUT_WARMUP = ("constant", "piecewise_constant")


def options_in_force(
    profile: TrainerProfile, stated: Options, ours: Options
) -> tuple[Mapping[str, object], tuple[DerivedOption, ...]]:
    """Return the options of a bake under a profile, and which of them are passed otherwise than they were asked for.

    Args:
        profile: the trainer.
        stated: what was asked for.
        ours: every option with our own default, for those that the profile does not know.
    """
    options = {**ours, **profile.defaults_beside(stated), **profile.machine, **stated}
    derived = profile.derived(options, frozenset(stated))
    return options | {each.name: each.value for each in derived}, derived


def run_of(
    profile: TrainerProfile, data: FoundData, stated: Options, ours: Options, bucket_of: Callable[[Options], BucketOf]
) -> TrainerRun:
    """Return what a trainer makes of `data`.

    Args:
        profile: the trainer.
        data: the files of the data folder.
        stated: options that were asked for.
        ours: every option with our own default.
        bucket_of: options in force to sd-scripts' buckets.
    """
    options, derived = options_in_force(profile, stated, ours)
    return run_with(profile, data, options, bucket_of(options), derived)


def run_with(
    profile: TrainerProfile,
    data: FoundData,
    options: Options,
    bucket_of: BucketOf,
    derived: tuple[DerivedOption, ...] = (),
) -> TrainerRun:
    """Return what a trainer makes of `data` with these options.

    Args:
        profile: the trainer.
        data: the files of the data folder.
        options: in force, as options_in_force gives them.
        bucket_of: sd-scripts' buckets by these options.
        derived: those that the trainer passes otherwise than it was asked for.
    """
    engine, script = profile.engine, profile.steps
    refused = profile.refused(options)
    stops = refused.why if refused else ""
    try:
        looks = script.regularisation == "counted"
        counted = tally(data, script.pictures, script.repeats, options, _KNOWN, regularisation=looks)
    except ValueError as error:
        counted, stops = _NOTHING, stops or str(error)
    try:
        loaded = tally(data, engine.pictures, engine.repeats, options, _KNOWN)
    except ValueError as error:
        loaded, stops = _NOTHING, stops or str(error)
    batch = whole(options, "train_batch_size", 1)
    epoch = _epoch(engine, loaded, data, options, bucket_of)
    buckets = bucket_tallies(engine, epoch.filled, batch)
    batches = epoch_batches(engine, buckets, batch)
    batches_counted = _batches_counted(engine, counted, data, options, bucket_of)
    instances = sum(bucket.shown for bucket in buckets)
    regularised = script.regularised(bool(counted.regularisation), bool(data.regularisation_root))
    own = script.steps(Counted(counted.reckoned, batches_counted, regularised, options, instances))
    length = run_length(engine, options, batches, own if script.steps_passed else None)
    stops = stops or _lacks(engine, loaded, data, batches)
    if not stops and length.steps < 1:
        stops = f"it computes {plural(length.steps, 'step')} of {plural(counted.reckoned, 'counted picture')}"
    warmup = 0
    try:
        warmup = warmup_in_force(profile, options, length.steps if own is None else own)
    except ValueError as error:
        stops = stops or str(error)
    return TrainerRun(
        options=options,
        derived=derived,
        stops=stops,
        counted=counted,
        loaded=loaded,
        uncaptioned=_uncaptioned(engine, loaded, data, options),
        buckets=buckets,
        regularisation_shown=epoch.regularisation,
        batches_per_epoch=batches,
        steps_per_epoch=length.steps_per_epoch,
        steps_shown=own,
        warmup=warmup,
        steps=0 if stops else length.steps,
        epochs=0 if stops else length.epochs,
        schedule_steps=length.steps * _stretched(engine, options),
    )


def _lacks(engine: EngineRules, loaded: Tally, data: FoundData, batches: int) -> str:
    """Return what an engine misses in the data, "" where it can train."""
    if not loaded.pictures:
        return "it finds no pictures to train on"
    if engine.needs_regularisation and data.regularisation_root and not loaded.regularisation:
        return "it finds no pictures in the folder for regularisation"
    return "" if batches else "no bucket has a full batch, and it drops smaller ones"


def warmup_in_force(profile: TrainerProfile, options: Options, steps: int) -> int:
    """Return the steps of a trainer's warm-up; schedules that have none ignore what was asked for.

    Args:
        profile: the trainer.
        options: in force.
        steps: that it goes by.

    Raises:
        ValueError: the trainer cannot be told this warm-up.
    """
    # A field that cannot hold it stops the trainer, whatever the schedule.
    warmup = profile.steps.warmup(options, steps)
    return 0 if options.get("lr_scheduler") in _WITHOUT_WARMUP else warmup


def shown_pictures(
    engine: EngineRules, loaded: Tally, bucket_of: Callable[[TalliedPicture], Size]
) -> list[tuple[TalliedPicture, int]]:
    """Return the pictures of an epoch, and how often each is shown in it."""
    trained = [(picture, picture.repeats) for picture in loaded.pictures]
    if engine.regularisation == "ignored" or not loaded.regularisation:
        return trained
    if engine.regularisation == "beside":
        return trained + [(picture, picture.repeats) for picture in loaded.regularisation]
    if engine.regularisation == "filled up":
        times = filled_up([picture.repeats for picture in loaded.regularisation], loaded.total)
        return trained + [(picture, many) for picture, many in zip(loaded.regularisation, times, strict=True) if many]
    return trained + _paired(trained, loaded.regularisation, bucket_of)


def filled_up(repeats: Sequence[int], wanted: int) -> list[int]:
    """Return how often regularisation pictures are shown: one after the other by its repeats until there are `wanted`; where
    they do not suffice, each once more in turn (sd-scripts).
    """
    times = [0] * len(repeats)
    shown = 0
    for place, own in enumerate(repeats):
        if shown >= wanted:
            return times
        times[place] = own
        shown += own
    for place in range(max(0, wanted - shown) if repeats else 0):
        times[place % len(repeats)] += 1
    return times


FilledBucket = tuple[Size, int, int]
"""A bucket's size, the different pictures in it, and how often they are shown in an epoch."""


def filled_buckets(
    shown: Iterable[tuple[TalliedPicture, int]], bucket_of: Callable[[TalliedPicture], Size]
) -> tuple[FilledBucket, ...]:
    """Return the buckets that pictures are in, by size."""
    distinct: Counter[Size] = Counter()
    instances: Counter[Size] = Counter()
    for picture, times in shown:
        size = bucket_of(picture)
        distinct[size] += 1
        instances[size] += times
    return tuple((size, distinct[size], instances[size]) for size in sorted(distinct))


def bucket_tallies(engine: EngineRules, filled: Sequence[FilledBucket], batch: int) -> tuple[BucketTally, ...]:
    """Return the same buckets with their batches."""
    return tuple(
        BucketTally(size, distinct, shown, batches_of_bucket(engine, distinct, shown, batch))
        for size, distinct, shown in filled
    )


def batches_of_bucket(engine: EngineRules, distinct: int, shown: int, batch: int) -> int:
    """Return the batches of one bucket in an epoch.

    Args:
        engine: knows what becomes of the last batch.
        distinct: different pictures in the bucket.
        shown: the same, each as often as it is shown.
        batch: the batch size that was asked for.
    """
    if engine.batch_of_distinct:
        batch = min(batch, distinct)
    return shown // batch if engine.last_batch == "dropped" else -(-shown // batch)


def epoch_batches(engine: EngineRules, buckets: Sequence[BucketTally], batch: int) -> int:
    """Return the batches of an epoch."""
    if engine.last_batch == "counted in all":
        return -(-sum(bucket.shown for bucket in buckets) // batch)
    return sum(bucket.batches for bucket in buckets)


@dataclass(frozen=True)
class RunLength:
    """Steps of an epoch, steps in all, and epochs, of which the last may be cut short."""

    steps_per_epoch: int
    steps: int
    epochs: int


def run_length(engine: EngineRules, options: Options, batches: int, passed: int | None) -> RunLength:
    """Return what really runs.

    Args:
        engine: knows what accumulation does to epochs.
        options: in force.
        batches: of an epoch.
        passed: the steps that the script gives to the engine, None where it gives epochs.
    """
    accumulated = 1 if engine.accumulation == "none" else whole(options, "gradient_accumulation_steps", 1)
    per_epoch = -(-batches // accumulated)
    epochs = epochs_of(options) if engine.counts_epochs else None
    if passed is not None or epochs is None:
        steps = whole(options, "max_train_steps") if passed is None else passed
        return RunLength(per_epoch, steps, -(-steps // per_epoch) if per_epoch else 0)
    if engine.accumulation == "not divided":
        steps = epochs * batches
        return RunLength(per_epoch, steps, -(-steps // per_epoch) if per_epoch else 0)
    if engine.accumulation == "across epochs":
        return RunLength(per_epoch, epochs * batches // accumulated, epochs)
    return RunLength(per_epoch, epochs * per_epoch, epochs)


def _stretched(engine: EngineRules, options: Options) -> int:
    return whole(options, "gradient_accumulation_steps", 1) if engine.schedule_times_accumulation else 1


def _bucket(engine: EngineRules, options: Options, bucket_of: BucketOf) -> Callable[[TalliedPicture], Size]:
    """Return what finds a picture's bucket; one whose size is not known goes where a square of the resolution goes."""
    side = min(int(part) for part in str(options.get("resolution", "512")).split(","))
    known = _known_buckets(*_bucket_key(engine, options, bucket_of))

    def of(picture: TalliedPicture) -> Size:
        size = picture.file.size
        if size not in known:
            known[size] = _bucket_of(engine, options, bucket_of, size or (side, side))
        return known[size]

    return of


# A table of trainers asks for the same buckets dozens of times; the rules are in `by`, or follow from the resolution.
@lru_cache(maxsize=32)
def _known_buckets(by: object, resolution: str) -> dict[Size | None, Size]:
    return {}


def _bucket_of(engine: EngineRules, options: Options, bucket_of: BucketOf, size: Size) -> Size:
    return bucket_of(size) if engine.bucket_of is None else engine.bucket_of(size, options)


def script_batches(
    engine: EngineRules, counted: Tally, options: Options, bucket_of: Callable[[TalliedPicture], Size]
) -> int:
    """Return the batches of an epoch of what the script counts, each picture by its own repeats."""
    filled = filled_buckets(((each, each.repeats) for each in (*counted.pictures, *counted.regularisation)), bucket_of)
    batch = whole(options, "train_batch_size", 1)
    return sum(each.batches for each in bucket_tallies(engine, filled, batch))


@dataclass(frozen=True)
class _Epoch:
    """The buckets of an epoch, and how often regularisation pictures are shown in it."""

    filled: tuple[FilledBucket, ...]
    regularisation: int


# A table of trainers asks for the same dozens of times: what follows is kept with the data. A tally is kept there too, so that
# its identity stands for it.


def _epoch(engine: EngineRules, loaded: Tally, data: FoundData, options: Options, bucket_of: BucketOf) -> _Epoch:
    def make() -> _Epoch:
        in_bucket = _bucket(engine, options, bucket_of)
        shown = shown_pictures(engine, loaded, in_bucket)
        regular = sum(times for picture, times in shown if picture.file.regularisation)
        return _Epoch(filled_buckets(shown, in_bucket), regular)

    return data.kept(("epoch", id(loaded), engine.regularisation, *_bucket_key(engine, options, bucket_of)), make)


def _batches_counted(
    engine: EngineRules, counted: Tally, data: FoundData, options: Options, bucket_of: BucketOf
) -> int:
    batch = whole(options, "train_batch_size", 1)
    key = (id(counted), batch, engine.batch_of_distinct, engine.last_batch, *_bucket_key(engine, options, bucket_of))
    in_bucket = _bucket(engine, options, bucket_of)
    return data.kept(("batches", *key), lambda: script_batches(engine, counted, options, in_bucket))


def _bucket_key(engine: EngineRules, options: Options, bucket_of: BucketOf) -> tuple[object, str]:
    return engine.bucket_of or bucket_of, str(options.get("resolution"))


def _uncaptioned(engine: EngineRules, loaded: Tally, data: FoundData, options: Options) -> tuple[str, ...]:
    endings = tuple(str(each) for each in _texts(options.get("caption_extension"))) if engine.reads_captions else ()
    any_case = engine.pictures.case == "any"
    everything = (*loaded.pictures, *loaded.regularisation)
    return data.kept(
        ("uncaptioned", id(loaded), endings, any_case),
        lambda: without_caption(everything, data, endings, any_case=any_case),
    )


def _paired(
    trained: Sequence[tuple[TalliedPicture, int]],
    regular: Sequence[TalliedPicture],
    bucket_of: Callable[[TalliedPicture], Size],
) -> list[tuple[TalliedPicture, int]]:
    """Return one regularisation picture of its bucket for each picture, spread evenly over those that there are."""
    wanted: dict[Size, int] = {}
    for picture, times in trained:
        size = bucket_of(picture)
        wanted[size] = wanted.get(size, 0) + times
    members: dict[Size, list[TalliedPicture]] = {}
    for picture in regular:
        members.setdefault(bucket_of(picture), []).append(picture)
    found = []
    for size, pictures in members.items():
        count = wanted.get(size, 0)
        for place, picture in enumerate(pictures):
            times = math.ceil((count - place) / len(pictures)) if count > place else 0
            if times:
                found.append((picture, times))
    return found


def _texts(value: object) -> Collection[object]:
    return value if isinstance(value, list | tuple) else ()
