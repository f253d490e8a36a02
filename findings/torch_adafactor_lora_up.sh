#!/usr/bin/env bash
# torch's own Adafactor moves the up matrices of a LoRA by a thousandth of the learning rate.
#
# Versions: torch 2.13.0, transformers 5.23.0, Python 3.11 or newer, on a CPU.
# Guess: torch.optim.Adafactor at a rate of 1e-4 trains a LoRA like transformers' Adafactor with the settings that trainers
#   use for a fixed rate (scale_parameter=False, relative_step=False), and about like AdamW.
# Behaviour: it multiplies each step by the size of the weight that it moves (the root of its mean square), as the paper has
#   it and its formula says, and has no scale_parameter to switch that off. A lora_up starts at 0 and counts as 1e-3, the
#   second eps: its steps are 1e-7. A lora_down of 320 inputs has a size of 0.03. After 1000 steps the product of the two is a
#   three thousandth of what it is with AdamW. eps=(None, 1.0) raises the size of everything to 1 and makes it the Adafactor
#   with a fixed rate.
# Why it matters: the LoRA looks dead, or is taken to need a rate a thousand times higher, at which lora_down, that has a
#   size, learns thirty times as fast as lora_up. A weight that starts at 0 is what a LoRA always has, and what a base never
#   has.
# Fails where torch's Adafactor moves a weight of zeros by the rate, or gets a switch under this name.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 transformers==5.23.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import inspect
import sys
from collections.abc import Callable

import torch
import transformers

RATE, STEPS = 1e-4, 1000


def trained(make: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]) -> tuple[float, float, float]:
    """Return the mean step of lora_up and of lora_down by the rate, and the size of what they make together."""
    torch.manual_seed(0)
    down, up = torch.nn.Linear(320, 16, bias=False).weight, torch.nn.Parameter(torch.zeros(320, 16))
    start = down.detach().clone()
    optimizer = make([down, up])
    signs = {weight: torch.randn_like(weight).sign() for weight in (down, up)}
    for _ in range(STEPS):
        for weight in (down, up):
            # Gradients that keep their sign make Adam's steps as large as they get: the rate.
            weight.grad = 1e-3 * signs[weight]
        optimizer.step()
    moved = [
        (after - before).abs().mean().item() / STEPS / RATE for after, before in ((up, torch.zeros_like(up)), (down, start))
    ]
    return *moved, (up @ down).norm().item()


found = {
    "AdamW": trained(lambda weights: torch.optim.AdamW(weights, lr=RATE, weight_decay=0)),
    "transformers' Adafactor": trained(
        lambda weights: transformers.Adafactor(weights, lr=RATE, scale_parameter=False, relative_step=False)
    ),
    "torch's Adafactor": trained(lambda weights: torch.optim.Adafactor(weights, lr=RATE, weight_decay=0)),
    "torch's, eps=(None, 1)": trained(lambda weights: torch.optim.Adafactor(weights, lr=RATE, weight_decay=0, eps=(None, 1.0))),
}
for title, (up, down, product) in found.items():
    print(f"{title:23}: mean step of lora_up {up:.3g} of the rate, of lora_down {down:.3g}; up times down {product:.3g}")
switches = [name for name in inspect.signature(torch.optim.Adafactor).parameters if "scale" in name]
adam = found["AdamW"]
up, down, product = found["torch's Adafactor"]
expected = (
    0.0009 < up < 0.0011
    and 0.02 < down < 0.05
    and product < 0.005 * adam[2]
    and switches == []
    and all(
        abs(found[title][0] / adam[0] - 1) < 0.05 and abs(found[title][1] / adam[1] - 1) < 0.05
        for title in ("transformers' Adafactor", "torch's, eps=(None, 1)")
    )
)
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
