#!/usr/bin/env bash
# diffusers loads a LoRA whose ranks differ from layer to layer with wrong scales in the attention.
#
# Versions: diffusers 0.42.1, peft 0.21.2, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: a file with sd-scripts' names acts in `pipeline.load_lora_weights(file)` with each layer's own alpha / rank, as in
#   the webui.
# Behaviour: that holds while all layers have one alpha. Where alphas differ, diffusers hands PEFT a list of the exceptions,
#   but for q, k, v and out of the attention under names that no layer has (`...attn1.processor.to_q_lora.down.weight`). PEFT
#   warns of alpha_pattern keys that matched nothing, and those layers take the commonest alpha with their own rank. Layers
#   beyond the attention (feed-forward, convolutions) are right, and so are ranks.
# Why it matters: this is the file that resizing to a share of the singular values makes (ranks by layer, alpha / rank the
#   same everywhere), and training with another dim for some blocks. It looks as if the resizing had spoiled it. With alpha /
#   rank multiplied into lora_up and the alphas left out, the same LoRA is read exactly.
# Fails where each layer gets its own scale.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import copy
import logging
import sys
import warnings

import torch
from diffusers import DDPMScheduler, StableDiffusionPipeline, UNet2DConditionModel

warnings.simplefilter("ignore")
logging.disable()
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
layers = {
    name: layer.weight.shape
    for name, layer in unet.named_modules()
    if isinstance(layer, torch.nn.Linear) and "transformer_blocks" in name
}
SCALE = 0.5  # alpha / rank of every layer of every file below


@torch.no_grad()
def output(model: torch.nn.Module) -> torch.Tensor:
    return model(*given, return_dict=False)[0]


def wrong(ranks: tuple[int, ...], folded: bool = False) -> tuple[int, float]:
    """Return how many layers diffusers gives another scale, and the error of the output by the change that the LoRA makes."""
    file, merged = {}, copy.deepcopy(unet)
    for index, (name, (outputs, inputs)) in enumerate(layers.items()):
        rank = ranks[index % len(ranks)]
        down, up = torch.randn(rank, inputs) / 4, torch.randn(outputs, rank) / 4
        merged.get_submodule(name).weight.data += SCALE * up @ down
        key = "lora_unet_" + name.replace(".", "_")
        file[f"{key}.lora_down.weight"], file[f"{key}.lora_up.weight"] = down, up * SCALE if folded else up
        if not folded:
            file[f"{key}.alpha"] = torch.tensor(SCALE * rank)
    pipeline = StableDiffusionPipeline(None, None, None, copy.deepcopy(unet), DDPMScheduler(), None, None, None, False)
    pipeline.load_lora_weights(file)
    scales = [scale for layer in pipeline.unet.modules() for scale in getattr(layer, "scaling", {}).values()]
    error = (output(pipeline.unet) - output(merged)).norm() / (output(merged) - output(unet)).norm()
    return sum(scale != (1 if folded else SCALE) for scale in scales), error.item()


found = {
    "rank 8 everywhere": wrong((8,)),
    "ranks 2, 4, 8, 16": wrong((2, 4, 8, 16)),
    "the same, folded": wrong((2, 4, 8, 16), folded=True),
}
for title, (count, error) in found.items():
    print(f"{title}: {count} of {len(layers)} layers at another scale than the file's, output off by {error:.0%} of its change")
(same, exact), (mixed, error), (folded, again) = found.values()
expected = (same, folded) == (0, 0) and mixed == 24 and exact < 1e-4 and again < 1e-4 and error > 0.2
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
