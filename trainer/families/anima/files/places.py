"""Places where people keep what Anima's single files lack: beside the base, and in the folders of ComfyUI and the webuis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# From a base in ComfyUI/models/diffusion_models/anima/ up to where ComfyUI lies.
_LEVELS_UP = 5


@dataclass(frozen=True)
class UsualPlace:
    """Where a file usually lies.

    Attributes:
        names: what it is called.
        folders: those that it lies in, below the base's own or one above it; the base's own counts too.
        told: for the words of an error; "" where nothing need be there.
    """

    names: tuple[str, ...]
    folders: tuple[str, ...]
    told: str = ""


USUAL: Mapping[str, UsualPlace] = {
    "qwen3": UsualPlace(
        ("qwen_3_06b_base.safetensors",),
        ("text_encoders", "text_encoder", "models/text_encoders", "models/text_encoder"),
        "ComfyUI keeps it as models/text_encoders/qwen_3_06b_base.safetensors",
    ),
    "vae": UsualPlace(
        ("qwen_image_vae.safetensors",),
        ("vae", "VAE", "models/vae", "models/VAE"),
        "ComfyUI keeps it as models/vae/qwen_image_vae.safetensors",
    ),
    "qwen3_tokenizer": UsualPlace(
        ("qwen3_tokenizer", "qwen25_tokenizer", "qwen3_06b"),
        ("tokenizers", "comfy/text_encoders", "configs"),
    ),
    "t5_tokenizer_path": UsualPlace(
        ("t5_tokenizer", "t5_old"),
        ("tokenizers", "comfy/text_encoders", "configs"),
    ),
    "llm_adapter_path": UsualPlace((), (), "Anima's own file holds it beside the transformer"),
}
"""Setting -> where what it names usually lies."""

_IN_FOLDER = {"qwen3_tokenizer": "tokenizer", "t5_tokenizer_path": "t5_tokenizer"}


def beside(base: Path) -> dict[str, Path]:
    """Return what lies where it usually does, by setting.

    Args:
        base: the base's file, or its diffusers folder.
    """
    if base.is_dir():
        return {setting: place for setting, name in _IN_FOLDER.items() if (place := base / name).is_dir()}
    found = ((setting, next(_places(base, usual), None)) for setting, usual in USUAL.items())
    return {setting: place for setting, place in found if place is not None}


def _places(base: Path, usual: UsualPlace) -> Iterator[Path]:
    above = list(base.parents)[:_LEVELS_UP]
    for folder in (base.parent, *(parent / name for parent in above for name in usual.folders)):
        for name in usual.names:
            if (place := folder / name).exists():
                yield place
