"""Anima LoRAs written under the keys of ComfyUI and diffusers: the same change, no alphas, nothing lost without a word."""

from pathlib import Path

import pytest
from dense_loras import dense, distance, reference, write_form
from lora_of_numbers import Layer, write_lora_of_numbers
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from trainer.errors import SettingsError
from trainer.lora_tools.key_forms import write_keys
from trainer.lora_tools.made_lora import ALPHA_IS_RANK, Output
from trainer.lora_tools.scale import write_alpha
from trainer.models.lora_header import read_lora_header

QWEN = "lora_te_layers_3_self_attn_q_proj"
LAYERS = {
    "lora_unet_blocks_0_self_attn_q_proj": Layer(24, 24, 8, alpha=2.0),
    "lora_unet_blocks_10_self_attn_output_proj": Layer(24, 24, 7, alpha=None),
    "lora_unet_blocks_2_cross_attn_k_proj": Layer(24, 16, 6, alpha=0.0),
    "lora_unet_blocks_2_mlp_layer1": Layer(96, 24, 4, alpha=-3.0),
    "lora_unet_blocks_2_adaln_modulation_mlp_2": Layer(72, 8, 5, alpha=8),
    "lora_unet_final_layer_linear": Layer(16, 24, 2),
    "lora_unet_llm_adapter_blocks_1_mlp_2": Layer(16, 64, 3),
    QWEN: Layer(32, 16, 4, alpha=1.0),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_lora_of_numbers(tmp_path / "a.safetensors", LAYERS, metadata={"ss_base_model_version": "anima"})


def keys_of(path: Path) -> set[str]:
    with safe_open(path, "np") as file:
        return set(file.keys())


def test_comfyui_gets_every_module_with_the_same_change(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.safetensors"
    made = write_keys(reference(source), "comfyui", Output(out))
    assert not made.left_out and len(made.modules) == len(LAYERS)
    keys = keys_of(out)
    assert "diffusion_model.blocks.10.self_attn.output_proj.lora_A.weight" in keys
    assert "diffusion_model.llm_adapter.blocks.1.mlp.2.lora_B.weight" in keys
    assert "text_encoders.qwen3_06b.transformer.model.layers.3.self_attn.q_proj.lora_A.weight" in keys
    assert not any(key.endswith("alpha") for key in keys)
    assert distance(dense(out), dense(source)) < 1e-6


def test_diffusers_gets_what_its_loader_has_names_for_and_the_rest_is_named(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.safetensors"
    made = write_keys(reference(source), "diffusers", Output(out))
    assert made.left_out == {QWEN: "diffusers has no name for it"}
    keys = keys_of(out)
    assert "transformer.transformer_blocks.10.attn1.to_out.0.lora_A.weight" in keys
    assert "transformer.transformer_blocks.2.norm3.linear_2.lora_B.weight" in keys
    assert "text_conditioner.blocks.1.mlp.2.lora_A.weight" in keys
    whole = dense(source)
    del whole[QWEN]
    assert distance(dense(out), whole) < 1e-6


@pytest.mark.parametrize("form", ["comfyui", "diffusers"])
def test_a_file_in_another_programs_keys_becomes_kohyas_again_wherever_it_is_written(
    source: Path, tmp_path: Path, form: str
) -> None:
    out, back = tmp_path / "b.safetensors", tmp_path / "c.safetensors"
    write_keys(reference(source), form, Output(out))
    write_alpha(reference(out), ALPHA_IS_RANK, Output(back))
    assert set(read_lora_header(back).modules) == set(read_lora_header(out).modules)
    assert "lora_unet_blocks_0_self_attn_q_proj.lora_down.weight" in keys_of(back)
    assert distance(dense(back), dense(out)) < 1e-6


def test_a_file_is_written_in_the_order_in_which_safetensors_writes_it(source: Path, tmp_path: Path) -> None:
    """So that its hashes stay where another program reads and writes it."""
    for form in ("comfyui", "diffusers"):
        out, again = tmp_path / f"{form}.safetensors", tmp_path / "again.safetensors"
        write_keys(reference(source), form, Output(out))
        save_file(load_file(out), again)
        with safe_open(out, "np") as one, safe_open(again, "np") as other:
            assert one.offset_keys() == other.offset_keys()


def test_a_form_that_its_family_has_not_is_refused(source: Path, tmp_path: Path) -> None:
    out = Output(tmp_path / "b.safetensors")
    with pytest.raises(SettingsError, match="keys: forge; expected one of comfyui, diffusers, for an Anima base"):
        write_keys(reference(source), "forge", out)
    of_sd = write_form(tmp_path / "sd.safetensors", "kohya")
    with pytest.raises(SettingsError, match=r"the file does not say what base it is for.*--base"):
        write_keys(reference(of_sd), "comfyui", out)
    said = tmp_path / "said.safetensors"
    save_file(load_file(of_sd), said, {"ss_base_model_version": "sd_v1"})
    with pytest.raises(
        SettingsError, match=r"keys: comfyui; expected kohya's keys: every program reads a LoRA for SD1\.x"
    ):
        write_keys(reference(said), "comfyui", out)
    assert not (tmp_path / "b.safetensors").exists()
