"""A small honest model of a bake's memory, in place of the real prediction: blocks run forward and backward, and bytes are counted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trainer.memory.levers import has_prefix
from trainer.memory.link_speed import LINK_BYTES_A_SECOND
from trainer.memory.peak import BlockCost, MemoryPrediction, Peak, Policy
from trainer.memory.request import BucketUse, MemoryRequest
from trainer.optimizers import card_seconds_a_tensor
from trainer.settings.model import Settings

MIB = 2**20
# Weight tensors that the optimizer steps.
_STEPPED = 1000
NAMES = tuple(
    f"{stage}.{kind}.{index}" for stage in ("down", "up") for kind in ("resnets", "attentions") for index in (0, 1)
)


@dataclass
class MemoryModel:
    """Predicts by counting; every call is remembered.

    Attributes:
        saved: MiB that each block keeps a picture of 512².
        seconds: of each block's forward pass, a picture.
        weights, lora, vae: MiB.
        gaps: what the allocator takes, as a multiple of the peak.
    """

    saved: Sequence[int] = (100, 200, 60, 80, 60, 80, 100, 200)
    seconds: Sequence[float] = (1.0, 3.0, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0)
    weights: int = 1600
    lora: int = 100
    vae: int = 300
    gaps: float = 1.03
    policy: Policy = "card"
    asked: list[MemoryRequest] = field(default_factory=list)

    def __call__(self, request: MemoryRequest) -> MemoryPrediction:
        """Return what a step and caching take."""
        self.asked.append(request)
        settings = request.settings
        width, height, pictures = request.largest
        share = pictures * width * height / 512**2
        twice = self._twice(settings)
        peaks = (self._cache(settings, width * height / 512**2), self._step(request, share, twice))
        batch = max(min(use.pictures, settings.train_batch_size) for use in request.buckets)
        passes = -(-batch // pictures)
        forward = batch * sum(self.seconds)
        again = batch * sum(second for name, second in zip(NAMES, self.seconds, strict=True) if name in twice)
        eight = settings.int8_base or settings.fp8_base
        seconds = (3 * forward + again + 0.5 * (passes - 1)) * (1.05 if eight else 1.0)
        if self.policy == "card":
            seconds += _STEPPED * card_seconds_a_tensor(settings.optimizer_type)
        swapped = settings.blocks_to_swap * self._block_bytes(settings)
        return MemoryPrediction(
            policy=self.policy,
            precision="bf16",
            bucket=(width, height),
            batch=pictures,
            peaks=peaks,
            reserved=int(max(peak.bytes for peak in peaks) * self.gaps),
            flops=1,
            seconds=max(seconds, 2 * passes * swapped / LINK_BYTES_A_SECOND),
            blocks=tuple(
                BlockCost(name, int(saved * MIB * share), 1, second * batch, self._block_bytes(settings))
                for name, saved, second in zip(NAMES, self.saved, self.seconds, strict=True)
            ),
            compiled=False,
            took=0.0,
            stepped=_STEPPED,
        )

    def _cache(self, settings: Settings, area: float) -> Peak:
        pictures = settings.vae_batch_size
        return Peak("cache", "encoding", {"vae": self.vae * MIB, "activations": int(600 * MIB * pictures * area)})

    def _step(self, request: MemoryRequest, share: float, twice: set[str]) -> Peak:
        settings = request.settings
        halved = 2 if settings.int8_base or settings.fp8_base else 1
        moments = 0.6 if settings.optimizer_type == "AdamW8bit" else 2.0
        runs = "text_encoder" not in request.cached_encoders and not settings.encoder_off_card
        return Peak(
            "step",
            "backward",
            {
                "weights": self.weights * MIB // halved - self._freed(settings),
                "encoders": 230 * MIB // halved if runs else 0,
                "lora": self.lora * MIB,
                "optimizer": int(self.lora * MIB * moments),
                "activations": int((50 * MIB + self._held(twice)) * share),
            },
        )

    def _block_bytes(self, settings: Settings) -> int:
        """Return the bytes of each block's weights: a tenth of all."""
        return self.weights * MIB // (20 if settings.int8_base or settings.fp8_base else 10)

    def _freed(self, settings: Settings) -> int:
        """Return the bytes of swapped blocks, less the two that are on the card."""
        return (settings.blocks_to_swap - 2) * self._block_bytes(settings) if settings.blocks_to_swap else 0

    def _held(self, twice: set[str]) -> int:
        """Return the most that is held while the blocks run forward, and back again with those of `twice` computed anew."""
        live, most, kept = 0, 0, []
        for name, saved in zip(NAMES, self.saved, strict=True):
            most = max(most, live + saved * MIB)
            if name not in twice:
                live += saved * MIB
            kept.append((name, saved * MIB))
        for name, saved in reversed(kept):
            if name in twice:
                most = max(most, live + saved)
            else:
                live -= saved
        return most

    @staticmethod
    def _twice(settings: Settings) -> set[str]:
        if not settings.gradient_checkpointing:
            return set()
        names = [name.strip() for name in settings.checkpointed_blocks.split(",") if name.strip()]
        return {name for name in NAMES if not names or has_prefix(name, names)}


def request(*, captions_vary: bool = False, **values: object) -> MemoryRequest:
    """Return the question about settings, on pictures of 512² of which there are plenty."""
    settings = Settings.model_validate({"train_batch_size": 3, "network_dim": 64, **values})
    return MemoryRequest(settings, "sd1", "base", "", (BucketUse(512, 512, 60),), captions_vary, None, "card")
