#!/usr/bin/env bash
# diffusers takes a fused LoRA out of the weights and leaves its strength behind, so that strengths multiply.
#
# Versions: diffusers 0.42.1, peft 0.21.2, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: fuse_lora(lora_scale=s) puts the LoRA into the weights at strength s, and unfuse_lora() brings back what was before.
# Behaviour: the base's weights come back. The LoRA's own scale stays multiplied by s: active again it acts at s, and the next
#   fuse_lora(lora_scale=s) fuses it at s * s. After a strength of 0 it does nothing any more. set_adapters with a weight sets
#   the scale again.
# Why it matters: fusing is the fast way to make a row of pictures at several strengths. The second picture of 0.25, 0.5,
#   0.75, 1 is one at 0.125, the last at 0.094: strong settings look harmless, and the LoRA weak.
# Fails where unfuse_lora brings the scale back too.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import math
import sys

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig

torch.manual_seed(0)
unet = UNet2DConditionModel(
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    block_out_channels=(32, 64),
    layers_per_block=1,
    attention_head_dim=4,
    cross_attention_dim=32,
).requires_grad_(False)
unet.add_adapter(LoraConfig(r=4, lora_alpha=4, init_lora_weights=False, target_modules=["to_q", "to_v"]))
layer = unet.mid_block.attentions[0].transformer_blocks[0].attn1.to_q
base = layer.base_layer.weight.clone()
change = layer.get_delta_weight("default").clone()


def fused(asked: float) -> float:
    """Return the strength at which the LoRA is in the weights, fused at the one asked for; it is out of them again afterwards."""
    unet.fuse_lora(lora_scale=asked)
    strength = ((layer.base_layer.weight - base) * change).sum() / change.square().sum()
    unet.unfuse_lora()
    assert torch.allclose(layer.base_layer.weight, base, atol=1e-6)
    return strength.item()


asked = (0.25, 0.5, 0.75, 1.0)
row = [fused(strength) for strength in asked]
unet.set_adapters(["default"], [1.0])
reset = fused(0.75)
gone = [fused(strength) for strength in (0.0, 1.0)]
print("asked for", *asked, "in turn: fused at", *(f"{strength:.3f}" for strength in row))
print(f"after set_adapters at 1, asked for 0.75: fused at {reset:.3f}")
print("asked for 0 and then for 1: fused at", *(f"{strength:.3f}" for strength in gone))
wanted = [*(math.prod(asked[: index + 1]) for index in range(4)), 0.75, 0.0, 0.0]
expected = all(abs(strength - product) < 1e-3 for strength, product in zip((*row, reset, *gone), wanted, strict=True))
print("as described: each strength is multiplied by all before it" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
