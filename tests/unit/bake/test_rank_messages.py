"""Messages between the processes of one bake, and the shares of a batch."""

import pytest
import torch

from trainer.bake.batch import Batch, StepBatches
from trainer.bake.micro_batches import BatchShare, MicroBatches
from trainer.bake.ranks.message import RankMessage, as_tensor, facts_of_step, step_of


def batch(pictures: int, *, masks: bool) -> Batch:
    noise = torch.randn(pictures, 4, 2, 3)
    return Batch(
        latents=torch.randn(pictures, 4, 2, 3),
        target_noise=noise,
        # One tensor under two names, as without ip_noise_gamma.
        input_noise=noise,
        timesteps=torch.arange(pictures),
        input_ids=torch.randint(0, 100, (pictures, 77)),
        weights=torch.rand(pictures),
        folder_of=torch.rand(2, pictures),
        time_ids=torch.zeros(pictures, 6, dtype=torch.int64),
        masks=torch.rand(pictures, 1, 2, 3) if masks else None,
        captions=tuple(f"caption {number}, “é”" for number in range(pictures)),
    )


def test_a_step_arrives_as_it_was_sent() -> None:
    work = StepBatches(7, 2, True, (batch(3, masks=True), batch(1, masks=False)), (4, 0, 2, 2))
    facts, tensors = facts_of_step(work)
    sent = as_tensor(RankMessage("step", facts, tensors).to_bytes())
    message = RankMessage.from_bytes(sent.numpy().tobytes())
    arrived = step_of(message)
    assert message.kind == "step"
    assert (arrived.step, arrived.epoch, arrived.ends_epoch, arrived.pictures) == (7, 2, True, (4, 0, 2, 2))
    for was, now in zip(work.batches, arrived.batches, strict=True):
        assert now.captions == was.captions
        assert torch.equal(now.latents, was.latents) and torch.equal(now.input_noise, was.input_noise)
        assert torch.equal(now.input_ids, was.input_ids) and torch.equal(now.folder_of, was.folder_of)
        assert (now.masks is None) == (was.masks is None)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("processes", [2, 3, 5])
def test_every_picture_is_in_one_share(count: int, processes: int) -> None:
    rows = [BatchShare(rank, processes).rows(count) for rank in range(processes)]
    assert [row for first, last in rows for row in range(first, last)] == list(range(count))
    sizes = [last - first for first, last in rows]
    assert max(sizes) - min(sizes) <= 1


def test_an_empty_share_passes_a_picture_that_does_not_count() -> None:
    idle = MicroBatches(share=BatchShare(0, 3))
    assert idle.rows(2) == (0, 1) and not idle.counts(2)
    assert idle.whole(torch.ones(1), 2).tolist() == [0.0, 0.0]
    last = MicroBatches(share=BatchShare(2, 3))
    assert last.counts(2) and last.whole(torch.ones(1), 2).tolist() == [0.0, 1.0]
    alone = MicroBatches()
    assert alone.rows(2) == (0, 2) and alone.counts(2)
