"""alpha = dim against its conversion to alpha 1, baked on the demo; all figures are in docs/experiments.md."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

EXACT = ("max_grad_norm=0", "optimizer_args=weight_decay=0,eps=1e-12")
SIXTY = (
    "max_train_epochs=",
    "max_train_steps=60",
    "save_every_n_epochs=",
    "mixed_precision=no",
    "save_precision=float",
)
# The demo has alpha 8 at dim 8.
TO_ONE = ("network_alpha=1", "loraplus_unet_lr_ratio=8", "loraplus_text_encoder_lr_ratio=8")
BOTH_RATES = ("network_alpha=1", "unet_lr=1.6e-2", "text_encoder_lr=8e-3")


def change(folder: Path) -> np.ndarray:
    """Return what the bake's last LoRA changes of every weight, in one row."""
    tensors = load_file(folder / "hifumi.safetensors")
    names = sorted(name.removesuffix(".alpha") for name in tensors if name.endswith(".alpha"))
    rows = []
    for name in names:
        up, down = (tensors[f"{name}.lora_{which}.weight"].astype(np.float64) for which in ("up", "down"))
        scale = float(tensors[f"{name}.alpha"]) / len(down)
        rows.append((up.reshape(len(up), -1) @ down.reshape(len(down), -1) * scale).ravel())
    return np.concatenate(rows)


def apart(one, other) -> float:
    """Return how far a bake's change lies from another's, as a share of the first."""
    wanted, found = change(one.folder), change(other.folder)
    return float(np.linalg.norm(wanted - found) / np.linalg.norm(wanted))


@pytest.mark.long
def test_the_conversion_bakes_the_same_change(learned) -> None:
    assert apart(learned(*SIXTY, *EXACT), learned(*SIXTY, *EXACT, *TO_ONE)) < 0.02


@pytest.mark.long
def test_the_same_factor_on_both_rates_bakes_another(learned) -> None:
    assert apart(learned(*SIXTY, *EXACT), learned(*SIXTY, *EXACT, *BOTH_RATES)) > 0.5


@pytest.mark.long
def test_with_the_default_eps_and_clipping_the_loss_is_the_same_still(learned) -> None:
    plain, converted = learned(*SIXTY), learned(*SIXTY, *TO_ONE)
    assert apart(plain, converted) < 0.2
    assert converted.last == pytest.approx(plain.last, rel=0.01)
