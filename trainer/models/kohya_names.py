"""What does kohya call a module? The one place that knows the names of LoRA keys; free of torch."""

from trainer.settings.parts import PARTS, Family, Part, parts_of

__all__ = ["PARTS", "Family", "Part", "kohya_name", "part_of", "parts_of"]

_PREFIXES: dict[Part, str] = {"unet": "lora_unet_", "text_encoder": "lora_te_"}


def kohya_name(part: Part, path: str) -> str:
    """Return the LoRA module name of the module at `path`.

    Args:
        part: which model the module belongs to.
        path: dotted path inside the U-Net (diffusers' names) or the text encoder, with or without the leading `text_model.`.
    """
    # transformers 5 dropped the `text_model` level from CLIPTextModel; files written since 2022 have it.
    if part == "text_encoder" and not path.startswith("text_model."):
        path = f"text_model.{path}"
    return _PREFIXES[part] + path.replace(".", "_")


def part_of(name: str) -> Part | None:
    """Return the part a LoRA module name belongs to, None for a name of another architecture."""
    return next((part for part, prefix in _PREFIXES.items() if name.startswith(prefix)), None)
