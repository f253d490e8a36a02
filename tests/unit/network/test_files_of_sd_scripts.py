"""LoRA files in every manner sd-scripts writes must change a model as weights do that were merged by hand."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
from part_outputs import outputs
from torch import Tensor, nn

from trainer.network.lora_content import load_lora
from trainer.network.lora_file import network_from_file

# Where Stability's code has the blocks of SDXL's U-Net that diffusers calls so; written down from the two layouts, by hand.
STABILITY = {
    "down_blocks_0_resnets_0": "input_blocks_1_0",
    "down_blocks_0_resnets_1": "input_blocks_2_0",
    "down_blocks_0_downsamplers_0_conv": "input_blocks_3_0_op",
    "down_blocks_1_resnets_0": "input_blocks_4_0",
    "down_blocks_1_attentions_0": "input_blocks_4_1",
    "down_blocks_1_resnets_1": "input_blocks_5_0",
    "down_blocks_1_attentions_1": "input_blocks_5_1",
    "down_blocks_1_downsamplers_0_conv": "input_blocks_6_0_op",
    "down_blocks_2_resnets_0": "input_blocks_7_0",
    "down_blocks_2_attentions_0": "input_blocks_7_1",
    "down_blocks_2_resnets_1": "input_blocks_8_0",
    "down_blocks_2_attentions_1": "input_blocks_8_1",
    "mid_block_resnets_0": "middle_block_0",
    "mid_block_attentions_0": "middle_block_1",
    "mid_block_resnets_1": "middle_block_2",
    "up_blocks_0_resnets_0": "output_blocks_0_0",
    "up_blocks_0_attentions_0": "output_blocks_0_1",
    "up_blocks_0_resnets_1": "output_blocks_1_0",
    "up_blocks_0_attentions_1": "output_blocks_1_1",
    "up_blocks_0_resnets_2": "output_blocks_2_0",
    "up_blocks_0_attentions_2": "output_blocks_2_1",
    "up_blocks_0_upsamplers_0_conv": "output_blocks_2_2_conv",
    "up_blocks_1_resnets_0": "output_blocks_3_0",
    "up_blocks_1_attentions_0": "output_blocks_3_1",
    "up_blocks_1_resnets_1": "output_blocks_4_0",
    "up_blocks_1_attentions_1": "output_blocks_4_1",
    "up_blocks_1_resnets_2": "output_blocks_5_0",
    "up_blocks_1_attentions_2": "output_blocks_5_1",
    "up_blocks_1_upsamplers_0_conv": "output_blocks_5_2_conv",
    "up_blocks_2_resnets_0": "output_blocks_6_0",
    "up_blocks_2_resnets_1": "output_blocks_7_0",
    "up_blocks_2_resnets_2": "output_blocks_8_0",
}
IN_RESNET = {
    "_conv1": "_in_layers_2",
    "_time_emb_proj": "_emb_layers_1",
    "_conv2": "_out_layers_3",
    "_conv_shortcut": "_skip_connection",
}


def stability(name: str) -> str:
    for theirs, ours in STABILITY.items():
        if name.startswith(f"{theirs}_") or name == theirs:
            end = name.removeprefix(theirs)
            return ours + (IN_RESNET[end] if "_resnets_" in theirs else end)
    raise AssertionError(name)


@dataclass(frozen=True)
class Manner:
    """How a file is written.

    Attributes:
        family: of the base.
        scale: number of a module -> rank and alpha.
        dtype: of the weights.
        alpha: what is written for an alpha, None for nothing.
        parts: which parts it has.
        conv: whether it has the layers of resnets and samplers too.
        first_encoder: prefix of the first text encoder.
        unet_name: diffusers' name of a U-Net module -> the file's.
        as_matrices: whether layers on 1x1 convolutions are written as matrices.
    """

    family: str = "sd1"
    scale: Callable[[int], tuple[int, float]] = lambda number: (4, 2.0)
    dtype: torch.dtype = torch.float32
    alpha: Callable[[float], Tensor | None] = torch.tensor
    parts: tuple[str, ...] = ("unet", "text_encoder", "text_encoder_2")
    conv: bool = False
    first_encoder: str = "lora_te_"
    unet_name: Callable[[str], str] = field(default=str)
    as_matrices: bool = False


SDXL = {"family": "sdxl", "first_encoder": "lora_te1_", "unet_name": stability}
MANNERS = {
    "one rank and alpha": Manner(),
    "ranks and alphas that vary": Manner(scale=lambda number: [(2, 1.0), (4, 3.0), (3, 4.5), (5, 0.5)][number % 4]),
    "alpha as an integer": Manner(alpha=lambda alpha: torch.tensor(int(alpha))),
    "alpha missing": Manner(scale=lambda number: (4, 4.0), alpha=lambda alpha: None),
    "alpha 0": Manner(scale=lambda number: (4, 4.0), alpha=lambda alpha: torch.tensor(0)),
    "fp16": Manner(dtype=torch.float16, alpha=lambda alpha: torch.tensor(alpha).half()),
    "bf16": Manner(dtype=torch.bfloat16, alpha=lambda alpha: torch.tensor(alpha).bfloat16()),
    "LoCon": Manner(conv=True, scale=lambda number: [(4, 2.0), (2, 3.0)][number % 2]),
    "LoCon in fp16": Manner(conv=True, dtype=torch.float16),
    "U-Net only": Manner(parts=("unet",)),
    "text encoder only": Manner(parts=("text_encoder",)),
    "text encoder called te1": Manner(first_encoder="lora_te1_"),
    "matrices beside 1x1 convolutions": Manner(as_matrices=True),
    "SDXL": Manner(**SDXL),  # type: ignore[arg-type]  # the names decide the types
    "SDXL LoCon in bf16": Manner(**SDXL, conv=True, dtype=torch.bfloat16),  # type: ignore[arg-type]
    "SDXL, U-Net only": Manner(**SDXL, parts=("unet",)),  # type: ignore[arg-type]
    "SDXL, second text encoder only": Manner(**SDXL, parts=("text_encoder_2",)),  # type: ignore[arg-type]
    "SDXL LoCon by diffusers' names": Manner("sdxl", first_encoder="lora_te1_", conv=True),
}


def places(model: SimpleNamespace, manner: Manner) -> Iterator[tuple[str, str, nn.Module, str]]:
    """Yield (part, path, module, name in the file) of every module the file changes."""
    for part in manner.parts:
        root = model.body if part == "unet" else model.encoders.get(part, nn.Module())
        for path, module in root.named_modules():
            if not isinstance(module, nn.Linear | nn.Conv2d):
                continue
            name = path.replace(".", "_")
            if part != "unet":
                if ".self_attn." in path or ".mlp." in path:
                    prefix = manner.first_encoder if part == "text_encoder" else "lora_te2_"
                    yield part, path, module, f"{prefix}text_model_{name.removeprefix('text_model_')}"
            elif ".attentions." in path or (
                manner.conv and any(holder in path for holder in (".resnets.", ".downsamplers.", ".upsamplers."))
            ):
                yield part, path, module, "lora_unet_" + manner.unet_name(name)


def written(model: SimpleNamespace, manner: Manner, path: Path) -> SimpleNamespace:
    """Write a file of random weights; return a copy of the model that has them merged."""
    merged = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(5)
    tensors: dict[str, Tensor] = {}
    for number, (part, place, module, name) in enumerate(places(model, manner)):
        rank, alpha = manner.scale(number)
        outputs, inputs, *kernel = module.weight.shape
        down = torch.randn((rank, inputs, *kernel), generator=generator) / down_size(inputs, kernel)
        up = torch.randn((outputs, rank, *[1] * len(kernel)), generator=generator) * 0.5
        down, up = down.to(manner.dtype), up.to(manner.dtype)
        change = (up.double().flatten(1) @ down.double().flatten(1)).view(module.weight.shape) * (alpha / rank)
        root = merged.body if part == "unet" else merged.encoders[part]
        weight = root.get_submodule(place).weight
        weight.data.copy_(weight.double() + change)
        if manner.as_matrices and kernel == [1, 1]:
            down, up = down.flatten(1), up.flatten(1)
        tensors[f"{name}.lora_down.weight"], tensors[f"{name}.lora_up.weight"] = down, up
        written_alpha = manner.alpha(alpha)
        if written_alpha is not None:
            tensors[f"{name}.alpha"] = written_alpha
    safetensors.torch.save_file(tensors, path)
    return merged


def down_size(inputs: int, kernel: list[int]) -> float:
    return (inputs * (kernel[0] ** 2 if kernel else 1)) ** 0.5


@pytest.mark.parametrize("manner", MANNERS)
def test_a_file_changes_the_model_as_weights_merged_by_hand(
    tiny_sd1: SimpleNamespace, tiny_sdxl: SimpleNamespace, tmp_path: Path, manner: str
) -> None:
    model = {"sd1": tiny_sd1, "sdxl": tiny_sdxl}[MANNERS[manner].family]
    expected = outputs(written(model, MANNERS[manner], tmp_path / "x.safetensors"))
    base = outputs(model)
    network = network_from_file(model, tmp_path / "x.safetensors")
    try:
        ours = outputs(model)
    finally:
        network.remove()
    assert len(network) == len(load_lora(tmp_path / "x.safetensors").modules)
    for part, plain in base.items():
        effect = (expected[part] - plain).abs().max()
        if part.replace("pooled", "text_encoder_2") in MANNERS[manner].parts:
            assert effect > 0.1
            assert (ours[part] - expected[part]).abs().max() / effect <= 1e-5, part
        else:
            assert torch.equal(ours[part], plain)
