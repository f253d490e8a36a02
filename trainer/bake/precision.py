"""The number type that a bake computes in, and what its device must be able to do."""

import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState, PartialState

from trainer.errors import SettingsError
from trainer.lean.quantized import kind_of
from trainer.machine.devices import fp16_needs_a_card, xformers_needs_a_card
from trainer.settings.model import Settings

PrecisionName = Literal["no", "fp16", "bf16"]
_DTYPES: dict[PrecisionName, torch.dtype] = {"no": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Precision:
    """The precision in force: accelerate's name for it, and the type of the frozen base."""

    name: PrecisionName
    dtype: torch.dtype


def resolve_precision(wanted: Literal["auto", "no", "fp16", "bf16"], device: torch.device) -> Precision:
    """Return the precision that the setting `mixed_precision` means on `device`; `auto` is bf16 where the card has it, else fp32.

    On a CPU `auto` is fp32: bf16 halves the memory of an SD1.5 there, but the demo base takes 1.9 times as long in it.

    Raises:
        SettingsError: fp16 without a card, bf16 on a card without it.
    """
    has_card = device.type == "cuda"
    # Emulated bf16, which torch counts as support by default, is slower than fp32.
    card_has_bf16 = has_card and torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "auto":
        return _precision("bf16" if card_has_bf16 else "no")
    if wanted == "fp16" and not has_card:
        raise fp16_needs_a_card()
    if wanted == "bf16" and has_card and not card_has_bf16:
        raise SettingsError(
            "mixed_precision", found="bf16, which this GPU does not support", expected="fp16 or no", way_out="set fp16"
        )
    return _precision(wanted)


def check_xformers(device: torch.device) -> None:
    """Check that xformers' attention works on `device`.

    Raises:
        DeviceError: `device` is not a card.
        SettingsError: the package is not installed.
    """
    if device.type != "cuda":
        raise xformers_needs_a_card()
    if importlib.util.find_spec("xformers") is None:
        raise SettingsError(
            "xformers",
            found="on, but the package is not installed",
            way_out="pip install 'lora-tui[xformers]', or set xformers = false",
        )


def precision_text(name: str, settings: Settings) -> str:
    """Return a precision's name, with the 8-bit format of the base's weights where they have one: it changes the picture."""
    kind = kind_of(settings)
    return f"{name}, {kind} weights" if kind else name


def _precision(name: PrecisionName) -> Precision:
    return Precision(name, _DTYPES[name])


def fresh_accelerator(wanted: Literal["auto", "no", "fp16", "bf16"]) -> tuple[Any, Precision]:
    """Return an Accelerator without any state of earlier bakes, and the precision in force.

    Raises:
        SettingsError: the device cannot compute in the wanted precision.
    """
    # accelerate keeps its state in class attributes: a second Accelerator of another precision would raise.
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()
    precision = resolve_precision(wanted, PartialState().device)
    # The step accumulates by itself: accelerate divides the leftover group of an epoch by the full count.
    return Accelerator(mixed_precision=precision.name), precision
