#!/usr/bin/env bash
# Module.to(dtype) converts float8 weights and takes their scale away.
#
# Versions: torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: a base held in float8 stays in float8 when the model is sent to its training type, as int8 codes do.
# Behaviour: torch counts float8_e4m3fn as a floating type, so `module.to(torch.bfloat16)` turns every float8 parameter and
#   buffer into bfloat16: twice the bytes, and where the numbers were codes that belong to a factor, the factor is left behind.
#   int8 codes in the same module are untouched. Nothing is said about either.
# Why it matters: pipelines, accelerate and trainers call `.to(device, dtype)` on whole models as a matter of course. A LoRA
#   trained over a base quantised to fp8 can be sitting on twice the memory that was planned, or on weights without their scale.
#   Codes held as uint8 and viewed as float8 when they are used are safe.
# Fails where torch leaves float8 alone.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$work/venv/bin/python" - <<'PY'
import sys

import torch

weight = torch.randn(64, 64)
factor = weight.abs().amax(dim=1, keepdim=True) / 448
module = torch.nn.Module()
module.register_buffer("float8", (weight / factor).to(torch.float8_e4m3fn))
module.register_buffer("bits", (weight / factor).to(torch.float8_e4m3fn).view(torch.uint8))
module.register_buffer("int8", torch.zeros(64, 64, dtype=torch.int8))
before = {name: buffer.dtype for name, buffer in module.named_buffers()}
module.to(torch.bfloat16)
after = {name: buffer.dtype for name, buffer in module.named_buffers()}
for name in before:
    print(f"{name:6}: {before[name]} -> {after[name]}")
back = module.bits.view(torch.float8_e4m3fn).float() * factor
error = (back - weight).abs().max() / weight.abs().max()
print(f"viewed as float8 again, the uint8 codes are right to {error:.1%}")
expected = after == {"float8": torch.bfloat16, "bits": torch.uint8, "int8": torch.int8} and error < 0.07
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
