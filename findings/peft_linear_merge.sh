#!/usr/bin/env bash
# PEFT's "linear" mix of two LoRAs is not linear: the mean of a LoRA with itself is twice as strong.
#
# Versions: peft 0.21.2, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: add_weighted_adapter(..., weights=[0.5, 0.5], combination_type="linear") makes the LoRA whose change of each layer is
#   half of the one and half of the other.
# Behaviour: it adds the two down matrices, each times the root of its weight, and the two up matrices likewise, and
#   multiplies the sums. So up of the one also meets down of the other. For two LoRAs that are alike that doubles the change;
#   for two with nothing in common what comes beside the mean is as large as the mean. "cat" gives exactly what the weights
#   say, at the sum of the ranks. A change of PEFT that took these products out was proposed (pull request 3013) and closed.
# Why it matters: averaging two epochs of one bake is the case of two that are alike: the mean acts twice as strongly and
#   looks overtrained. dare_linear, which diffusers' guide to merging LoRAs uses, adds factors in the same way.
# Fails where "linear" starts to add the changes.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from peft import LoraConfig, get_peft_model

torch.manual_seed(0)
config = LoraConfig(r=4, lora_alpha=4, target_modules=["0"], init_lora_weights=False)
model = get_peft_model(torch.nn.Sequential(torch.nn.Linear(256, 256, bias=False)), config, adapter_name="one")
model.add_adapter("other", config)
model.add_adapter("later", config)
layer = model.base_model.model[0]
for factors in (layer.lora_A, layer.lora_B):
    for name in ("one", "other", "later"):
        torch.nn.init.normal_(factors[name].weight)
    # A later epoch of the first: nearly the same factors.
    factors["later"].weight.data = factors["one"].weight + 0.1 * factors["later"].weight


@torch.no_grad()
def mixed(names: list[str], weights: list[float], kind: str) -> tuple[float, float]:
    """Return the size of the mix, by that of the first LoRA, and its error, by the size of what the weights ask for."""
    model.add_weighted_adapter(names, weights, "mix", combination_type=kind)
    found = layer.get_delta_weight("mix")
    model.delete_adapter("mix")
    wanted = sum(weight * layer.get_delta_weight(name) for name, weight in zip(names, weights, strict=True))
    first = layer.get_delta_weight(names[0])
    return (found.norm() / first.norm()).item(), ((found - wanted).norm() / wanted.norm()).item()


same = mixed(["one", "one"], [0.5, 0.5], "linear")
epochs = mixed(["one", "later"], [0.5, 0.5], "linear")
apart = mixed(["one", "other"], [0.5, 0.5], "linear")
cat = mixed(["one", "other"], [0.5, 0.5], "cat")
print(f"mean of a LoRA and itself: {same[0]:.2f} times its change")
print(f"mean of two nearby epochs: {epochs[0]:.2f} times the first's change")
print(f"mean of two LoRAs with nothing in common: off by {apart[1]:.0%} of it; with cat by {cat[1]:.0%}")
expected = abs(same[0] - 2) < 1e-3 and 1.9 < epochs[0] < 2.1 and 0.8 < apart[1] < 1.2 and cat[1] < 1e-4
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
