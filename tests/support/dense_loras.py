"""The whole changes of LoRA files, and files of every plain form to compare them on."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from lora_of_numbers import Layer, kohya, write_lora_of_numbers
from numpy.typing import NDArray

from trainer.lora_tools.references import LoraReference
from trainer.network.lora_content import load_lora

Changes = dict[str, NDArray[np.float64]]

_MID = "lora_unet_mid_block_attentions_0"
KOHYA: dict[str, Layer] = {
    f"{_MID}_transformer_blocks_0_attn1_to_q": Layer(24, 24, 8, alpha=2.0),
    f"{_MID}_transformer_blocks_0_attn2_to_k": Layer(24, 40, 7, alpha=None),
    f"{_MID}_transformer_blocks_0_attn2_to_out_0": Layer(24, 24, 6, alpha=0.0),
    f"{_MID}_transformer_blocks_0_ff_net_0_proj": Layer(64, 24, 32, alpha=8),
    f"{_MID}_proj_in": Layer(24, 24, 5, kernel=1),
    "lora_unet_up_blocks_2_resnets_1_conv1": Layer(20, 12, 6, kernel=3, alpha=-3.0),
    "lora_unet_up_blocks_2_resnets_1_time_emb_proj": Layer(20, 50, 4, size=0),
    "lora_unet_down_blocks_0_resnets_0_conv2": Layer(16, 16, 4, kernel=3, core=True, alpha=2.0),
    "lora_te_text_model_encoder_layers_0_mlp_fc1": Layer(48, 12, 12, alpha=6.0),
    "lora_te_text_model_encoder_layers_1_self_attn_q_proj": Layer(12, 12, 4),
}
"""Layers in kohya's form: Linear, 1x1 and 3x3 convolutions, Tucker's form, more rank than sides, alphas of every kind, no change."""

_PATHS = {
    "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_v": Layer(16, 24, 4, alpha=None),
    "mid_block.resnets.1.conv1": Layer(12, 12, 5, kernel=3, alpha=None),
}


def _peft(module: str) -> dict[str, str]:
    return {"down": f"unet.{module}.lora_A.weight", "up": f"unet.{module}.lora_B.weight"}


def _onetrainer(module: str) -> dict[str, str]:
    return kohya("lora_unet." + module)


def _lycoris(module: str) -> dict[str, str]:
    return kohya("lycoris_" + module.replace(".", "_"))


FORMS: Mapping[str, tuple[Callable[[str], Mapping[str, str]], dict[str, Layer], dict[str, str]]] = {
    "kohya": (kohya, KOHYA, {}),
    "diffusers": (_peft, _PATHS, {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 3, "unet.r": 4})}),
    "onetrainer": (_onetrainer, {name: Layer(16, 24, 4, alpha=2.0) for name in list(_PATHS)[:1]}, {}),
    "lycoris": (_lycoris, _PATHS, {}),
}
"""Form -> its keys, layers and metadata."""


def write_form(path: Path, form: str, *, seed: int = 0, dtype: str = "F32", near: float | None = None) -> Path:
    """Write a file of a form and return its path."""
    keys, layers, metadata = FORMS[form]
    return write_lora_of_numbers(path, layers, seed=seed, dtype=dtype, keys=keys, metadata=metadata, near=near)


def dense(path: Path) -> Changes:
    """Return ΔW of each module in fp64, by the reader that a bake and a grid use."""
    file = load_lora(path)
    found: Changes = {}
    for name in file.modules:
        up = file.tensors[f"{name}.lora_up.weight"].double().flatten(1).numpy()
        down = file.tensors[f"{name}.lora_down.weight"].double().flatten(1).numpy()
        found[name] = file.alpha(name) / file.rank(name) * up @ down
    return found


def distance(one: Changes, other: Changes) -> float:
    """Return ‖one - other‖ / ‖other‖ over all modules of either."""
    names = {*one, *other}
    zero = np.zeros(())
    off = sum(float(np.square(one.get(name, zero) - other.get(name, zero)).sum()) for name in names)
    return float(np.sqrt(off / sum(float(np.square(each).sum()) for each in other.values())))


def cut(change: NDArray[np.float64], rank: int) -> NDArray[np.float64]:
    """Return the best approximation of a rank."""
    left, sizes, right = np.linalg.svd(change, full_matrices=False)
    return (left[:, :rank] * sizes[:rank]) @ right[:rank]


def reference(path: Path) -> LoraReference:
    """Return a file as the bench takes it."""
    return LoraReference(path, path.stem)
