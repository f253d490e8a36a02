"""Bases of Anima by the shapes of their modules, and LoRA files for them in any program's keys; without weights."""

from collections.abc import Callable, Mapping
from pathlib import Path

from header_only import write_header_only

from trainer.families.anima.record import FAMILY
from trainer.models.identify import Base, LoraShape
from trainer.models.prediction_markers import PredictionMarkers

WIDTH, TEXT, MLP = 2048, 1024, 8192
_ATTENTION = {"q_proj": WIDTH, "k_proj": WIDTH, "v_proj": WIDTH, "output_proj": WIDTH}
BLOCK: Mapping[str, tuple[int, int]] = {
    **{f"self_attn_{layer}": (WIDTH, WIDTH) for layer in _ATTENTION},
    **{f"cross_attn_{layer}": (TEXT if layer in ("k_proj", "v_proj") else WIDTH, WIDTH) for layer in _ATTENTION},
    "mlp_layer1": (WIDTH, MLP),
    "mlp_layer2": (MLP, WIDTH),
}
"""kohya's name of a module inside a block -> its inputs and outputs (sd-scripts trains these ten)."""

IN_FILES: Mapping[str, tuple[int, int]] = {
    "lora_unet_blocks_0_adaln_modulation_mlp_1": (WIDTH, 256),
    "lora_unet_final_layer_linear": (WIDTH, 64),
    "lora_unet_llm_adapter_blocks_5_mlp_0": (1024, 4096),
    "lora_te_layers_27_mlp_down_proj": (3072, 1024),
}
"""Some modules that other programs train too."""


def sides(depth: int) -> dict[str, tuple[int, int]]:
    """Return kohya's names of the modules that get layers on a base of so many blocks, with their inputs and outputs."""
    return {f"lora_unet_blocks_{block}_{name}": pair for block in range(depth) for name, pair in BLOCK.items()}


def anima_base(depth: int = 28) -> Base:
    """Return a base of so many blocks."""
    shapes = {
        name: LoraShape(*pair, kernel=1, is_conv=False, needs_conv_dim=False, only_in_files=name in IN_FILES)
        for name, pair in (sides(depth) | IN_FILES).items()
    }
    markers = PredictionMarkers("flow", None, "family")
    return Base("anima.safetensors", Path("/nowhere/anima.safetensors"), FAMILY.key, shapes, markers, {})


def write_anima_lora(
    path: Path,
    modules: Mapping[str, tuple[int, int]],
    *,
    rank: int = 4,
    key: Callable[[str], str] = lambda name: name,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a LoRA of zeros and return its path.

    Args:
        path: the .safetensors file.
        modules: kohya's names with inputs and outputs.
        rank: of every layer.
        key: a name -> what its keys begin with in the file.
        metadata: texts for the header.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (inputs, outputs) in modules.items():
        shapes[f"{key(name)}.lora_A.weight"] = (rank, inputs)
        shapes[f"{key(name)}.lora_B.weight"] = (outputs, rank)
    return write_header_only(path, shapes, metadata=metadata)
