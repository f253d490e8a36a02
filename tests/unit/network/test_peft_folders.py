"""Folders of PEFT: found by their folder, and scaled as PEFT scales them, whatever their config says."""

import copy
import json
import random
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from part_outputs import outputs

from trainer.errors import ModelError
from trainer.grid.model_files import ModelFiles
from trainer.models.adapter_config import lora_name
from trainer.models.layer_pattern import layer_pattern
from trainer.models.lora_header import read_lora_header
from trainer.models.start_weights import refuse_folder
from trainer.network.injection import LayerRules, inject
from trainer.network.lora_file import network_from_file, warm_start

TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "ff.net.2"]


def saved(model: SimpleNamespace, folder: Path, **config: Any) -> SimpleNamespace:
    """Write a folder by PEFT itself; return the model with its layers."""
    from peft import LoraConfig, get_peft_model

    twin = copy.deepcopy(model)
    torch.manual_seed(5)
    options: dict[str, Any] = {"r": 4, "lora_alpha": 2, "init_lora_weights": False, "target_modules": TARGETS}
    peft_model = get_peft_model(twin.body, LoraConfig(**options | config))
    peft_model.save_pretrained(folder)
    return twin


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"use_rslora": True, "lora_alpha": 3},
        {"alpha_pattern": {"to_q": 8, "attn2.to_k": 1}},
        {"alpha_pattern": {r".*attn1\..*": 9, r"up_blocks.*to_v": 1}},
        {"alpha_pattern": {r"^down_blocks.*": 6, "^to_q": 50}},
        {"rank_pattern": {r"to_[qk]": 2, "proj_in": 8}, "alpha_pattern": {"proj_in": 32}, "use_rslora": True},
        {"rank_pattern": {r"transformer_blocks\.\d+\.attn2\.(to_q|to_v)": 1}},
    ],
)
def test_a_folder_changes_the_model_as_in_peft(
    tiny_sd1: SimpleNamespace, tmp_path: Path, config: dict[str, Any]
) -> None:
    twin = saved(tiny_sd1, tmp_path, **config)
    plain, theirs = outputs(tiny_sd1)["unet"], outputs(twin)["unet"]
    network = network_from_file(tiny_sd1, tmp_path)
    try:
        ours = outputs(tiny_sd1)["unet"]
    finally:
        network.remove()
    effect = (theirs - plain).abs().max()
    assert effect > 0.01
    assert (ours - theirs).abs().max() / effect <= 1e-5


def test_the_scale_of_rslora_is_alpha_by_the_root_of_the_rank(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    """By hand: 3 / √4 = 1.5, so alpha is 6 at rank 4, where the scale is alpha / rank."""
    saved(tiny_sd1, tmp_path, use_rslora=True, lora_alpha=3)
    assert {module.alpha for module in read_lora_header(tmp_path).modules.values()} == {6.0}


def test_a_grid_and_a_warm_start_take_the_folder(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    saved(tiny_sd1, tmp_path / "mine", target_modules=["to_q", "to_k", "to_v", "to_out.0"])
    file = tmp_path / "mine" / "adapter_model.safetensors"
    assert ModelFiles(tmp_path).lora("mine/") == ModelFiles(tmp_path).lora(str(tmp_path / "mine")) == file
    refuse_folder(tmp_path / "mine")
    network = inject(tiny_sd1, LayerRules(4, 2), 1, ["unet"])
    network.remove()
    assert "start from zero" in warm_start(network, tmp_path / "mine")[0]


def test_a_folder_of_nothing_but_a_pickle_is_refused_as_one(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelError, match=r"adapter_model\.bin: a pickle file.*\.safetensors"):
        refuse_folder(tmp_path)


def test_a_folder_above_those_of_the_parts_names_one(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match=r"give unet/adapter_model\.safetensors in it"):
        refuse_folder(tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"alpha_pattern": {"(?=to_q).*": 2}}, r"alpha_pattern \(\?=to_q\)"),
        ({"alpha_pattern": {"x" * 600: 2}}, "alpha_pattern xxx"),
        ({"init_lora_weights": "pissa_niter_4"}, "started as pissa_niter_4, which changes the base"),
        ({"init_lora_weights": "olora"}, "started as olora"),
    ],
)
def test_what_would_change_the_scale_or_the_base_unnoticed_is_refused(
    tiny_sd1: SimpleNamespace, tmp_path: Path, config: dict[str, Any], message: str
) -> None:
    saved(tiny_sd1, tmp_path)
    path = tmp_path / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    with pytest.raises(ModelError, match=message):
        read_lora_header(tmp_path)


def test_a_pattern_fits_what_it_fits_as_a_regular_expression() -> None:
    """Against Python's own, on short texts; what it does not understand is none."""
    draw = random.Random(3)
    signs = ["a", "b", r"\.", ".", "*", "+", "?", "(", ")", "|", "[ab]", r"\d", "1", "(?:"]
    tried = 0
    for _ in range(4000):
        text = "".join(draw.choice(signs) for _ in range(draw.randint(1, 7)))
        ours = layer_pattern(text)
        if ours is None:
            continue
        theirs = re.compile(rf"(.*\.)?({text})$")
        for _ in range(3):
            path = "".join(draw.choice("ab.1") for _ in range(draw.randint(0, 6)))
            assert ours.fits(path) == bool(theirs.match(path)), (text, path)
            tried += 1
    assert tried > 2000


@pytest.mark.parametrize(
    "text", ["a{3}", "(?=a)", "a**", "[b-a]", "[^a]", "(", "a)b", r"\b", "é", "*", "a\\", "[", "()" * 300]
)
def test_a_pattern_with_other_signs_is_not_understood(text: str) -> None:
    assert layer_pattern(text) is None


def test_adapters_are_called_by_their_folders_as_all_have_one_file_name() -> None:
    assert lora_name(Path("runs/hifumi-3/adapter_model.safetensors")) == "hifumi-3"
    assert lora_name(Path("hifumi-3/pytorch_lora_weights.safetensors")) == "hifumi-3"
    assert lora_name(Path("hifumi-3/x.safetensors")) == "x"
