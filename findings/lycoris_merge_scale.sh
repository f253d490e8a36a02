#!/usr/bin/env bash
# LyCORIS merges a LoHa or LoKr with its scale squared, so that what is merged is not what was trained.
#
# Versions: lycoris-lora 4.1.3, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: a module's merged weight (get_merged_weight, merge_to) gives the same output as its forward pass.
# Behaviour: for LoRA it does. For LoHa and LoKr the change is made with alpha / rank in it and multiplied by alpha / rank once
#   more: with alpha at half of the rank the merged weight has half of the change. Only where alpha is the rank are the two the same.
#   In the same release a LoKr of whole matrices that was trained with rs_lora has a scale of the root of its rank, and is read
#   back from its own file with 1.
# Why it matters: alpha below the rank is the rule. A LoKr looks undertrained once it is merged into a checkpoint, and the search
#   begins in its training. The webui and ComfyUI read the same file with the scale once, as it was trained.
# Fails where LyCORIS merges with the scale of the forward pass, or reads back what it trained.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 lycoris-lora==4.1.3 einops==0.8.2 toml==0.10.2 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from lycoris.modules.locon import LoConModule
from lycoris.modules.loha import LohaModule
from lycoris.modules.lokr import LokrModule

torch.manual_seed(0)
base = torch.nn.Linear(64, 64, bias=False).requires_grad_(False)
x = torch.randn(8, 64)


def trained(kind, **options):
    module = kind("layer", base, **options).eval()
    for weight in module.parameters():
        weight.data.normal_()
    return module


def change(output):
    return float((output - base(x)).norm())


def share(module):
    """Return how much of the change of the forward pass the merged weight has."""
    merged, _ = module.get_merged_weight(1, base.weight.shape)
    return change(x @ merged.T) / change(module(x))


with torch.no_grad():
    shares = [share(trained(kind, lora_dim=2, alpha=1)) for kind in (LoConModule, LohaModule, LokrModule)]
    print("change of the merged weight by that of the forward pass, alpha 1 at rank 2:")
    print(f"LoRA {shares[0]:.3f}, LoHa {shares[1]:.3f}, LoKr {shares[2]:.3f}")
    whole = trained(LokrModule, lora_dim=64, alpha=1, rs_lora=True)
    saved = {f"layer.{key}": value for key, value in whole.state_dict().items()}
    again = LokrModule.make_module_from_state_dict("layer", base, *LokrModule.extract_state_dict(saved, "layer"))
    weaker = change(whole(x)) / change(again.eval()(x))
    print(f"a LoKr of whole matrices with rs_lora at rank 64 is read back {weaker:.3f} times weaker")
expected = all(abs(found - wanted) < 1e-3 for found, wanted in zip((*shares, weaker), (1, 0.5, 0.5, 8)))
print("as described" if expected else "CHANGED")
sys.exit(not expected)
PY
