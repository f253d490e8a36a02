"""Combinations of settings whose peak is predicted and measured: what decides memory, each in company of others."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from measured_memory import Measured, measured_step
from ready_steps import ENDLESS, REAL, planned_of

from trainer.memory.peak import MemoryPrediction, Peak
from trainer.memory.predictor import PeakPredictor
from trainer.memory.request import request_of

CHECKPOINTED = "gradient_checkpointing=yes"
UNET_ONLY = ("network_train_unet_only=yes", "shuffle_caption=no")
BF16 = "mixed_precision=bf16"
FP32 = "mixed_precision=no"


@dataclass(frozen=True)
class Case:
    """One combination.

    Attributes:
        options: changes of the demo's settings, each as `name=value`.
        family: of the base in its real size; "" for the demo's.
    """

    options: tuple[str, ...]
    family: str = ""

    @property
    def name(self) -> str:
        """The combination in words, such as `sd1 512² ×3 dim 128 bf16 checkpointed, U-Net`."""
        values = dict(option.split("=", 1) for option in self.options)
        words = [
            self.family or "demo",
            f"{values.get('resolution', '64')}² ×{values.get('train_batch_size', '4')}",
            f"dim {values.get('network_dim', '8')}",
            "fp32" if values.get("mixed_precision") == "no" else values.get("mixed_precision", "fp32"),
        ]
        if "gradient_checkpointing" in values:
            words.append("checkpointed " + values.get("checkpointed_blocks", "")[:20])
        told = ("network_dim", "resolution", "train_batch_size", "mixed_precision", "gradient_checkpointing")
        quiet = (*told, "network_alpha", "shuffle_caption", "checkpointed_blocks", "network_train_unet_only")
        words += [f"{name}={value}" for name, value in values.items() if name not in quiet]
        return " ".join(words).strip() + (", U-Net" if "network_train_unet_only" in values else ", U-Net and encoder")


def _demo(batch: int, side: int, dim: int, *more: str) -> Case:
    sizes = (f"train_batch_size={batch}", f"resolution={side}", f"network_dim={dim}", f"network_alpha={dim}")
    return Case((*sizes, *more))


def _real(family: str, side: int, batch: int, dim: int, *more: str) -> Case:
    return Case(_demo(batch, side, dim, *more).options, family)


DEMO = (
    _demo(4, 64, 8, FP32),
    _demo(4, 64, 8, FP32, CHECKPOINTED),
    _demo(1, 64, 8, FP32),
    _demo(2, 64, 32, FP32),
    _demo(3, 64, 4, FP32, *UNET_ONLY),
    _demo(4, 96, 8, FP32),
    _demo(2, 128, 16, FP32),
    _demo(2, 128, 16, FP32, CHECKPOINTED),
    _demo(1, 128, 64, FP32, CHECKPOINTED, *UNET_ONLY),
    _demo(4, 64, 8, BF16),
    _demo(2, 96, 32, BF16, CHECKPOINTED),
    _demo(1, 128, 4, BF16, *UNET_ONLY),
    _demo(4, 96, 16, BF16, CHECKPOINTED, *UNET_ONLY),
    _demo(4, 64, 32, FP32, "micro_batch_size=2"),
    _demo(2, 64, 32, FP32, "gradient_accumulation_steps=2"),
)
"""On the demo base, at most a second or two each."""

SD15_ON_THE_CPU = (
    _real("sd1", 256, 1, 32, FP32),
    _real("sd1", 256, 1, 32, FP32, CHECKPOINTED),
    _real("sd1", 256, 2, 8, FP32),
    _real("sd1", 256, 4, 32, FP32, CHECKPOINTED),
    _real("sd1", 256, 1, 128, FP32, *UNET_ONLY),
    _real("sd1", 256, 2, 128, FP32, CHECKPOINTED, *UNET_ONLY),
    _real("sd1", 192, 3, 16, FP32),
    _real("sd1", 256, 1, 32, BF16),
    _real("sd1", 256, 1, 32, BF16, CHECKPOINTED),
    _real("sd1", 256, 2, 128, BF16),
    _real("sd1", 256, 4, 8, BF16, *UNET_ONLY),
    _real("sd1", 256, 4, 32, BF16, CHECKPOINTED, *UNET_ONLY),
    _real("sd1", 192, 3, 64, BF16, CHECKPOINTED),
)
"""SD1.5 in its real size at 256² and less, ten to twenty seconds each on two cores."""

ON_A_CARD = (
    _real("sd1", 512, 1, 32, BF16),
    _real("sd1", 512, 1, 32, BF16, CHECKPOINTED),
    _real("sd1", 512, 2, 128, BF16, *UNET_ONLY),
    _real("sd1", 512, 3, 128, BF16),
    _real("sd1", 512, 3, 128, BF16, CHECKPOINTED),
    _real("sd1", 512, 4, 8, BF16, CHECKPOINTED, *UNET_ONLY),
    _real("sd1", 512, 8, 32, BF16, CHECKPOINTED),
    _real("sd1", 768, 1, 64, BF16),
    _real("sd1", 768, 2, 128, BF16, CHECKPOINTED, *UNET_ONLY),
    _real("sd1", 512, 1, 32, "mixed_precision=fp16"),
    _real("sd1", 512, 2, 128, "mixed_precision=fp16", CHECKPOINTED),
    _real("sd1", 256, 1, 32, FP32),
    _real("sd1", 512, 1, 32, FP32, CHECKPOINTED),
    _real("sdxl", 768, 1, 16, BF16, CHECKPOINTED, *UNET_ONLY),
    _real("sdxl", 1024, 1, 32, BF16, CHECKPOINTED, *UNET_ONLY),
)
"""In their real sizes, each below 7.4 GiB."""


@dataclass(frozen=True)
class Compared:
    """A case's prediction beside its measure.

    Attributes:
        case: which.
        measured: the second step's memory.
        predicted: of the same bake, all stages.
    """

    case: Case
    measured: Measured
    predicted: MemoryPrediction

    @property
    def step(self) -> Peak:
        """The predicted peak of the steps."""
        peak = self.predicted.of("step")
        assert peak is not None
        return peak

    @property
    def apart(self) -> float:
        """By which share of the measured peak the predicted one lies above it; below 0 where it lies under it."""
        return self.step.bytes / self.measured.peak - 1


def compared(root: Path, cases: Sequence[Case], bases: dict[str, Path]) -> Iterator[Compared]:
    """Yield every case's prediction and measure, in order; the predictor works ahead in its own process.

    Args:
        root: a demo workspace.
        cases: what to compare.
        bases: a checkpoint of each family that the cases are of; its numbers do not matter.
    """
    grounds = [planned_of(root, _options(case, bases)) for case in cases]
    with closing(PeakPredictor(None)) as predictor, ThreadPoolExecutor(1) as ahead:
        ended = Event()
        answers: list[Future[MemoryPrediction]] = [
            ahead.submit(predictor.predict, request_of(planned), ended.is_set) for planned in grounds
        ]
        try:
            for case, planned, answer in zip(cases, grounds, answers, strict=True):
                yield Compared(case, measured_step(planned), answer.result())
        finally:
            # Whoever stops early waits for no answer.
            ended.set()
            ahead.shutdown(wait=False, cancel_futures=True)


def _options(case: Case, bases: dict[str, Path]) -> tuple[str, ...]:
    side = dict(option.split("=", 1) for option in case.options).get("resolution", "64")
    # One bucket, so that every picture is of the largest.
    options = (*ENDLESS, "enable_bucket=no", f"max_bucket_reso={max(int(side), 128)}", *case.options)
    if not case.family:
        return options
    return (*options, *REAL, f"pretrained_model_name_or_path={bases[case.family]}")
