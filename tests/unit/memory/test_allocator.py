"""What does a card's allocator make of a log? Rounding, gaps and pages."""

import random

import pytest

from trainer.memory.allocator import peak_of, reserved_of
from trainer.memory.tracker import Allocation, Log

MIB = 1 << 20


def log_of(*changes: tuple[int, int]) -> Log:
    """A log of (number, size); a size of 0 gives the piece back."""
    log = Log(moments=[""])
    for number, size in changes:
        if size:
            log.allocations[number] = Allocation("activations", size)
        log.events.append((number, 1 if size else -1, 0))
    return log


def test_sizes_are_rounded_up_to_512_bytes() -> None:
    log = log_of((0, 1), (1, 513))
    assert peak_of(log, rounds=True)[0] == {"activations": 512 + 1024}
    assert peak_of(log, rounds=False)[0] == {"activations": 514}


@pytest.mark.parametrize(
    ("changes", "reserved"),
    [
        # Small pieces come from pages of 2 MiB, large ones from 20 MiB.
        ([(0, 1000)], 2 * MIB),
        ([(0, 1000), (1, 2 * MIB)], 22 * MIB),
        ([(0, 15 * MIB), (1, 15 * MIB)], 40 * MIB),
        # A gap is used again where the piece fits into it.
        ([(0, 20 * MIB), (1, 20 * MIB), (0, 0), (2, 20 * MIB)], 40 * MIB),
        # It is not where the piece is larger, though enough is free in all.
        ([(0, 20 * MIB), (1, 20 * MIB), (0, 0), (2, 21 * MIB)], 80 * MIB),
        # Gaps side by side are one.
        ([(0, 20 * MIB), (1, 20 * MIB), (2, 20 * MIB), (0, 0), (1, 0), (3, 40 * MIB)], 60 * MIB),
        # What lies free at the end grows.
        ([(0, 20 * MIB), (1, 20 * MIB), (1, 0), (2, 40 * MIB)], 60 * MIB),
    ],
)
def test_what_is_taken_from_the_card(changes: list[tuple[int, int]], reserved: int) -> None:
    assert reserved_of(log_of(*changes)) == reserved


@pytest.mark.parametrize("seed", range(5))
def test_it_takes_at_least_what_is_held_and_never_much_more_than_everything(seed: int) -> None:
    chance = random.Random(seed)
    log, there = Log(moments=[""]), []
    for number in range(400):
        if there and chance.random() < 0.5:
            log.events.append((there.pop(chance.randrange(len(there))), -1, 0))
        size = chance.choice([700, 40_000, 3 * MIB, 9 * MIB])
        log.allocations[number] = Allocation("activations", size)
        log.events.append((number, 1, 0))
        there.append(number)
    held = sum(peak_of(log, rounds=True)[0].values())
    everything = sum(life.size for life in log.allocations.values())
    assert held <= reserved_of(log) <= everything + 42 * MIB
