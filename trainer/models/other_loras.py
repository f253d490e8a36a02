"""Names of the models that LoRA files are for which no base here takes, recognised by their modules' names; free of torch."""

import re
from collections.abc import Iterable

# What module names hold of one architecture alone, dots as underscores, in the forms of kohya, ComfyUI and diffusers. Names that
# several have (an attention of `double_blocks`, `transformer_blocks_0_attn_add_k_proj`) say nothing.
_KINDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"joint_transformer_blocks_\d"), "AuraFlow"),
    (re.compile(r"(?<!transformer_)joint_blocks_\d"), "SD3"),
    (
        re.compile(r"double_blocks_\d+_(?:img|txt)_(?:mlp_fc|mod_linear)|single_blocks_\d+_modulation_linear"),
        "HunyuanVideo",
    ),
    (re.compile(r"double_blocks_\d+_(?:img|txt)_(?:mlp_[02]$|mod_lin$)|single_blocks_\d+_modulation_lin$"), "Flux"),
    (
        re.compile(r"single_blocks_\d+_linear[12]$|single_transformer_blocks_\d+_(?:attn_to|norm_linear|proj_)"),
        "Flux or a model built like it",
    ),
    (re.compile(r"transformer_blocks_\d+_(?:img|txt)_(?:mlp|mod)_"), "Qwen-Image"),
    (re.compile(r"(?:^|_)blocks_\d+_(?:(?:self|cross)_attn_(?:q|k|v|o|k_img|v_img)|ffn_[02])$"), "Wan"),
    (re.compile(r"(?:context|noise)_refiner_\d"), "Lumina or a model built like it"),
)


def model_of(names: Iterable[str]) -> str:
    """Return the model that LoRA modules of these names are for; "" where they do not tell, or it is one of the families known here.

    Args:
        names: of modules, or keys of tensors.
    """
    plain = [name.replace(".", "_") for name in names]
    return next((title for shown, title in _KINDS if any(shown.search(name) for name in plain)), "")
