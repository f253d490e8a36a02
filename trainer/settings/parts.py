"""Which parts of a base can a LoRA sit on? The U-Net and its text encoders: one in SD1.x, two in SDXL."""

from typing import Literal

Part = Literal["unet", "text_encoder", "text_encoder_2"]
PARTS: tuple[Part, ...] = ("unet", "text_encoder", "text_encoder_2")

Family = Literal["sd1", "sdxl"]
"""Which architecture: SD1.x, or SDXL and what was trained from it."""

_PARTS_OF: dict[Family, tuple[Part, ...]] = {"sd1": ("unet", "text_encoder"), "sdxl": PARTS}

LABELS: dict[Part, str] = {
    "unet": "U-Net",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
}
"""What a part is called where people read."""


def parts_of(family: Family) -> tuple[Part, ...]:
    """Return the parts of a family, the U-Net first."""
    return _PARTS_OF[family]


def is_encoder(part: Part) -> bool:
    """Return whether the part is a text encoder."""
    return part != "unet"


def metric_of(part: Part) -> str:
    """Return the metric that holds a part's rate."""
    return f"lr_{part}"
