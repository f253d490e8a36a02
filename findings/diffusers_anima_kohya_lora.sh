#!/usr/bin/env bash
# diffusers loads an Anima LoRA with sd-scripts' names, says nothing, and nothing of it acts.
#
# Versions: diffusers 0.42.1, peft 0.21.2, transformers 5.23.0, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: `pipeline.load_lora_weights(file)` takes the files of sd-scripts' anima_train_network.py (`lora_unet_blocks_0_self_attn_q_proj`),
#   as it does for SD1.5, SDXL and Flux; at least it warns where it finds no layer, as it does for other bases.
# Behaviour: it looks for keys that begin with "transformer.", "text_conditioner." or "diffusion_model."; its one check is whether every key
#   has "lora" in it, which sd-scripts' names have. Nothing is left, nothing is loaded, there is no adapter, and there is no warning. The
#   same weights under ComfyUI's names act, unless an alpha stands beside them: then the file is refused as no LoRA.
# Why it matters: pictures with and without the LoRA are the same, and whoever compares epochs sees a LoRA that learned nothing. sd-scripts,
#   the kohya_ss GUI and OneTrainer write such files; ComfyUI and Forge read them.
# Fails where diffusers reads these names, or says that it does not.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import logging
import sys
import warnings

import torch
from diffusers import AnimaAutoBlocks, CosmosTransformer3DModel

said: list[str] = []


class Kept(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        said.append(record.getMessage())


torch.manual_seed(0)
# Anima's transformer, but small.
transformer = CosmosTransformer3DModel(
    in_channels=16,
    out_channels=16,
    num_attention_heads=2,
    attention_head_dim=16,
    num_layers=2,
    text_embed_dim=32,
    adaln_lora_dim=8,
    max_size=(128, 240, 240),
    patch_size=(1, 2, 2),
    rope_scale=(1.0, 4.0, 4.0),
    concat_padding_mask=False,
    extra_pos_embed_type=None,
).requires_grad_(False)
pipeline = AnimaAutoBlocks().init_pipeline()
pipeline.update_components(transformer=transformer)
sizes = {"self_attn.q_proj": "attn1.to_q", "cross_attn.v_proj": "attn2.to_v", "mlp.layer1": "ff.net.0.proj"}
sd_scripts: dict[str, torch.Tensor] = {}
comfyui: dict[str, torch.Tensor] = {}
alphas: dict[str, torch.Tensor] = {}
for block in range(2):
    for layer, place in sizes.items():
        weight = transformer.get_submodule(f"transformer_blocks.{block}.{place}").weight
        down, up, alpha = torch.randn(4, weight.shape[1]), torch.randn(weight.shape[0], 4), torch.tensor(4.0)
        path = f"blocks.{block}.{layer}"
        name = f"lora_unet_{path.replace('.', '_')}"
        sd_scripts |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up, f"{name}.alpha": alpha}
        comfyui |= {f"diffusion_model.{path}.lora_A.weight": down, f"diffusion_model.{path}.lora_B.weight": up}
        alphas |= {f"diffusion_model.{path}.alpha": alpha}


@torch.no_grad()
def output() -> torch.Tensor:
    given = torch.randn(1, 16, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    return transformer(given, torch.tensor([0.5]), torch.ones(1, 7, 32), return_dict=False)[0]


base = output()
logging.getLogger("diffusers").addHandler(Kept())
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    pipeline.load_lora_weights(sd_scripts, adapter_name="hifumi")
said += [str(each.message) for each in warned]
nothing = float((output() - base).abs().max()), pipeline.get_list_adapters(), said[:]
print(f"sd-scripts' names: change {nothing[0]}, adapters {nothing[1]}, said {nothing[2]}")
refusal = ""
try:
    pipeline.load_lora_weights(comfyui | alphas, adapter_name="alpha")
except ValueError as error:
    refusal = str(error)
print(f"ComfyUI's names with alpha: {refusal}")
pipeline.load_lora_weights(comfyui, adapter_name="hifumi")
change = float((output() - base).norm() / base.norm())
print(f"ComfyUI's names without: change {change:.2f} of the output, adapters {pipeline.get_list_adapters()}")
expected = nothing == (0.0, {}, []) and "Invalid LoRA" in refusal and change > 0.1
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
