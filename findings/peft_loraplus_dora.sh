#!/usr/bin/env bash
# PEFT's LoRA+ gives the magnitudes of a DoRA the raised rate in linear layers and the plain one in convolutions.
#
# Versions: peft 0.21.2, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: create_loraplus_optimizer(model, AdamW, lr=r, loraplus_lr_ratio=16, weight_decay=w) trains lora_B at 16 r, everything
#   else at r, and decays by w: it says that further arguments go to the optimizer.
# Behaviour: whatever has one dimension counts as lora_B. A linear layer's magnitudes (use_dora) are a vector and are trained
#   at 16 r; a convolution's are kept as [1, outputs, 1, 1] and trained at r. The function's own groups carry a weight decay
#   of 0, so that the w that is given, as well as the class's own default, has no effect; it has another name,
#   loraplus_weight_decay.
# Why it matters: magnitudes are as large as the rows' norms, about 1, and Adam moves them by the rate in each step. At 16
#   times 1e-4, a hundred steps may move them by a sixth of their size in the attention, and by a hundredth in the
#   convolutions of the same LoRA. It looks as if LoRA+ did not agree with DoRA, or with the attention.
# Fails where both kinds of magnitudes get one rate, or weight_decay reaches the weights.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 peft==0.21.2 transformers==5.23.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from peft import LoraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer

RATE, RATIO, STEPS = 1e-4, 16, 100
torch.manual_seed(0)
layers = torch.nn.ModuleDict({"linear": torch.nn.Linear(320, 320), "convolution": torch.nn.Conv2d(320, 320, 3)})
model = get_peft_model(layers, LoraConfig(r=4, use_dora=True, target_modules=["linear", "convolution"]))
weights = {
    (name.split(".")[2], name.split(".")[3]): weight for name, weight in model.named_parameters() if weight.requires_grad
}


def made(**options: float) -> torch.optim.Optimizer:
    return create_loraplus_optimizer(model, torch.optim.AdamW, lr=RATE, loraplus_lr_ratio=RATIO, **options)


def of_each(optimizer: torch.optim.Optimizer, what: str) -> dict[tuple[str, str], float]:
    """Return a number of the group that each weight is in."""
    groups = {id(weight): group for group in optimizer.param_groups for weight in group["params"]}
    return {key: groups[id(weight)][what] for key, weight in weights.items()}


optimizer = made(weight_decay=0.1)
rates = of_each(optimizer, "lr")
decays = {
    "weight_decay=0.1": {*of_each(optimizer, "weight_decay").values()},
    "nothing": {*of_each(made(), "weight_decay").values()},
    "loraplus_weight_decay=0.1": {*of_each(made(loraplus_weight_decay=0.1), "weight_decay").values()},
}
before = {key: weight.detach().clone() for key, weight in weights.items()}
for _ in range(STEPS):
    for weight in weights.values():
        # Gradients of one sign make AdamW's steps as large as they get: the rate.
        weight.grad = torch.full_like(weight, 1e-3)
    optimizer.step()
moved = {
    layer: ((weights[layer, "lora_magnitude_vector"] - old).norm() / old.norm()).item()
    for (layer, kind), old in before.items()
    if kind == "lora_magnitude_vector"
}
for (layer, kind), rate in rates.items():
    print(f"{layer:11} {kind:21}: {rate / RATE:2.0f} times the rate, shape {[*weights[layer, kind].shape]}")
for layer, share in moved.items():
    print(f"magnitudes of the {layer}: moved by {share:.1%} of their size in {STEPS} steps")
for given, decay in decays.items():
    print(f"given {given}: the groups decay by {decay}")
raised = {key for key, rate in rates.items() if rate > RATE}
expected = (
    raised == {("linear", "lora_B"), ("linear", "lora_magnitude_vector"), ("convolution", "lora_B")}
    and moved["linear"] > 10 * moved["convolution"]
    and [*decays.values()] == [{0.0}, {0.0}, {0.1}]
)
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
