#!/usr/bin/env bash
# diffusers' logit_mean above 0 trains a flow on less noise, and not on more.
#
# Versions: diffusers 0.42.1, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: `--weighting_scheme=logit_normal --logit_mean=1` draws noisier times than a mean of 0: in Esser et al. 2024, whose scheme it is, a
#   location above 0 moves the times towards noise, one below towards the picture.
# Behaviour: `compute_density_for_timestep_sampling` returns a place in the list of times, and the training scripts (SD3, Flux, and what was
#   made of them) look it up in `scheduler.timesteps`, which goes from noise to picture. A mean of 1 draws sigmas around 0.31, of -1 around
#   0.70; with shift 3, 0.52 and 0.86. With a mean of 0 nothing of this is seen.
# Why it matters: the upper sigmas decide layout, the lower ones detail. Whoever copies the mean from a paper, or from OneTrainer,
#   into such a script (or into sd-scripts with timestep_sampling = sigma, which does the same) trains on the other end, and nothing
#   tells of it.
# Fails where diffusers turns it round.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 diffusers==0.42.1
"$work/venv/bin/python" - <<'PY'
import sys

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.training_utils import compute_density_for_timestep_sampling

found = {}
for shift in (1.0, 3.0):
    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    for mean in (-1.0, 0.0, 1.0):
        torch.manual_seed(0)
        place = compute_density_for_timestep_sampling("logit_normal", 50_000, logit_mean=mean, logit_std=1.0)
        # As in examples/dreambooth/train_dreambooth_lora_sd3.py.
        index = (place * scheduler.config.num_train_timesteps).long()
        sigma = scheduler.timesteps[index] / scheduler.config.num_train_timesteps
        found[shift, mean] = round(float(sigma.mean()), 2)
    print(f"shift {shift:g}: mean sigma with logit_mean -1, 0, 1: {[found[shift, mean] for mean in (-1.0, 0.0, 1.0)]}")
expected = list(found.values()) == [0.7, 0.5, 0.31, 0.86, 0.72, 0.52]
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
