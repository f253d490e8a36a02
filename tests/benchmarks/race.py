"""A race on bases in their real size with random weights: this program, sd-scripts and another commit, as far as they are named.

On the CPU SD1.5 at 256², batch 1, dim 32, U-Net and encoder; on a card also SDXL at 1024² and the source notes' settings. Needs
2.1 GB of disk on the CPU and 9 GB on a card; memory for all that race at once, some 6 GB each.
"""

from collections.abc import Iterator, Sequence

import torch
from beside import Bake, beside
from compared import Compared
from ready_steps import REAL
from real import CHECKPOINTED, LARGE, NOTES, SMALL, UNET_ONLY, random_base
from table import Budget, Table

from trainer.machine.cpu import has_bf16_units

_OPTIMIZERS = ("AdamW", "AdamW8bit")


def measure_beside(compared: Compared, budget: Budget) -> Sequence[Table]:
    """Return seconds a step, memory and loss of all that race."""
    card = torch.cuda.is_available()
    title = "bases in their real size on this card" if card else "SD1.5 in its real size, 256², batch 1, dim 32"
    return beside(title, list(_on_a_card() if card else _on_the_cpu()), compared, budget)


def _on_the_cpu() -> Iterator[Bake]:
    precisions = ("no", "bf16") if has_bf16_units() else ("no",)
    for optimizer in _OPTIMIZERS:
        for precision in precisions:
            for extra in ((), (CHECKPOINTED,)):
                words = [optimizer, "fp32" if precision == "no" else precision, "checkpointed" if extra else "plain"]
                options = (*REAL, *SMALL, f"mixed_precision={precision}", *extra, f"optimizer_type={optimizer}")
                yield Bake(", ".join(words), options, 4, 0, random_base("sd1"), "sd1")


def _on_a_card() -> Iterator[Bake]:
    for optimizer in _OPTIMIZERS:
        common = (*REAL, "mixed_precision=bf16", f"optimizer_type={optimizer}")
        for name, size, extra, family in (
            ("SDXL 1024², batch 1, dim 32, U-Net, checkpointed", LARGE, (UNET_ONLY, CHECKPOINTED), "sdxl"),
            ("SD1.5 512², batch 3, dim 128", NOTES, (), "sd1"),
            ("SD1.5 512², batch 3, dim 128, checkpointed", NOTES, (CHECKPOINTED,), "sd1"),
            ("SDXL 1024², batch 1, dim 32, U-Net", LARGE, (UNET_ONLY,), "sdxl"),
        ):
            options = (*common, *size, *extra)
            yield Bake(f"{optimizer}, {name}", options, 12, 40 if family == "sdxl" else 25, random_base(family), family)
