"""A LoRA file for a base, right in every header and zero in every weight: enough for whatever reads no tensor."""

from collections.abc import Collection, Mapping
from pathlib import Path

from header_only import write_header_only

from trainer.families.numbered_names import NumberedName
from trainer.models.identify import DEMO_BASE, Base, identify_base
from trainer.models.kohya_names import ModuleNames, part_of
from trainer.settings.parts import Part, all_parts


def write_lora(
    path: Path,
    base: Base | None = None,
    *,
    rank: int = 4,
    parts: Collection[Part] = all_parts(),
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write the file with its folder, and return its path.

    Args:
        path: the .safetensors file.
        base: whose modules get layers; the demo where none is given.
        rank: of every layer.
        parts: those that get layers.
        metadata: texts for the header.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name, place in (base or identify_base(DEMO_BASE)).lora_shapes.items():
        if place.needs_conv_dim or place.only_in_files or part_of(name) not in parts:
            continue
        kernel = (1, 1) if place.is_conv else ()
        shapes[f"{name}.lora_down.weight"] = (rank, place.inputs, *kernel)
        shapes[f"{name}.lora_up.weight"] = (place.outputs, rank, *kernel)
        shapes[f"{name}.alpha"] = ()
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_header_only(path, shapes, metadata=metadata)


def write_numbered_lora(path: Path, *, rank: int = 4) -> Path:
    """Write a file as cloneofsimo/lora does: the feed-forward layers of the demo's U-Net, by numbers; return its path."""
    base = identify_base(DEMO_BASE)
    names = ModuleNames(base.family, base.lora_shapes)
    count = sum(name.endswith("_ff_net_0_proj") for name in base.lora_shapes)
    shapes: dict[str, tuple[int, ...]] = {}
    metadata = {"unet": '["GEGLU"]', "<s1>": "<embed>"}
    for number in range(count):
        place = base.lora_shapes[names.own(str(NumberedName("lora_unet_", number, count, ("geglu",), False)))]
        shapes[f"unet:{number}:up"], shapes[f"unet:{number}:down"] = (place.outputs, rank), (rank, place.inputs)
        metadata[f"unet:{number}:rank"] = str(rank)
    return write_header_only(path, shapes | {"<s1>": (768,)}, metadata=metadata)
