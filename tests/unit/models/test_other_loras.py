"""LoRAs for models that are not known here are called what they are where their names say it, and never taken for another family's."""

from pathlib import Path
from typing import Any

import pytest
import torch
from kohya_modules import kohya_modules
from safetensors.torch import save_file

from trainer.errors import ModelError
from trainer.models.identify import identify_base
from trainer.models.kohya_names import families_named
from trainer.models.lora_fit import check_lora
from trainer.models.lora_header import read_lora_header
from trainer.models.other_loras import model_of
from trainer.settings.subject import DEMO_BASE

KOHYA, PEFT = (".lora_down.weight", ".lora_up.weight"), (".lora_A.weight", ".lora_B.weight")
LORAS = {
    "Flux": (KOHYA, ["lora_unet_double_blocks_0_img_attn_proj", "lora_unet_double_blocks_0_img_mlp_0"]),
    "Flux or a model built like it": (
        KOHYA,
        ["lora_unet_double_blocks_0_img_attn_qkv", "lora_unet_single_blocks_0_linear1"],
    ),
    "HunyuanVideo": (KOHYA, ["lora_unet_double_blocks_0_img_attn_qkv", "lora_unet_double_blocks_0_img_mlp_fc1"]),
    "SD3": (KOHYA, ["lora_unet_joint_blocks_0_context_block_attn_qkv"]),
    "Wan": (PEFT, ["diffusion_model.blocks.0.self_attn.q", "diffusion_model.blocks.0.ffn.0"]),
    "Lumina or a model built like it": (
        KOHYA,
        ["lora_unet_layers_0_attention_qkv", "lora_unet_context_refiner_0_attention_out"],
    ),
    "Qwen-Image": (
        KOHYA,
        ["lora_unet_transformer_blocks_0_attn_add_k_proj", "lora_unet_transformer_blocks_0_img_mlp_net_0_proj"],
    ),
    "none of the models known here": (KOHYA, ["lora_unet_pillars_0_fc"]),
}


def write(path: Path, ends: tuple[str, str], names: list[str]) -> Path:
    shapes = {end: shape for end, shape in zip(ends, [(4, 16), (16, 4)], strict=True)}
    save_file({name + end: torch.zeros(shape) for name in names for end, shape in shapes.items()}, path)
    return path


@pytest.mark.parametrize("model", LORAS)
def test_a_lora_for_another_model_is_called_what_it_is(model: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", *LORAS[model])
    with pytest.raises(ModelError) as raised:
        check_lora(path, read_lora_header(path).modules, identify_base(DEMO_BASE))
    assert raised.value.found.startswith(f"a LoRA for {model}")
    assert raised.value.way_out == "leave it out"


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("transformer.single_transformer_blocks.0.attn.to_q", "Flux or a model built like it"),
        ("transformer.pillars.0.fc", "a model of another architecture"),
    ],
)
def test_keys_that_are_not_read_at_all_say_it_too(name: str, model: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.safetensors", PEFT, [name])
    with pytest.raises(
        ModelError, match=f"a LoRA for {model}: {name}.*expected layers of a LoRA for SD1.x, SDXL or Anima"
    ):
        read_lora_header(path)


@pytest.mark.parametrize(("base", "family"), [("sd15", "sd1"), ("sdxl", "sdxl"), ("anima", "anima")])
@pytest.mark.parametrize("conv", [False, True])
def test_no_name_of_a_known_family_is_another_models(base: Any, family: str, conv: bool) -> None:
    names = list(kohya_modules(base, conv=conv))
    assert not [name for name in names if model_of([name])]
    assert family in families_named(names)
