"""LoRAs merged into a checkpoint in the original layout, and found in it again."""

from pathlib import Path
from typing import Any

import pytest
import torch
from dense_loras import dense, distance, reference
from lora_kinds import write_kinds
from lora_of_numbers import Layer, write_lora_of_numbers
from safetensors.torch import load_file
from tiny_bases import tiny_modules, write_tiny

from trainer.errors import ModelError
from trainer.formats.safetensors_header import read_header
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.extract import extract_lora
from trainer.lora_tools.made_lora import Output
from trainer.lora_tools.merge import WeightedLora
from trainer.lora_tools.merge_into import merge_into_base
from trainer.measures.lora_factors import LoraFactors
from trainer.models.block_weights import parse_block_weights
from trainer.models.identify import Base, identify_base
from trainer.models.kohya_names import kohya_name

FAMILIES = ("sd1", "sdxl")


def modules_by_name(family: str, modules: dict[str, Any]) -> dict[str, torch.Tensor]:
    """kohya's name -> the weight in the components, found by walking through them."""
    return {
        kohya_name(part, path, family): module.weight
        for part, component in modules.items()
        if part != "vae"
        for path, module in component.named_modules()
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
    }


def write_layers(path: Path, base: Base) -> Path:
    names = [name for name, shape in base.lora_shapes.items() if not shape.only_in_files]
    layers = {
        name: Layer(shape.outputs, shape.inputs, 2, kernel=shape.kernel if shape.is_conv else None)
        for name in names
        for shape in [base.lora_shapes[name]]
    }
    return write_lora_of_numbers(path, layers)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_weight_has_its_change_and_the_rest_its_bytes(family: str, tmp_path: Path) -> None:
    base = identify_base(str(write_tiny(tmp_path / "base.safetensors", family, dtype=torch.float32)))
    lora = write_layers(tmp_path / "lora.safetensors", base)
    weights = parse_block_weights("middle=0; text encoder=2", "x")
    made = merge_into_base(base, [WeightedLora(reference(lora), 0.5, weights)], Output(tmp_path / "merged.safetensors"))
    modules = tiny_modules(family)
    by_name = modules_by_name(family, modules)
    for name, change in dense(lora).items():
        with torch.no_grad():
            by_name[name].add_(torch.from_numpy(0.5 * weights.factor(name) * change).reshape(by_name[name].shape))
    wanted = load_file(write_tiny(tmp_path / "wanted.safetensors", family, dtype=torch.float32, **modules))
    found = load_file(tmp_path / "merged.safetensors")
    assert found.keys() == wanted.keys()
    for key, tensor in wanted.items():
        torch.testing.assert_close(found[key], tensor, rtol=1e-5, atol=1e-6, msg=key)
    assert made.changed == len(dense(lora))
    assert "ss_lora_tui_made" in read_header(tmp_path / "merged.safetensors").metadata


@pytest.mark.parametrize("family", FAMILIES)
def test_the_lora_is_found_again_in_single_files(family: str, tmp_path: Path) -> None:
    base = identify_base(str(write_tiny(tmp_path / "base.safetensors", family, dtype=torch.float32)))
    lora = write_layers(tmp_path / "lora.safetensors", base)
    merge_into_base(base, [WeightedLora(reference(lora))], Output(tmp_path / "merged.safetensors"))
    tuned = identify_base(str(tmp_path / "merged.safetensors"))
    extract_lora(base, tuned, RankRule(rank=2), Output(tmp_path / "found.safetensors", "F32"))
    assert distance(dense(tmp_path / "found.safetensors"), dense(lora)) < 1e-3


def test_every_tensor_keeps_its_type(tmp_path: Path) -> None:
    base = identify_base(str(write_tiny(tmp_path / "base.safetensors", "sd1")))
    lora = write_layers(tmp_path / "lora.safetensors", base)
    merge_into_base(base, [WeightedLora(reference(lora))], Output(tmp_path / "merged.safetensors"))
    before, after = (read_header(tmp_path / f"{name}.safetensors") for name in ("base", "merged"))
    assert after.dtypes == before.dtypes and after.shapes == before.shapes


def test_a_folder_and_a_lora_for_another_base_are_refused(tmp_path: Path) -> None:
    demo = identify_base("demo")
    lora = WeightedLora(reference(write_layers(tmp_path / "lora.safetensors", demo)))
    with pytest.raises(ModelError, match="a folder; expected a checkpoint of one"):
        merge_into_base(demo, [lora], Output(tmp_path / "merged.safetensors"))
    base = identify_base(str(write_tiny(tmp_path / "base.safetensors", "sdxl")))
    with pytest.raises(ModelError, match="an SDXL base"):
        merge_into_base(base, [lora], Output(tmp_path / "merged.safetensors"))
    assert not (tmp_path / "merged.safetensors").exists()


@pytest.mark.parametrize(("forms", "dora"), [(("lokr flat", "loha", "full"), ""), (("lora", "lokr"), "outputs")])
def test_other_kinds_are_merged_as_they_change_the_base(tmp_path: Path, forms: tuple[str, ...], dora: str) -> None:
    base = identify_base(str(write_tiny(tmp_path / "base.safetensors", "sd1", dtype=torch.float32)))
    lora = write_kinds(tmp_path / "lora.safetensors", base, forms, dora=dora)
    modules = tiny_modules("sd1")
    by_name = modules_by_name("sd1", modules)
    with LoraFactors(lora, weights=base.weights) as file, torch.no_grad():
        for name in file:
            change = torch.from_numpy(0.5 * file.read(name).dense())
            by_name[name].add_(change.reshape(by_name[name].shape))
    merge_into_base(base, [WeightedLora(reference(lora), 0.5)], Output(tmp_path / "merged.safetensors"))
    wanted = load_file(write_tiny(tmp_path / "wanted.safetensors", "sd1", dtype=torch.float32, **modules))
    for key, tensor in load_file(tmp_path / "merged.safetensors").items():
        torch.testing.assert_close(tensor, wanted[key], rtol=1e-5, atol=1e-6, msg=key)


def test_a_checkpoint_that_broke_down_is_refused_by_the_weight(tmp_path: Path) -> None:
    modules = tiny_modules("sd1")
    broken = dict(modules["unet"].named_modules())["mid_block.attentions.0.transformer_blocks.0.attn2.to_k"]
    broken.weight[3, 1] = torch.nan
    base = identify_base(str(write_tiny(tmp_path / "base.safetensors", "sd1", unet=modules["unet"])))
    lora = write_layers(tmp_path / "lora.safetensors", base)
    with pytest.raises(ModelError, match=r"base\.safetensors: holds NaN in .*middle_block.*attn2\.to_k\.weight"):
        merge_into_base(base, [WeightedLora(reference(lora))], Output(tmp_path / "merged.safetensors"))
    assert not (tmp_path / "merged.safetensors").exists()
