"""How does a bake get its device and autocast? From a fresh accelerate Accelerator each time."""

from typing import Any, Literal

from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState

from trainer.bake.precision import Precision, resolve_precision


def fresh_accelerator(wanted: Literal["auto", "no", "fp16", "bf16"]) -> tuple[Any, Precision]:
    """Return an Accelerator that knows nothing of earlier bakes, and the precision in force.

    Raises:
        SettingsError: the device cannot compute in the wanted precision.
    """
    # accelerate keeps its state in class attributes: a second Accelerator of another precision would raise.
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    precision = resolve_precision(wanted, PartialState().device)
    # Accumulation is the step's own business: accelerate divides the leftover group of an epoch by the full count.
    return Accelerator(mixed_precision=precision.name), precision
