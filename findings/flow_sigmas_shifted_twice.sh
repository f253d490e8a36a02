#!/usr/bin/env bash
# A flow scheduler asked for n steps shifts its last one twice: its pictures are not those of the same sampler elsewhere.
#
# Versions: diffusers 0.42.1, torch 2.13.0, Python 3.11 or newer.
# Guess: `FlowMatchEulerDiscreteScheduler(shift=3).set_timesteps(30)` steps through linspace(1, 1/30, 30), each shifted by
#   3s / (1 + 2s), as ComfyUI's "simple" does and as the same scheduler does when it is given those numbers.
# Behaviour: it spans its steps between its largest and smallest sigma, and the smallest is that of the shifted table: 0.003 in place
#   of 0.001. What lies between is shifted again. The last step before 0 is at 0.0089 and not at 0.0938, and the whole second half lies
#   up to 0.085 lower (0.127 with 20 steps). Nothing is said.
# Why it matters: previews of a LoRA for a flow-matching base (Anima and kin), made by a trainer through diffusers, are
#   sampled at other noise levels than in the user's interface: the last step but one goes from 0.104 to 0.009, where the other
#   goes from 0.176 to 0.094. Whoever compares epochs with pictures from ComfyUI compares two samplers. Pass `sigmas=`.
# Fails where diffusers shifts once, or otherwise.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 diffusers==0.42.1
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

apart, last = {}, {}
for steps in (20, 30):
    plain = FlowMatchEulerDiscreteScheduler(shift=3.0)
    plain.set_timesteps(steps)
    given = FlowMatchEulerDiscreteScheduler(shift=3.0)
    given.set_timesteps(sigmas=torch.linspace(1, 1 / steps, steps).tolist())
    apart[steps] = round(float((plain.sigmas - given.sigmas).abs().max()), 3)
    last[steps] = (round(float(plain.sigmas[-2]), 4), round(float(given.sigmas[-2]), 4))
    print(f"{steps} steps: last sigma before 0 {last[steps][0]}, with the sigmas given {last[steps][1]}; at most {apart[steps]} apart")
expected = apart == {20: 0.127, 30: 0.085} and last == {20: (0.0089, 0.1364), 30: (0.0089, 0.0938)}
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
