"""Weights that a base lacks, found from headers and configs alone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from header_only import write_header_only
from original_layout import original_tensors
from real_shapes import real_modules
from safetensors.torch import load_file, save_file
from tiny_bases import tiny_modules

from trainer.errors import ModelError
from trainer.models.component_weights import Weights
from trainer.models.identify import check_vae, identify_base
from trainer.models.stable_diffusion.weight_names import _names, missing_weights

MAKERS: dict[str, Callable[[str], dict[str, Any]]] = {"real": real_modules, "tiny": tiny_modules}


@pytest.mark.parametrize("family", ["sd1", "sdxl"])
@pytest.mark.parametrize("size", MAKERS)
def test_the_names_are_those_of_the_libraries_modules(size: str, family: str) -> None:
    for component, module in MAKERS[size](family).items():
        config = module.config.to_dict() if component.startswith("text") else dict(module.config)
        wanted = {name.removeprefix("text_model.") for name in module.state_dict() if "position_ids" not in name}
        assert set(_names(component, config)) == wanted, component


def test_the_names_of_a_unet_without_the_usual_numbers_of_layers_are_its_own() -> None:
    from diffusers import UNet2DConditionModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(
            block_out_channels=(32, 64, 64),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=(1, 2, 3),
            transformer_layers_per_block=(1, 2, 1),
            attention_head_dim=8,
            cross_attention_dim=32,
        )
    assert set(_names("unet", dict(unet.config))) == set(unet.state_dict())


@pytest.mark.parametrize(
    "config",
    [
        {"class_embed_type": "timestep"},
        {"mid_block_type": "UNetMidBlock2DSimpleCrossAttn"},
        {"down_block_types": ["AttnDownBlock2D"] * 4},
        {"block_out_channels": 4},
        {"layers_per_block": "two"},
        {"transformer_layers_per_block": [[1, 1], 1, 1, 1]},
        {"layers_per_block": 10**12},
    ],
)
def test_a_config_that_cannot_be_followed_blames_no_file(config: dict[str, object]) -> None:
    usual = dict(tiny_modules("sd1")["unet"].config)
    names = {name: None for name in tiny_modules("sd1")["unet"].state_dict()}
    weights = Weights(Path("x"), {}, names)  # type: ignore[arg-type]  # only the names count
    found = missing_weights(weights, "unet", usual | config)
    assert found == [] or config == {"layers_per_block": 10**12}


MISSING = {
    "sd1": (
        "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.attn2.to_v.weight",
        "the weight up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_v.weight is missing",
    ),
    "sdxl": (
        "conditioner.embedders.1.model.transformer.resblocks.31.ln_2.bias",
        "the weight encoder.layers.31.layer_norm2.bias is missing",
    ),
}


@pytest.mark.parametrize("family", MISSING)
def test_a_weight_missing_from_a_single_file_is_named(tmp_path: Path, family: str) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in original_tensors(family, real_modules(family)).items()}
    key, reason = MISSING[family]
    del shapes[key]
    path = write_header_only(tmp_path / "x.safetensors", shapes)
    with pytest.raises(ModelError, match=reason):
        identify_base(str(path))


@pytest.mark.parametrize(
    ("component", "stem", "name"),
    [
        ("unet", "diffusion_pytorch_model", "mid_block.resnets.1.time_emb_proj.bias"),
        ("text_encoder", "model", "final_layer_norm.bias"),
    ],
)
def test_a_weight_missing_from_a_folder_is_named(tmp_path: Path, component: str, stem: str, name: str) -> None:
    folder = Path(shutil.copytree(identify_base("demo").path, tmp_path / "base"))
    path = folder / component / f"{stem}.safetensors"
    save_file({key: value for key, value in load_file(path).items() if not key.endswith(name)}, path)
    with pytest.raises(
        ModelError, match=rf"{component}/{stem}.safetensors: the weight {name} is missing; .*download it again"
    ):
        identify_base(str(folder))


def test_a_gap_in_the_bases_vae_matters_only_without_another(tmp_path: Path) -> None:
    demo = identify_base("demo").path
    folder = Path(shutil.copytree(demo, tmp_path / "base"))
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    save_file({key: value for key, value in load_file(path).items() if key != "post_quant_conv.bias"}, path)
    base = identify_base(str(folder))
    with pytest.raises(ModelError, match=r"its VAE lacks the weight post_quant_conv.bias; .* or set `vae`"):
        check_vae("", base)
    check_vae(str(demo), base)
    with pytest.raises(ModelError, match=r"the weight post_quant_conv.bias is missing"):
        check_vae(str(folder), identify_base("demo"))
