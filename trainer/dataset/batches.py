"""Batches of an epoch: their order and which pictures share one."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.dataset.buckets import Placement
from trainer.dataset.records import DataSet, Group


@dataclass(frozen=True)
class BucketBatch:
    """Pictures that go through the model together: their bucket (width, height) and their indices in the data."""

    bucket: tuple[int, int]
    pictures: tuple[int, ...]


def instances(data: DataSet) -> list[int]:
    """Return the pictures of one epoch as indices in the data, each as often as it is shown, in the data's order.

    Regularisation pictures fill up until there are as many as of the others in their group, as in sd-scripts: one after the
    other by its repeats, and where they do not suffice each once more in turn. Those that are left over are not shown.
    """
    return [index for index, times in enumerate(times_shown(data)) for _ in range(times)]


def epoch_batches(data: DataSet, placements: Sequence[Placement], *, seed: int, epoch: int) -> list[BucketBatch]:
    """Return the batches of one epoch; `seed` and `epoch` alone decide their order.

    A batch holds pictures of one group and one bucket; the last one of a bucket may be smaller (sd-scripts neither fills it
    up nor drops it) where the group says nothing else.

    Args:
        data: the pictures.
        placements: of each picture, in the data's order.
        seed: the bake's, for its order.
        epoch: its number.
    """
    members: dict[tuple[int, tuple[int, int]], list[int]] = {}
    for index, (placement, times) in enumerate(zip(placements, times_shown(data), strict=True)):
        members.setdefault((data.pictures[index].group, placement.bucket), []).extend([index] * times)
    # A text seeds the same everywhere; consecutive numbers would share streams between (seed, epoch) pairs.
    order = random.Random(f"order {seed} {epoch}")
    by_group: dict[int, list[BucketBatch]] = {}
    for group, bucket in sorted(members):
        pictures = members[group, bucket]
        size = _size_of(data.groups[group], len(set(pictures)))
        order.shuffle(pictures)
        last = data.groups[group].last_batch
        if left := len(pictures) % size:
            if last == "dropped":
                del pictures[-left:]
            elif last != "smaller":
                pictures += [pictures[place % len(pictures)] for place in range(size - left)]
        by_group.setdefault(group, []).extend(
            BucketBatch(bucket, tuple(pictures[start : start + size])) for start in range(0, len(pictures), size)
        )
    batches = [batch for group in by_group for batch in _counted_in_all(data, group, by_group[group], order)]
    order.shuffle(batches)
    return batches


def _counted_in_all(data: DataSet, number: int, batches: list[BucketBatch], order: random.Random) -> list[BucketBatch]:
    """Return the batches of a group; where it counts its pictures in all, no more than these fill."""
    group = data.groups[number]
    if group.last_batch != "counted in all":
        return batches
    order.shuffle(batches)
    return batches[: -(-_shown_in(data, number) // group.batch_size)]


def _shown_in(data: DataSet, number: int) -> int:
    times = times_shown(data)
    return sum(each for picture, each in zip(data.pictures, times, strict=True) if picture.group == number)


def batches_per_epoch(data: DataSet, placements: Sequence[Placement]) -> int:
    """Return how many batches an epoch has.

    Args:
        data: the pictures.
        placements: of each picture, in the data's order.
    """
    uses = bucket_uses(data, placements)
    in_all = [number for number, group in enumerate(data.groups) if group.last_batch == "counted in all"]
    fixed = sum(-(-_shown_in(data, number) // data.groups[number].batch_size) for number in in_all)
    return fixed + sum(use.batches for use in uses if use.group not in in_all)


@dataclass(frozen=True)
class GroupBucket:
    """One bucket of one group in an epoch.

    Attributes:
        group: index in `DataSet.groups`.
        size: (width, height) in pixels.
        pictures: as often as they are shown.
        batch_size: pictures in a full batch.
        batches: of an epoch.
        last: pictures in the last one where that is smaller than the others, else 0.
        dropped: pictures left over at its end that are not shown, else 0.
    """

    group: int
    size: tuple[int, int]
    pictures: int
    batch_size: int
    batches: int
    last: int = 0
    dropped: int = 0


def bucket_uses(data: DataSet, placements: Sequence[Placement]) -> tuple[GroupBucket, ...]:
    """Return the buckets that an epoch uses, by group and size.

    Args:
        data: the pictures.
        placements: of each picture, in the data's order.
    """
    counts: Counter[tuple[int, tuple[int, int]]] = Counter()
    distinct: Counter[tuple[int, tuple[int, int]]] = Counter()
    for picture, placement, times in zip(data.pictures, placements, times_shown(data), strict=True):
        counts[picture.group, placement.bucket] += times
        distinct[picture.group, placement.bucket] += times > 0
    uses = []
    for (group, size), count in sorted(counts.items()):
        batch = _size_of(data.groups[group], distinct[group, size])
        batches = count // max(1, batch) if data.groups[group].last_batch == "dropped" else -(-count // max(1, batch))
        left, kind = count % max(1, batch), data.groups[group].last_batch
        last, dropped = left if kind == "smaller" else 0, left if kind == "dropped" else 0
        uses += [GroupBucket(group, size, count, batch, batches, last, dropped)] if batches else []
    return tuple(uses)


def _size_of(group: Group, distinct: int) -> int:
    """Return how many pictures a batch of a bucket holds that has `distinct` ones."""
    return min(group.batch_size, distinct) if group.of_distinct else group.batch_size


def times_shown(data: DataSet) -> list[int]:
    """Return how often each picture is shown in an epoch, in the data's order; `instances` says how."""
    times = [0 if picture.is_reg else picture.repeats for picture in data.pictures]
    others: Counter[int] = Counter()
    regular: dict[int, list[int]] = {}
    for index, picture in enumerate(data.pictures):
        others[picture.group] += times[index]
        if picture.is_reg:
            regular.setdefault(picture.group, []).append(index)
    for group, members in regular.items():
        shown = data.groups[group].regularisation if data.groups else "filled up"
        if shown in ("beside", "ignored"):
            for index in members:
                times[index] = data.pictures[index].repeats if shown == "beside" else 0
            continue
        _fill_up(times, members, [data.pictures[index].repeats for index in members], others[group])
    return times


def _fill_up(times: list[int], members: Sequence[int], repeats: Sequence[int], wanted: int) -> None:
    """Let `members` be shown at least `wanted` times in all."""
    for index, own in zip(members, repeats, strict=True):
        if wanted <= 0:
            return
        times[index] = own
        wanted -= own
    for place in range(max(0, wanted)):
        times[members[place % len(members)]] += 1
