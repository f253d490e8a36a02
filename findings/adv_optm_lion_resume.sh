#!/usr/bin/env bash
# adv_optm's Lion_adv saves a state that it cannot load.
#
# Versions: adv-optm 2.5.16, torch 2.13.0, Python 3.11 or newer, on a CPU.
# Guess: an optimizer loads what its own state_dict() gave, as its siblings AdamW_adv and Prodigy_adv do.
# Behaviour: load_state_dict goes through a step that all classes of the package share and that reads 'actual_state_precision' of
#   each group. AdamW_adv and Prodigy_adv write that entry in their first step, Lion_adv never does: KeyError.
# Why it matters: it trains without a word, and the night's run is lost only when it is to be resumed. A trainer that tries the
#   round trip before it starts finds it in a second.
# Fails where Lion_adv loads its own state.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 adv-optm==2.5.16
"$work/venv/bin/python" - <<'PY'
import sys

import adv_optm
import torch


def resumed(kind: type[torch.optim.Optimizer]) -> str:
    """Return what becomes of an optimizer that takes a step, and of a new one that loads its state and takes another."""
    weight = torch.nn.Parameter(torch.randn(8, 8))
    first, second = kind([weight], lr=1e-3), kind([weight], lr=1e-3)
    weight.grad = torch.randn_like(weight)
    first.step()
    try:
        second.load_state_dict(first.state_dict())
        second.step()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "continues"


found = {kind.__name__: resumed(kind) for kind in (adv_optm.AdamW_adv, adv_optm.Prodigy_adv, adv_optm.Lion_adv)}
for name, what in found.items():
    print(f"{name:12} {what}")
expected = found == {
    "AdamW_adv": "continues",
    "Prodigy_adv": "continues",
    "Lion_adv": "KeyError: 'actual_state_precision'",
}
print("as described" if expected else "CHANGED: see above")
sys.exit(not expected)
PY
