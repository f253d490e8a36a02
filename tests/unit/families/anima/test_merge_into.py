"""LoRAs merged into a small Anima checkpoint in the original layout, and found in it again; measured beside it."""

from pathlib import Path

import pytest
import torch
from dense_loras import dense, distance, reference
from lora_of_numbers import Layer, write_lora_of_numbers
from safetensors.torch import load_file
from tiny_anima import tiny_modules, write_files

from trainer.families.anima.lora_names import KEY_FORMS
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.extract import extract_lora
from trainer.lora_tools.made_lora import Output
from trainer.lora_tools.merge import WeightedLora
from trainer.lora_tools.merge_into import merge_into_base
from trainer.measures.of_files import base_for_files, measure_file
from trainer.models.block_weights import parse_block_weights
from trainer.models.identify import Base, identify_base


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """The body and the conditioner in one file, Qwen3 in another, in fp32."""
    return identify_base(str(write_files(tmp_path / "ComfyUI", tiny_modules(), dtype=torch.float32)))


def write_layers(path: Path, base: Base) -> Path:
    """Layers on every module that there is, also those that bakes leave out."""
    layers = {name: Layer(shape.outputs, shape.inputs, 2) for name, shape in base.lora_shapes.items()}
    return write_lora_of_numbers(path, layers, metadata={"ss_base_model_version": "anima"})


def test_every_weight_in_the_file_has_its_change_and_the_rest_its_bytes(base: Base, tmp_path: Path) -> None:
    lora = write_layers(tmp_path / "lora.safetensors", base)
    weights = parse_block_weights("block 1=0; conditioner=2; blocks 0-1 cross k/v=3", "x")
    made = merge_into_base(base, [WeightedLora(reference(lora), 0.5, weights)], Output(tmp_path / "merged.safetensors"))
    before, after = load_file(base.path), load_file(tmp_path / "merged.safetensors")
    changes = dense(lora)
    qwen = {name for name in changes if name.startswith("lora_te_")}
    for name, change in changes.items():
        if name not in qwen:
            path = KEY_FORMS["comfyui"].path(name)
            assert path is not None
            key = f"net.{path.removeprefix('diffusion_model.')}.weight"
            before[key] += torch.from_numpy(0.5 * weights.factor(name) * change).to(before[key].dtype)
    assert before.keys() == after.keys()
    assert all(torch.allclose(before[key], after[key], rtol=0, atol=1e-6) for key in before)
    assert made.changed == len(changes) - len(qwen)
    assert made.notes == (
        f"{len(qwen)} modules not merged: not in this checkpoint, but in qwen_3_06b_base.safetensors",
    )


def test_what_was_merged_is_extracted_again(base: Base, tmp_path: Path) -> None:
    lora = write_layers(tmp_path / "lora.safetensors", base)
    merged = base.path.with_name("merged.safetensors")
    merge_into_base(base, [WeightedLora(reference(lora))], Output(merged))
    out = tmp_path / "again.safetensors"
    extract_lora(base, identify_base(str(merged)), RankRule(rank=2), Output(out, "F32"))
    whole, again = dense(lora), dense(out)
    # Ten in each of three blocks of the body and of two of the conditioner.
    assert len(again) == 10 * 3 + 10 * 2
    assert distance(again, {name: whole[name] for name in again}) < 1e-4


def test_it_is_measured_beside_the_weights_by_block(base: Base, tmp_path: Path) -> None:
    lora = write_layers(tmp_path / "lora.safetensors", base)
    measured = measure_file(lora, base_for_files(str(base.path), tmp_path / "cache"))
    scopes = {(value.part, value.scope) for value in measured.values(0)}
    wanted = {("body", f"block {number}") for number in range(3)} | {("conditioner", "Qwen3 layer 1"), ("body", "")}
    assert wanted <= scopes
