"""The predicted memory of a bake: each stage's peak by part and moment, and what each block costs. Free of torch."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, Self

from trainer.bounds import Bounds

PeakStage = Literal["load", "cache", "texts", "step", "sample", "decode"]
Policy = Literal["card", "cpu"]
"""Whose allocator and kernels: a card's, or the CPU's that a test can measure."""

Bytes = Annotated[int, Bounds(ge=0)]
"""A number of bytes, or of operations."""

PARTS = ("weights", "encoders", "vae", "lora", "optimizer", "gradients", "activations", "scratch")
"""What memory is held for, in the order it is listed."""


@dataclass(frozen=True)
class Peak:
    """The most that is held in one stage.

    Attributes:
        stage: which.
        moment: when in it, in words: `backward of up_blocks.3.attentions.2`.
        parts: bytes by part, those of PARTS that are not 0; their sum is the peak as the allocator counts it.
    """

    stage: PeakStage
    moment: str
    parts: Mapping[str, Bytes]

    @property
    def bytes(self) -> int:
        """The sum of the parts."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class BlockCost:
    """What one block of the U-Net or an encoder keeps for the backward pass, and what computing it again costs.

    Attributes:
        name: as checkpointed_blocks takes it.
        saved: bytes freed by checkpointing it: what it keeps less what it must keep even then.
        flops: of its forward pass.
        seconds: of its forward pass, estimated; see MemoryPrediction.seconds.
        weights: bytes of its frozen weights, if it is one of the body's, which blocks_to_swap may keep off the card; else 0.
    """

    name: str
    saved: Bytes
    flops: Bytes
    seconds: float
    weights: Bytes = 0


@dataclass(frozen=True)
class MemoryPrediction:
    """What is known of a bake's memory before it.

    Attributes:
        policy: whose kernels and allocator.
        precision: of the arithmetic: no, fp16, bf16.
        bucket: width and height of the largest pictures that train.
        batch: pictures that pass through at once.
        peaks: of each stage that there will be.
        reserved: bytes the allocator takes from the card at the largest peak, its own rounding and gaps included.
        flops: of one optimizer step.
        seconds: of one optimizer step on a card of 2021's upper middle class, estimated from each kernel's operations and bytes:
            good to compare settings by, not to tell the time.
        blocks: every block that can be checkpointed, in the order of the forward pass.
        compiled: whether the settings ask for torch_compile; the figures are those of the eager step.
        took: seconds the prediction itself took, imports aside.
        stepped: weight tensors that the optimizer steps.
    """

    policy: Policy
    precision: str
    bucket: tuple[int, int]
    batch: int
    peaks: Annotated[tuple[Peak, ...], Bounds(min_length=1)]
    reserved: Bytes
    flops: Bytes
    seconds: float
    blocks: tuple[BlockCost, ...]
    compiled: bool
    took: float
    stepped: Bytes = 0

    @property
    def peak(self) -> Peak:
        """The greatest of the stages' peaks."""
        return max(self.peaks, key=lambda peak: peak.bytes)

    def of(self, stage: PeakStage) -> Peak | None:
        """Return a stage's peak, None where the bake has no such stage."""
        return next((peak for peak in self.peaks if peak.stage == stage), None)

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what to_json was given.

        Raises:
            KeyError, TypeError: the values are of another form.
        """
        return cls(
            **{
                **values,
                "bucket": tuple(values["bucket"]),
                "peaks": tuple(Peak(**peak) for peak in values["peaks"]),
                "blocks": tuple(BlockCost(**block) for block in values["blocks"]),
            }
        )
