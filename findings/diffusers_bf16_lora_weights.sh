#!/usr/bin/env bash
# diffusers adds a LoRA in bfloat16 to a U-Net in bfloat16, and AdamW at 1e-4 leaves most of its down weights as they started.
#
# Versions: diffusers 0.42.1, peft 0.21.2, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: the frozen U-Net can be in bfloat16, the few weights that are trained are in float32, as PEFT's get_peft_model makes
#   them.
# Behaviour: unet.add_adapter(config) calls another entrance of PEFT and leaves the LoRA in the U-Net's type. A bfloat16 has 8
#   bits: a step of 1e-4 is less than half of what separates numbers above 0.03 or so and is rounded away, every time.
#   With init_lora_weights="gaussian", as diffusers' example scripts have it, six of ten down weights at rank 16 never change,
#   though each step has the full size of the rate; at 1e-5 it is nineteen of twenty. Up weights start at 0 and do move.
# Why it matters: nothing fails and the loss falls, for the up matrices learn; most of the down side stays a random
#   projection, and a change of the learning rate does something else than one expects. diffusers' scripts raise the LoRA to
#   float32 for mixed_precision="fp16" alone. cast_training_params(unet, dtype=torch.float32) after add_adapter fixes it.
# Fails where add_adapter makes float32 weights, or AdamW moves bfloat16 ones.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from diffusers import UNet2DConditionModel
from diffusers.training_utils import cast_training_params
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
CONFIG = LoraConfig(r=16, lora_alpha=16, init_lora_weights="gaussian", target_modules=["to_q", "to_k", "to_v", "to_out.0"])


def small_unet() -> UNet2DConditionModel:
    """Return a U-Net with attention as wide as SD1.5's first block, frozen and in bfloat16."""
    unet = UNet2DConditionModel(
        down_block_types=("CrossAttnDownBlock2D",),
        up_block_types=("CrossAttnUpBlock2D",),
        block_out_channels=(320,),
        layers_per_block=1,
        attention_head_dim=8,
        cross_attention_dim=768,
    )
    return unet.requires_grad_(False).to(torch.bfloat16)


def weights(model: torch.nn.Module, side: str) -> list[torch.nn.Parameter]:
    return [weight for name, weight in model.named_parameters() if side in name]


def unmoved(rate: float, raised: bool) -> dict[str, float]:
    """Return which share of the down and of the up weights is what it was after 100 steps that all go one way."""
    unet = small_unet()
    unet.add_adapter(CONFIG)
    if raised:
        cast_training_params(unet, dtype=torch.float32)
    both = {side: weights(unet, f"lora_{side}") for side in "AB"}
    before = {side: [weight.detach().clone() for weight in both[side]] for side in "AB"}
    optimizer = torch.optim.AdamW(both["A"] + both["B"], lr=rate, weight_decay=0)
    for _ in range(100):
        for weight in both["A"] + both["B"]:
            # Gradients of one sign make AdamW's steps as large as they get: the learning rate.
            weight.grad = torch.full_like(weight, 1e-3)
        optimizer.step()
    return {
        side: sum((new == old).sum().item() for new, old in zip(both[side], before[side], strict=True))
        / sum(weight.numel() for weight in both[side])
        for side in "AB"
    }


with_diffusers = small_unet()
with_diffusers.add_adapter(CONFIG)
types = {
    "unet.add_adapter": {weight.dtype for weight in weights(with_diffusers, "lora_")},
    "peft.get_peft_model": {weight.dtype for weight in weights(get_peft_model(small_unet(), CONFIG), "lora_")},
}
for title, found in types.items():
    print(f"{title}: LoRA weights of a bfloat16 U-Net are {', '.join(map(str, found))}")
shares = {(rate, raised): unmoved(rate, raised) for rate, raised in ((1e-5, False), (1e-4, False), (1e-4, True))}
for (rate, raised), share in shares.items():
    title = "raised to float32" if raised else "as added"
    print(f"rate {rate:g}, {title}: {share['A']:.0%} of the down and {share['B']:.0%} of the up weights unmoved by 100 steps")
expected = (
    types == {"unet.add_adapter": {torch.bfloat16}, "peft.get_peft_model": {torch.float32}}
    and shares[1e-5, False]["A"] > 0.9
    and 0.5 < shares[1e-4, False]["A"] < 0.7
    and shares[1e-4, True]["A"] < 0.001
    and all(share["B"] == 0 for share in shares.values())
)
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
