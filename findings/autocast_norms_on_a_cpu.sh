#!/usr/bin/env bash
# Under autocast a norm with weights in half precision works on a card and raises on a CPU.
#
# Versions: torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: `torch.autocast(device, dtype=torch.bfloat16)` treats layer_norm and group_norm alike on every device, and a model whose
#   frozen weights are in fp16, or in bf16 behind an input of fp32, passes. torch's documentation lists both norms among those that
#   autocast brings to fp32, for CUDA.
# Behaviour: the list for a CPU has no norms. Weights of bf16 take an input of bf16, weights of fp32 either; weights of fp16 take
#   neither an input of bf16, as the layer before gives it, nor one of fp32, and weights of bf16 none of fp32:
#   "mixed dtype (CPU): expect parameter to have scalar type of Float", which does not say which of the two to change.
# Why it matters: LoRA trainers are tried out on CPUs, by their tests too. accelerate's prepare() makes a model's outputs fp32;
#   a trainer that hands the hidden states of a text encoder in bf16 to the encoder's own last norm, as clip skip asks, trains on a
#   card and ends there on a CPU (sd-scripts with any clip_skip, even 1). So does a part left in the fp16 of its file under autocast
#   to bf16. The way out is one type for input and norm.
# Fails where torch takes or refuses other pairs.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from torch import nn

kinds = (torch.float32, torch.bfloat16, torch.float16)
found = {}
for weights in kinds:
    layers = {"layer_norm": nn.LayerNorm(8).to(weights), "group_norm": nn.GroupNorm(2, 8).to(weights)}
    for given in (torch.float32, torch.bfloat16):
        for name, norm in layers.items():
            shape = (2, 8) if name == "layer_norm" else (2, 8, 4)
            try:
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    result = str(norm(torch.randn(shape).to(given)).dtype)
            except RuntimeError as error:
                result = str(error)
            found[name, weights, given] = result
            print(f"{name}, weights {weights}, input {given}: {result}")
refused = {(weights, given) for (_, weights, given), result in found.items() if "mixed dtype" in result}
expected = refused == {
    (torch.bfloat16, torch.float32),
    (torch.float16, torch.float32),
    (torch.float16, torch.bfloat16),
} and sum("mixed dtype" in result for result in found.values()) == 6
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
