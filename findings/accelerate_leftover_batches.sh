#!/usr/bin/env bash
# accelerate's gradient accumulation weakens the last step of an epoch where the batches do not divide evenly.
#
# Versions: accelerate 1.15.0, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: gradient_accumulation_steps = 4 with 5 batches an epoch makes one step from the mean of four batches and one from
#   the fifth batch alone.
# Behaviour: the second step is taken with a quarter of the fifth batch's gradient. accelerate divides each loss by the full
#   count when it is computed, and the end of the data makes it step with what has been added up by then.
# Why it matters: with a small data set (a LoRA's) there is such a step in every epoch. With SGD it moves the weights by 1/4;
#   with Adam the moments remember a gradient that is too small, and a limit on the gradient's norm (max_grad_norm) sees a
#   small one. Repeats and batch sizes that leave a remainder change the training in a way that no setting names.
# Fails where accelerate starts to divide by the number of batches that are there.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 accelerate==1.15.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader

accelerator = Accelerator(gradient_accumulation_steps=4, cpu=True)
weight = torch.nn.Linear(1, 1, bias=False)
torch.nn.init.zeros_(weight.weight)
optimizer = torch.optim.SGD(weight.parameters(), lr=1.0)
batches = DataLoader(torch.ones(5, 1), batch_size=1)
model, optimizer, batches = accelerator.prepare(weight, optimizer, batches)

moves = []
for batch in batches:
    with accelerator.accumulate(model):
        before = weight.weight.item()
        # The gradient of each batch is 1.
        accelerator.backward(model(batch).mean())
        optimizer.step()
        optimizer.zero_grad()
        if accelerator.sync_gradients:
            moves.append(before - weight.weight.item())
print("five equal batches, four to a step; the weight moves by", moves)
expected = moves == [1.0, 0.25]
print("as described: the fifth batch counts a quarter" if expected else "CHANGED: expected [1.0, 0.25]")
sys.exit(not expected)
PY
