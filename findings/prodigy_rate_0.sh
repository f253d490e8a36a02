#!/usr/bin/env bash
# Prodigy and DAdaptAdam keep moving a group whose learning rate was set to 0, always the way of its last steps.
#
# Versions: prodigyopt 1.1.2, dadaptation 3.2, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: a group at rate 0 stays where it is. Both packages refuse groups with different rates, and their message says that 0
#   is the exception.
# Behaviour: at rate 0 a group's gradient no longer enters its momentum, but the momentum that it has is applied in every
#   step, and nothing makes it smaller any more. Prodigy does it at the other groups' rate. A group at 0 from the start has no
#   momentum and rests, and so do weights whose gradient is None.
# Why it matters: the text encoder is often stopped before the U-Net, for instance by a schedule that ends at 0 for its group
#   alone. Here it leaves what it has learned at a constant speed: in the example by half of its whole way with Prodigy and
#   twice its way with DAdaptAdam, in as many steps as it had been trained, while the plotted rate is 0. It looks like a text
#   encoder that overfits.
# Fails where a group at rate 0 rests.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 prodigyopt==1.1.2 dadaptation==3.2 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from dadaptation import DAdaptAdam
from prodigyopt import Prodigy

STEPS = 100


def moved(kind: type[torch.optim.Optimizer], rate: float, stop: str) -> tuple[float, float]:
    """Return how far an encoder got until it was stopped, and how far it went from there in as many steps again.

    Args:
        stop: what stops it: "rate 0" sets the rate of its group, "no gradient" takes its gradient away, "0 throughout" is
            rate 0 from the start.
    """
    torch.manual_seed(0)
    wanted = torch.randn(2, 64)
    encoder, unet = torch.nn.Parameter(torch.zeros(64)), torch.nn.Parameter(torch.zeros(64))
    optimizer = kind([{"params": [encoder]}, {"params": [unet]}], lr=rate)
    if stop == "0 throughout":
        optimizer.param_groups[0]["lr"] = 0.0
    stopped = torch.zeros(64)
    for step in range(2 * STEPS):
        if step == STEPS:
            stopped = encoder.detach().clone()
            if stop == "rate 0":
                optimizer.param_groups[0]["lr"] = 0.0
        optimizer.zero_grad()
        ((encoder - wanted[0]).square().sum() + (unet - wanted[1]).square().sum()).backward()
        if step >= STEPS and stop == "no gradient":
            encoder.grad = None
        optimizer.step()
    return stopped.norm().item(), (encoder.detach() - stopped).norm().item()


kinds = {"AdamW": (torch.optim.AdamW, 1e-2), "Prodigy": (Prodigy, 1.0), "DAdaptAdam": (DAdaptAdam, 1.0)}
stops = ("rate 0", "no gradient", "0 throughout")
found = {(name, stop): moved(*kinds[name], stop) for name in kinds for stop in stops}
for (name, stop), (before, after) in found.items():
    print(f"{name:10} {stop:12}: {before:5.2f} in {STEPS} steps, {after:5.2f} in the {STEPS} after it was stopped")
go_on = {key for key, (_, after) in found.items() if after > 0}
expected = go_on == {("Prodigy", "rate 0"), ("DAdaptAdam", "rate 0")} and all(
    found[key][1] > 0.3 * found[key][0] for key in go_on
)
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
