"""LoHa, LoKr and DoRA of PEFT's folders change the model as PEFT does."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from part_outputs import outputs

from trainer.network.change_network import changes_of
from trainer.network.injection import module_names
from trainer.network.lora_content import load_lora

TARGETS = ["to_q", "to_k", "to_out.0", "proj_in", "ff.net.2", "conv1", "downsamplers.0.conv"]


def saved(model: SimpleNamespace, folder: Path, kind: str, **config: Any) -> SimpleNamespace:
    """Write a folder by PEFT itself; return the model with its layers."""
    import peft
    import torch

    twin = copy.deepcopy(model)
    torch.manual_seed(5)
    options = {"init_lora_weights": False} if kind == "LoraConfig" else {"init_weights": False}
    made = peft.get_peft_model(twin.body, getattr(peft, kind)(target_modules=TARGETS, **options, **config))
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "lora_magnitude_vector" in name:
                weight.mul_(1 + 0.3 * torch.rand_like(weight))
    made.save_pretrained(folder)
    return twin


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("LoHaConfig", {"r": 4, "alpha": 2}),
        ("LoHaConfig", {"r": 3, "alpha": 6, "use_effective_conv2d": True}),
        ("LoHaConfig", {"r": 4, "alpha": 2, "alpha_pattern": {"to_q": 8}, "rank_pattern": {"conv1": 2}}),
        ("LoKrConfig", {"r": 2, "alpha": 3}),
        ("LoKrConfig", {"r": 2, "alpha": 3, "use_effective_conv2d": True, "decompose_factor": 4}),
        ("LoKrConfig", {"r": 1, "alpha": 2, "decompose_both": True}),
        # Of whole matrices, whose rank no shape shows.
        ("LoKrConfig", {"r": 100, "alpha": 30, "rank_pattern": {"to_q": 64}, "alpha_pattern": {"proj_in": 90}}),
        ("LoraConfig", {"r": 4, "lora_alpha": 2, "use_dora": True}),
        ("LoraConfig", {"r": 4, "lora_alpha": 2, "use_dora": True, "use_rslora": True}),
    ],
    ids=str,
)
def test_a_folder_of_another_kind_changes_the_model_as_in_peft(
    tiny_sd1: SimpleNamespace, tmp_path: Path, kind: str, config: dict[str, Any]
) -> None:
    twin = saved(tiny_sd1, tmp_path, kind, **config)
    plain, theirs = outputs(tiny_sd1)["unet"], outputs(twin)["unet"]
    network = changes_of(tiny_sd1, load_lora(tmp_path).named_for(module_names(tiny_sd1)))
    try:
        ours = outputs(tiny_sd1)["unet"]
    finally:
        network.remove()
    effect = (theirs - plain).abs().max()
    assert effect > 0.01
    assert (ours - theirs).abs().max() / effect <= 1e-5
