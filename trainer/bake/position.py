"""The place of a bake among its steps."""

from dataclasses import dataclass, replace

from trainer.bake.batch import StepBatches
from trainer.bake.validation import ValidationResult


@dataclass(frozen=True)
class BakePosition:
    """Where a bake stands between two steps.

    Attributes:
        step: optimizer steps done.
        epoch: last complete epoch done.
        ends_epoch: whether `step` is its last step.
        validation: the newest result; None before the first one.
    """

    step: int = 0
    epoch: int = 0
    ends_epoch: bool = False
    validation: ValidationResult | None = None

    def after(self, work: StepBatches) -> "BakePosition":
        """Return the position once `work` is done."""
        epoch = work.epoch if work.ends_epoch else work.epoch - 1
        return replace(self, step=work.step, epoch=epoch, ends_epoch=work.ends_epoch)

    def validated(self, result: ValidationResult) -> "BakePosition":
        """Return the same position with a new validation result."""
        return replace(self, validation=result)
