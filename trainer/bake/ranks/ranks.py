"""What a training session of several processes does in a step beside computing: its share, and the sum of all shares."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from trainer.bake.batch import StepBatches
from trainer.bake.micro_batches import BatchShare
from trainer.bake.ranks.group import RankGroup
from trainer.journal.state_files import StateHeader
from trainer.models.prediction_type import PredictionDecision
from trainer.plan.plan import Plan
from trainer.settings.model import Settings


class Ranks:
    """This process among those that train one LoRA; every one of them takes the same steps.

    Each passes its share of a batch through the model (see BatchShare), with the noise, times, captions and dropouts that one
    process would give those pictures, and the gradients are added up in one go. They are then those of the whole batch but for the
    order in which they were added, and every process takes the same optimizer step with the same bits.

    Args:
        group: the connection.
    """

    def __init__(self, group: RankGroup) -> None:
        self.group = group

    @property
    def share(self) -> BatchShare:
        """What this process computes of each batch."""
        return BatchShare(self.group.process.rank, self.group.process.processes)

    def start_step(self, work: StepBatches) -> None:
        """Take part in a step that is about to be taken."""

    def add_up(self, weights: Iterable[nn.Parameter], losses: Sequence[Tensor]) -> list[Tensor]:
        """Replace the weights' gradients by their sum over all processes; nothing waits for a GPU.

        Args:
            weights: those of the network, in its order; the ones without a gradient have none in any process.
            losses: of each batch's pictures, fp32 [batch]; 0 where another process has them.

        Returns:
            the same losses, whole.

        Raises:
            ProcessLost: another process has ended.
        """
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        pieces = [*gradients, *losses]
        numbers = torch.cat([piece.reshape(-1).float() for piece in pieces])
        self.group.add_up(numbers)
        summed = torch.split(numbers, [piece.numel() for piece in pieces])
        for gradient, total in zip(gradients, summed, strict=False):
            gradient.copy_(total.view_as(gradient))
        return list(summed[len(gradients) :])

    def put_back(self, facts: StateHeader, tensors: Mapping[str, Tensor]) -> None:
        """Take note of a state that was put in place."""

    def note_settings(self, settings: Settings, rate_scale: float, step: int) -> None:
        """Take note of what holds after `step` steps."""

    def place(self, decision: PredictionDecision, captions: Sequence[str]) -> None:
        """Take note of where models are brought."""

    def replan(self, settings: Settings, plan: Plan) -> None:
        """Take note of a plan whose number of steps is known now."""

    def reduced(self, size: int | None) -> int | None:
        """Return to how many pictures at once memory came down, in this process (`size`) or in one of which that is known by now."""
        return size
