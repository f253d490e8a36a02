"""Names of Anima's modules in the original files and in diffusers; free of torch.

The original's are those of NVIDIA's Cosmos-Predict2, which ComfyUI and kohya's LoRA names keep. Every rule is a pair of module
names, so both directions are the same table.
"""

import re
from collections.abc import Mapping

_ATTENTION = {
    "q_proj": "to_q",
    "k_proj": "to_k",
    "v_proj": "to_v",
    "output_proj": "to_out.0",
    "q_norm": "norm_q",
    "k_norm": "norm_k",
}
IN_BLOCK: Mapping[str, str] = {
    **{f"self_attn.{original}": f"attn1.{name}" for original, name in _ATTENTION.items()},
    **{f"cross_attn.{original}": f"attn2.{name}" for original, name in _ATTENTION.items()},
    **{
        f"adaln_modulation_{kind}.{layer}": f"norm{number}.linear_{layer}"
        for number, kind in enumerate(("self_attn", "cross_attn", "mlp"), 1)
        for layer in (1, 2)
    },
    "mlp.layer1": "ff.net.0.proj",
    "mlp.layer2": "ff.net.2",
}
"""The original's path of a module inside a block -> diffusers'."""

OUTSIDE: Mapping[str, str] = {
    "x_embedder.proj.1": "patch_embed.proj",
    "t_embedder.1.linear_1": "time_embed.t_embedder.linear_1",
    "t_embedder.1.linear_2": "time_embed.t_embedder.linear_2",
    "t_embedding_norm": "time_embed.norm",
    "final_layer.adaln_modulation.1": "norm_out.linear_1",
    "final_layer.adaln_modulation.2": "norm_out.linear_2",
    "final_layer.linear": "proj_out",
}
"""The same outside of all blocks."""

_FROM_BLOCK = {name: original for original, name in IN_BLOCK.items()}
_FROM_OUTSIDE = {name: original for original, name in OUTSIDE.items()}

_ORIGINAL_BLOCK = re.compile(r"blocks\.(\d+)\.(.+)")
_BLOCK = re.compile(r"transformer_blocks\.(\d+)\.(.+)")

CONDITIONER = "llm_adapter."
"""What the names of the text conditioner's weights start with in a file that holds it beside the body."""

IDLE = re.compile(r"pos_embedder\.|accum_|.*(?:_extra_state|\.inv_freq)$")
"""What files hold beside the body's weights and no model uses: tables that follow from the sizes, states of a training run."""


def body_module(original: str) -> str | None:
    """Return diffusers' path of a module of the body, of the original's; None for no module of it.

    `blocks.3.self_attn.output_proj` is `transformer_blocks.3.attn1.to_out.0`.
    """
    if match := _ORIGINAL_BLOCK.fullmatch(original):
        name = IN_BLOCK.get(match[2])
        return None if name is None else f"transformer_blocks.{match[1]}.{name}"
    return OUTSIDE.get(original)


def original_module(path: str) -> str | None:
    """Return the original's path of a module of the body, of diffusers'; None for no module of it."""
    if match := _BLOCK.fullmatch(path):
        name = _FROM_BLOCK.get(match[2])
        return None if name is None else f"blocks.{match[1]}.{name}"
    return _FROM_OUTSIDE.get(path)
