"""Norms of a base's weights: of every module that a LoRA may sit on, once per content."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_bases import write_tiny, write_tiny_folder

from trainer.formats.safetensors_arrays import TensorArrays
from trainer.measures.base_norms import base_norms
from trainer.models.identify import DEMO_BASE, Base, identify_base


def read_weights(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the tensors that are read from here on."""
    keys: list[str] = []
    pieces = TensorArrays.pieces

    def noted(self: TensorArrays, key: str, *rest: int) -> Iterator[np.ndarray]:
        keys.append(key)
        return pieces(self, key, *rest)

    monkeypatch.setattr(TensorArrays, "pieces", noted)
    return keys


def norms_of(base: Base, cache: Path | None = None) -> dict[str, float]:
    norms = base_norms(base, cache)
    assert norms is not None
    return dict(norms)


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
def test_one_file_and_a_folder_of_the_same_model_have_the_norms_of_its_modules(tmp_path: Path, family: str) -> None:
    in_file = identify_base(str(write_tiny(tmp_path / "x.safetensors", family)))
    in_folder = identify_base(str(write_tiny_folder(tmp_path / "folder", family)))
    norms = norms_of(in_folder)
    assert norms.keys() == in_folder.lora_shapes.keys()
    unet = load_file(tmp_path / "folder" / "unet" / "diffusion_pytorch_model.safetensors")
    weight = unet["down_blocks.1.attentions.0.proj_in.weight"].double()
    name = "lora_unet_" + ("down_blocks_1_attentions_0_proj_in" if family == "sd1" else "input_blocks_4_1_proj_in")
    assert norms[name] == pytest.approx(float(weight.norm()), rel=1e-6)
    # In one file q, k and v of SDXL's second encoder lie in one tensor, one of them turned.
    assert norms_of(in_file) == pytest.approx(norms, rel=1e-6)


def test_they_are_computed_once_per_content_and_again_where_the_cache_is_of_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, cache = identify_base(DEMO_BASE), tmp_path / "home" / "cache"
    first = norms_of(base, cache)
    read = read_weights(monkeypatch)
    assert norms_of(base, cache) == first
    assert read == []
    (kept,) = cache.iterdir()
    for damage in ("", "{}", json.dumps(json.loads(kept.read_text()) | {"content": "0" * 64})):
        kept.write_text(damage)
        assert norms_of(base, cache) == first
    assert len(read) == 3 * len(base.weights)


def test_another_content_at_the_same_place_has_other_norms(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(identify_base(DEMO_BASE).path, tmp_path / "model"))
    first = norms_of(identify_base(str(folder)), tmp_path)
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({key: 2 * weight for key, weight in load_file(path).items()}, path)
    second = norms_of(identify_base(str(folder)), tmp_path)
    name = next(name for name in first if name.startswith("lora_unet_"))
    assert second[name] == pytest.approx(2 * first[name], rel=1e-3)


def test_sums_of_large_and_of_many_numbers_are_exact(tmp_path: Path) -> None:
    """60,000 squared is beyond fp16, and so are sums of a million ones."""
    folder = Path(shutil.copytree(identify_base(DEMO_BASE).path, tmp_path / "model"))
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    key = "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj.weight"
    weights[key] = torch.full_like(weights[key], 60_000.0)
    save_file(weights, path)
    norms = norms_of(identify_base(str(folder)))
    found = norms["lora_unet_mid_block_attentions_0_transformer_blocks_0_ff_net_0_proj"]
    assert found == pytest.approx(float(weights[key].double().norm()), rel=1e-6)


def test_it_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    assert base_norms(identify_base(DEMO_BASE), tmp_path, "0" * 64, stop=lambda: True) is None
    assert list(tmp_path.iterdir()) == []
