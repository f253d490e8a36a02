"""The original key layout, against the converters of diffusers and against files of other years."""

from typing import Any

import pytest
import torch
from diffusers.loaders.single_file_utils import (
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from original_layout import original_tensors
from tiny_bases import tiny_modules
from torch import Tensor

from trainer.models.stable_diffusion.ldm_keys import Shapes, clip_slices, openclip_slices, unet_slices, vae_slices
from trainer.models.weight_slice import WeightSlice


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def tiny(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], dict[str, Tensor]]:
    modules = tiny_modules(request.param)
    return request.param, modules, original_tensors(request.param, modules)


def shapes_of(tensors: dict[str, Tensor]) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def taken(piece: WeightSlice, tensors: dict[str, Tensor]) -> Tensor:
    """Return the weight that a piece describes."""
    tensor = tensors[piece.key]
    return tensor.t() if piece.turned else tensor[piece.first_row :][: piece.shape[0]].reshape(piece.shape)


def same(pieces: dict[str, WeightSlice], tensors: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    names = {name.removeprefix("text_model."): tensor for name, tensor in expected.items()}
    return pieces.keys() == names.keys() and all(
        torch.equal(taken(piece, tensors), names[name]) for name, piece in pieces.items()
    )


def test_unet_weights_lie_where_diffusers_finds_them(tiny: tuple[str, dict[str, Any], dict[str, Tensor]]) -> None:
    _, modules, tensors = tiny
    expected = convert_ldm_unet_checkpoint(dict(tensors), {**modules["unet"].config})
    assert same(unet_slices(shapes_of(tensors)), tensors, expected)


def test_vae_weights_lie_where_diffusers_finds_them(tiny: tuple[str, dict[str, Any], dict[str, Tensor]]) -> None:
    _, modules, tensors = tiny
    expected = convert_ldm_vae_checkpoint(dict(tensors), {**modules["vae"].config})
    assert same(vae_slices(shapes_of(tensors)), tensors, expected)


def test_openclip_weights_lie_where_diffusers_finds_them() -> None:
    modules = tiny_modules("sdxl")
    tensors = original_tensors("sdxl", modules)
    prefix = "conditioner.embedders.1.model."
    expected = convert_open_clip_checkpoint(modules["text_encoder_2"], dict(tensors), prefix=prefix)
    assert same(openclip_slices(shapes_of(tensors)), tensors, expected)


def test_a_vae_in_diffusers_old_names_is_read_as_one_in_the_new() -> None:
    new = {f"encoder.mid_block.attentions.0.{name}.weight": (8, 8) for name in ("to_q", "to_k", "to_v", "to_out.0")}
    old = {f"encoder.mid_block.attentions.0.{name}.weight": (8, 8) for name in ("query", "key", "value", "proj_attn")}
    assert vae_slices(old, "").keys() == vae_slices(new, "").keys() == new.keys()


def test_what_tools_leave_beside_the_weights_is_passed_over() -> None:
    prefix = "conditioner.embedders.0.transformer."
    idle = ("text_model.embeddings.position_ids", "text_projection.weight", "logit_scale")
    assert not clip_slices({prefix + name: (1, 77) for name in idle}, prefix)
    assert not vae_slices({"first_stage_model.loss.logvar": ()})


def test_a_projection_belongs_to_the_encoder_that_projects() -> None:
    assert clip_slices({"text_projection.weight": (8, 8)}, projected=True)


def test_a_key_of_no_known_place_keeps_its_name() -> None:
    """So that the loader can name it."""
    shapes = {"model.diffusion_model.input_blocks.1.7.strange.weight": (1,)}
    assert list(unet_slices(shapes)) == ["input_blocks.1.7.strange.weight"]
