"""A bake taken up again on a card is as near to an uninterrupted one as that one is to itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from trainer.demo.workspace import make_demo

PROGRAM = Path(__file__).parents[1] / "support" / "killed_bake.py"
OPTIONS = [part for setting in ("max_train_epochs=2", "save_state_every_n_steps=10") for part in ("--set", setting)]


def _bake(root: Path, precision: str, *kills: str) -> dict[str, np.ndarray]:
    """Return the last LoRA of a bake of the demo, killed at each of `kills` and taken up again."""
    workspace = make_demo(root)
    env = {**os.environ, "STEP_TIMES": str(root / "steps.txt")}
    begin = ["bake", "hifumi.toml", "--set", f"mixed_precision={precision}", *OPTIONS]
    for number, when in enumerate((*kills, "never")):
        command = [sys.executable, str(PROGRAM), when, *(["resume", "1"] if number else begin)]
        ran = subprocess.run(command, cwd=workspace.root, env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == (0 if when == "never" else -signal.SIGKILL), ran.stdout + ran.stderr
    return load_file(workspace.root / "bakes/0001-hifumi/hifumi.safetensors")


def _distance(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    """Return how far two LoRAs are apart, as a share of the first one's length."""
    apart = sum(float(np.square(one[name].astype(np.float64) - other[name]).sum()) for name in one)
    return (apart / sum(float(np.square(tensor.astype(np.float64)).sum()) for tensor in one.values())) ** 0.5


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_resumed_is_as_near_as_repeated(precision: str, tmp_path: Path, capsys) -> None:
    first = _bake(tmp_path / "first", precision)
    repeated = _distance(first, _bake(tmp_path / "second", precision))
    resumed = _distance(first, _bake(tmp_path / "killed", precision, "step:25", "state:2"))
    with capsys.disabled():
        print(f"\n{precision}: repeated {repeated:.2e}, resumed {resumed:.2e} of the LoRA's length apart")
    assert resumed <= 3 * repeated
