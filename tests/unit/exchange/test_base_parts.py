"""Files of a base's parts in an infotext, by the stems of their names."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from make_recipe import make_recipe
from tiny_anima import tiny_files

from trainer.exchange.cell_text import cell_text
from trainer.exchange.recreate import RecreatedGrid, recreate
from trainer.formats.infotext import parse_infotext
from trainer.formats.picture_recipe import recipe_of, recipe_of_text
from trainer.formats.picture_text import PictureTexts
from trainer.grid.model_files import ModelFiles

BASE = tiny_files()
MODELS = BASE.parents[1]
VAE, QWEN = MODELS / "vae/qwen_image_vae.safetensors", MODELS / "text_encoders/qwen_3_06b_base.safetensors"

RECIPE = make_recipe(
    base=str(BASE),
    prediction="flow",
    shift=3.0,
    components=(("qwen3", str(QWEN)), ("vae", str(VAE)), ("t5_tokenizer_path", "/t5")),
)


def modules(text: str) -> dict[str, str]:
    return {key: value for key, value in parse_infotext(text).fields.items() if key.startswith("Module")}


def test_vae_and_encoder_are_modules_as_the_forks_number_them() -> None:
    assert modules(cell_text(RECIPE, {})) == {"Module 1": "qwen_image_vae", "Module 2": "qwen_3_06b_base"}
    other = replace(RECIPE, vae="/vaes/anime vae.safetensors")
    assert modules(cell_text(other, {}))["Module 1"] == "anime vae"
    assert modules(cell_text(make_recipe(vae="/vaes/kl.safetensors"), {})) == {}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Settings in it name an encoder and a VAE of other names than those that lie around the base."""
    for name, file in (("my_qwen", QWEN), ("my_vae", VAE)):
        (tmp_path / f"{name}.safetensors").symlink_to(file)
    (tmp_path / "a.toml").write_text('[model]\nqwen3 = "my_qwen.safetensors"\nvae = "my_vae.safetensors"\n')
    return tmp_path


def recreated(workspace: Path, *stems: str) -> RecreatedGrid:
    named = "".join(f"Module {number}: {stem}, " for number, stem in enumerate(stems, start=1))
    text = (
        f"1girl\nSteps: 30, Sampler: Euler, CFG scale: 4, Shift: 3, Seed: 7, Size: 64x64, Model: x, {named}Version: neo"
    )
    return recreate(recipe_of_text(text), ModelFiles(workspace), str(BASE))


def test_those_that_lie_around_the_base_need_no_name(workspace: Path) -> None:
    like = recreated(workspace, "qwen_image_vae", "qwen_3_06b_base")
    assert (like.spec.vae, like.spec.components) == ("", {})
    assert not any("Module" in line for line in like.differences)


def test_those_that_settings_name_are_taken(workspace: Path) -> None:
    like = recreated(workspace, "my_vae", "my_qwen")
    assert like.spec.vae == str(workspace / "my_vae.safetensors")
    assert like.spec.components == {"qwen3": str(workspace / "my_qwen.safetensors")}


def test_one_that_is_not_here_is_said(workspace: Path) -> None:
    like = recreated(workspace, "my_vae", "finer_qwen")
    assert like.spec.components == {}
    assert "Module 2 finer_qwen is not known here: the base's own is used" in like.differences


def of_comfyui(workspace: Path, vae: str, encoder: str) -> RecreatedGrid:
    links = {"model": ["2", 0], "positive": ["4", 0], "negative": ["4", 0], "latent_image": ["5", 0]}
    sampling = {"seed": 7, "steps": 30, "cfg": 4, "sampler_name": "euler", "scheduler": "simple", "denoise": 1}
    nodes: dict[str, dict[str, object]] = {
        "KSampler": sampling | links,
        "ModelSamplingAuraFlow": {"shift": 4.5, "model": ["3", 0]},
        "UNETLoader": {"unet_name": f"{BASE.stem}.safetensors"},
        "CLIPTextEncode": {"text": "1girl", "clip": ["6", 0]},
        "EmptyLatentImage": {"width": 64, "height": 64},
        "CLIPLoader": {"clip_name": f"{encoder}.safetensors", "type": "anima"},
        "VAELoader": {"vae_name": f"{vae}.safetensors"},
    }
    graph = {
        str(at): {"class_type": kind, "inputs": inputs} for at, (kind, inputs) in enumerate(nodes.items(), start=1)
    }
    picture = recipe_of(PictureTexts({"prompt": json.dumps(graph)}), "x")
    return recreate(picture, ModelFiles(workspace), str(BASE))


def test_a_comfyui_graphs_shift_and_files_are_those_of_a_flow(workspace: Path) -> None:
    like = of_comfyui(workspace, "qwen_image_vae", "qwen_3_06b_base")
    assert (like.spec.shift, like.spec.vae, like.spec.components) == (4.5, "", {})
    assert not any("Module" in line or "VAE" in line for line in like.differences)
    other = of_comfyui(workspace, "my_vae", "my_qwen")
    assert other.spec.vae == str(workspace / "my_vae.safetensors")
    assert other.spec.components == {"qwen3": str(workspace / "my_qwen.safetensors")}
