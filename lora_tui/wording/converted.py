"""LoRA files of another kind that became plain ones, as lines of text and as plain values."""

from typing import TYPE_CHECKING

from lora_tui.wording.bench import made_json, made_lines
from lora_tui.wording.measures import kinds_words
from trainer.measures.blocks import ordered_scopes, part_label

if TYPE_CHECKING:
    from trainer.lora_tools.convert import Loss
    from trainer.lora_tools.made_lora import MadeLora

_LITTLE = 1e-3


def converted_lines(made: "MadeLora", loss: "Loss") -> list[str]:
    """Return what was made, from what, and what of the change is lost in each part."""
    parts = [part for part, _ in ordered_scopes((part, "") for part in loss.parts) if part]
    of_parts = ", ".join(f"{part_label(part)} {_share(loss.parts[part])}" for part in parts)
    lines = made_lines(made)
    return [
        *lines,
        f"made of {kinds_words(loss.kinds)}",
        f"lost of the size of the change: {_share(loss.parts[''])} ({of_parts})",
    ]


def converted_json(made: "MadeLora", loss: "Loss") -> dict[str, object]:
    """Return the same as plain values; a loss is a share of the size of the change."""
    return made_json(made) | {
        "from": dict(loss.kinds),
        "loss": loss.parts[""],
        "loss_of_parts": {part: lost for part, lost in loss.parts.items() if part},
    }


def _share(lost: float) -> str:
    """Return a loss in per cent; one that is small is not rounded away."""
    return f"{lost:.1%}".replace("%", " %") if lost >= _LITTLE else f"{lost:.1e}"
