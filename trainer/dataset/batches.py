"""In which order and company do pictures come in an epoch?"""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Batch:
    """Pictures that go through the model together: their bucket (width, height) and their indices in the data."""

    bucket: tuple[int, int]
    pictures: tuple[int, ...]


def epoch_batches(
    buckets: Sequence[tuple[int, int]], repeats: Sequence[int], batch_size: int, *, seed: int, epoch: int
) -> list[Batch]:
    """Return the batches of one epoch; `seed` and `epoch` alone decide their order.

    Every picture comes `repeats` times. A batch holds pictures of one bucket; the last one of a bucket may be smaller
    (sd-scripts neither fills it up nor drops it).

    Args:
        buckets: the bucket of each picture.
        repeats: how often each picture comes.
        batch_size: the most pictures in a batch.
        seed: the bake's seed.
        epoch: its number.
    """
    members: dict[tuple[int, int], list[int]] = {}
    for index, (bucket, times) in enumerate(zip(buckets, repeats, strict=True)):
        members.setdefault(bucket, []).extend([index] * times)
    # A text seeds the same everywhere: numbers side by side would share streams between (seed, epoch) pairs.
    order = random.Random(f"order {seed} {epoch}")
    batches: list[Batch] = []
    for bucket in sorted(members):
        pictures = members[bucket]
        order.shuffle(pictures)
        starts = range(0, len(pictures), batch_size)
        batches += [Batch(bucket, tuple(pictures[start : start + batch_size])) for start in starts]
    order.shuffle(batches)
    return batches
