"""Blocks that come to a card over its link: the same bits as from blocks that stay, in the memory that is predicted."""

import math
from pathlib import Path

import pytest
import torch
from measured_memory import measured_step
from ready_steps import ENDLESS, planned_of, ready_steps
from torch import Tensor

from trainer.bake.step import train_step
from trainer.demo.workspace import make_demo
from trainer.memory.request import request_of
from trainer.memory.simulate import predict

STEPS = 4
# The demo's weights are small: so that the two buffers are much less than what is swapped, and activations do not hide it.
OPTIONS = (*ENDLESS, "train_batch_size=1", "mixed_precision=bf16", "validation_data_dir=")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_demo(tmp_path / "demo").root


@pytest.mark.parametrize("more", [(), ("gradient_checkpointing=yes",)], ids=["plain", "checkpointed"])
def test_steps_with_swapped_blocks_are_the_same_bits(root: Path, more: tuple[str, ...]) -> None:
    found: list[list[Tensor]] = []
    for count in (0, 0, 12):
        with ready_steps(planned_of(root, (*OPTIONS, *more, f"blocks_to_swap={count}")), made=STEPS) as ready:
            stream = ready.session.model.stream
            assert (stream is None) is (count == 0)
            assert stream is None or stream.transfers.pinned
            losses = [train_step(ready.session, next(ready.works)).loss for _ in range(STEPS)]
            ready.wait()
            found.append([*losses, *(weight.detach().clone() for weight in ready.session.network.parameters())])
    twin = all(torch.equal(*pair) for pair in zip(found[0], found[1], strict=True))
    same = all(torch.equal(*pair) for pair in zip(found[0], found[2], strict=True))
    # Where two plain bakes differ, a kernel adds up in another order each time, and nothing can be said of bits.
    assert same or not twin
    assert all(math.isfinite(float(loss)) for loss in found[2][:STEPS])


def test_swapped_blocks_take_what_is_predicted(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planned = planned_of(root, (*OPTIONS, "gradient_checkpointing=yes", "blocks_to_swap=12"))
    predicted, measured = predict(request_of(planned, "card")).of("step"), measured_step(planned).peak
    assert predicted is not None
    with capsys.disabled():
        print(f"\n{measured / 2**20:.1f} MiB, predicted {predicted.bytes / 2**20:.1f}")
    assert predicted.bytes == pytest.approx(measured, rel=0.05)
