#!/usr/bin/env bash
# diffusers loads a folder of PEFT without its config, and the LoRA acts at another strength.
#
# Versions: diffusers 0.42.1, peft 0.21.2, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: a folder that PEFT saved (adapter_model.safetensors and adapter_config.json) gives the same change of the U-Net in
#   diffusers, with `unet.load_lora_adapter(folder, weight_name="adapter_model.safetensors", prefix="base_model.model")`.
# Behaviour: diffusers reads the weights alone. lora_alpha, alpha_pattern and use_rslora stand in the config beside them, so
#   alpha becomes the rank and the scale 1: a LoRA of alpha 1 at rank 4 acts four times as strong as where it was trained, one
#   of rsLoRA with alpha 4 half as strong. Nothing warns; a file that diffusers saved itself has the config in its header.
# Why it matters: alpha 1, or alpha at half of the rank, is common. A LoRA that was judged good in the program that trained it
#   looks overtrained in the one that makes pictures, and the search begins in its learning rates.
# Fails where diffusers reads the config beside the weights.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import copy
import sys
import tempfile
import warnings

import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, PeftModel, get_peft_model

warnings.simplefilter("ignore")
torch.manual_seed(0)
unet = UNet2DConditionModel(
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    block_out_channels=(32, 64),
    layers_per_block=1,
    attention_head_dim=4,
    cross_attention_dim=32,
).eval()
given = torch.randn(1, 4, 16, 16), torch.tensor([10]), torch.randn(1, 7, 32)


@torch.no_grad()
def output(model: torch.nn.Module) -> torch.Tensor:
    return model(*given, return_dict=False)[0]


def scales(**config: object) -> tuple[float, float, float]:
    """Return PEFT's scale of a saved folder, diffusers' of the same, and how much stronger it acts there."""
    folder = tempfile.mkdtemp()
    options = LoraConfig(r=4, init_lora_weights=False, target_modules=["to_q", "to_v"], **config)
    get_peft_model(copy.deepcopy(unet), options).save_pretrained(folder)
    in_peft = PeftModel.from_pretrained(copy.deepcopy(unet), folder)
    in_diffusers = copy.deepcopy(unet)
    in_diffusers.load_lora_adapter(folder, weight_name="adapter_model.safetensors", prefix="base_model.model")
    found = [
        next(value for module in model.modules() for value in getattr(module, "scaling", {}).values())
        for model in (in_peft, in_diffusers)
    ]
    plain = output(unet)
    stronger = (output(in_diffusers) - plain).norm() / (output(in_peft) - plain).norm()
    return found[0], found[1], stronger.item()


half, rslora = scales(lora_alpha=1), scales(lora_alpha=4, use_rslora=True)
for title, (peft, diffusers, stronger) in (("alpha 1", half), ("rsLoRA, alpha 4", rslora)):
    print(f"{title}, rank 4: scale {peft:g} in PEFT, {diffusers:g} in diffusers, which changes the output {stronger:.2f} times as much")
if (half[:2], rslora[:2]) != ((0.25, 1.0), (2.0, 1.0)):
    sys.exit("the behaviour has changed")
PY
