"""The time of copies: one after the other, beside the computation, and waited for only where it comes first."""

import pytest
import torch

from trainer.memory.link import PredictedTransfers
from trainer.memory.link_speed import LINK_BYTES_A_SECOND
from trainer.memory.tracker import Tracker


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(lambda flops, moved, dtype: 1.0, lambda func, args: 0)


def test_the_computation_waits_for_what_has_not_come_and_for_nothing_else(tracker: Tracker) -> None:
    transfers = PredictedTransfers()
    transfers.watch(tracker)
    second = torch.empty(int(LINK_BYTES_A_SECOND), dtype=torch.uint8, device="meta")
    first, next_one = (transfers.copy(second, second) for _ in range(2))
    transfers.wait(first)
    assert tracker.work.seconds == 1.0
    tracker.work.seconds = 5.0
    transfers.wait(next_one)
    assert tracker.work.seconds == 5.0
    transfers.wait(transfers.copy(second, second))
    assert tracker.work.seconds == 6.0
