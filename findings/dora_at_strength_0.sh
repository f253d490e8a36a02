#!/usr/bin/env bash
# A DoRA at strength 0 is not the base, in diffusers, PEFT and LyCORIS, and each leaves something else of it.
#
# Versions: diffusers 0.42.1, peft 0.21.2, lycoris-lora 4.1.3, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: strength 0 is the picture without the LoRA, and half of the strength is about half of the change, as with a plain
#   LoRA.
# Behaviour: a DoRA is a trained direction (base plus up times down) and a trained length of each row. PEFT, and so diffusers'
#   set_adapters, puts the strength on up times down alone: at 0 the rows have the base's direction and still the trained
#   lengths. LyCORIS puts it on the lengths alone: at 0 up times down is there in full. In both a fifth to a half of the
#   change may be left. Switched off (disable_adapters) it is the base.
# Why it matters: rows of pictures from 0 to 1 are how an epoch or a strength is chosen, and the first is taken for the base.
#   With a DoRA "without" is a picture with it; and the same file at 0.5 is another picture in each program, since the webui
#   and ComfyUI mix the base and the whole change, in which 0 is the base.
# Fails where one of them starts to give the base at 0.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 \
  lycoris-lora==4.1.3 einops==0.8.2 toml==0.10.2 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import logging
import sys
from collections.abc import Callable

import torch
from diffusers import UNet2DConditionModel
from lycoris.modules.locon import LoConModule
from peft import LoraConfig

logging.disable()
STRENGTHS = (1.0, 0.5, 0.0)


def trained(model: torch.nn.Module, weights: list[torch.nn.Parameter], output: Callable[[], torch.Tensor]) -> None:
    """Train these weights of a model towards an output that lies beside its own."""
    target = output().detach()
    target = target * (1 + 0.3 * torch.randn_like(target[:1]))
    optimizer = torch.optim.AdamW(weights, lr=2e-3, weight_decay=0)
    for _ in range(150):
        optimizer.zero_grad()
        (output() - target).square().mean().backward()
        optimizer.step()
    model.eval()


def in_diffusers(dora: bool) -> list[float]:
    """Return the change of a U-Net's output at each strength, by that at 1, and with the adapter switched off."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        block_out_channels=(32, 64),
        layers_per_block=1,
        attention_head_dim=4,
        cross_attention_dim=32,
    ).requires_grad_(False)
    given = torch.randn(4, 4, 16, 16), torch.tensor([10, 200, 500, 900]), torch.randn(4, 7, 32)

    def output() -> torch.Tensor:
        return unet(*given, return_dict=False)[0]

    base = output()
    unet.add_adapter(LoraConfig(r=4, lora_alpha=4, use_dora=dora, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    trained(unet, [weight for weight in unet.parameters() if weight.requires_grad], output)
    changes = []
    with torch.no_grad():
        for strength in STRENGTHS:
            unet.set_adapters(["default"], [strength])
            changes.append((output() - base).norm().item())
        unet.disable_adapters()
        changes.append((output() - base).norm().item())
    return [change / changes[0] for change in changes]


def in_lycoris(dora: bool) -> list[float]:
    """Return the change of a layer's output at each strength, by that at 1, and how much of up times down is there at 0."""
    torch.manual_seed(0)
    base = torch.nn.Linear(64, 64, bias=False).requires_grad_(False)
    x = torch.randn(64, 64)
    module = LoConModule("layer", base, lora_dim=4, alpha=4, weight_decompose=dora, wd_on_out=True)
    trained(module, list(module.parameters()), lambda: module(x))
    changes = []
    with torch.no_grad():
        for strength in STRENGTHS:
            module.multiplier = strength
            changes.append((module(x) - base(x)).norm().item())
        product = x @ (module.lora_up.weight @ module.lora_down.weight).T
        changes.append(changes[0] * changes[2] / product.norm().item())
    return [change / changes[0] for change in changes]


found = {
    (name, dora): run(dora) for name, run in (("diffusers", in_diffusers), ("LyCORIS", in_lycoris)) for dora in (False, True)
}
for (name, dora), (_, half, none, other) in found.items():
    last = f"switched off {other:.0%}" if name == "diffusers" else f"at 0 by up times down {other:.0%}"
    print(f"{name}, {'DoRA' if dora else 'LoRA'}: change at strength 0.5 {half:.0%}, at 0 {none:.0%} of that at 1; {last}")
expected = (
    all(found[name, False][2] == 0 for name in ("diffusers", "LyCORIS"))
    and all(found[name, True][2] > 0.1 for name in ("diffusers", "LyCORIS"))
    and found["diffusers", True][3] == 0
    and abs(found["LyCORIS", True][3] - 1) < 1e-3
)
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
