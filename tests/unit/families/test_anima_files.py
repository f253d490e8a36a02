"""Files that are no Anima, or not all of one, are refused in one line that says what was found and what to do."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from anima_layout import original_body, original_encoder
from header_only import write_header_only
from original_layout import original_tensors
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_anima import hollow_files, original_shapes, tiny_anima, tiny_files, tiny_modules

from trainer.errors import LoraTuiError, SettingsError
from trainer.jobs.preflight import prepare
from trainer.models.identify import Base, check_attention, check_vae, identify_base

Files = Path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The file with the transformer, in a ComfyUI of its own."""
    shutil.copytree(tiny_files().parents[2], tmp_path / "ComfyUI")
    return tmp_path / "ComfyUI/models/diffusion_models/anima.safetensors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(tiny_anima(), tmp_path / "Anima-Diffusers")
    return tmp_path / "Anima-Diffusers"


def whole(path: Path, **given: Path) -> Base:
    return identify_base(str(path), {name: str(place) for name, place in given.items()})


def refusal(path: Path, **given: Path) -> str:
    with pytest.raises(LoraTuiError) as caught:
        whole(path, **given)
    line = caught.value.line()
    assert "\n" not in line
    return line


def changed(path: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    with safe_open(path, "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # it is no dict
    save_file({key: tensor.contiguous() for key, tensor in change(tensors).items()}, path)


def test_what_a_file_lacks_is_found_where_comfyui_keeps_it(files: Path) -> None:
    found = whole(files)
    assert (found.family, found.has_vae, found.name) == ("anima", True, "anima.safetensors")
    assert {name: place.name for name, place in found.component_files.items()} == {
        "qwen3": "qwen_3_06b_base.safetensors",
        "vae": "qwen_image_vae.safetensors",
        "qwen3_tokenizer": "qwen25_tokenizer",
        "t5_tokenizer_path": "t5_tokenizer",
    }


def test_what_a_user_names_comes_first(files: Path, folder: Path, tmp_path: Path) -> None:
    other = shutil.copy(files.parents[1] / "vae" / "qwen_image_vae.safetensors", tmp_path / "other.safetensors")
    found = whole(files, vae=Path(other), qwen3=folder, t5_tokenizer_path=folder / "t5_tokenizer" / "tokenizer.json")
    assert found.component_files["vae"] == Path(other)
    assert found.component_files["qwen3"] == folder
    assert len(found.lora_shapes) == len(whole(files).lora_shapes)


def test_a_folder_needs_nothing_beside_it(folder: Path) -> None:
    found = whole(folder)
    assert (found.family, found.name) == ("anima", "Anima-Diffusers")
    assert {place.parent for place in found.component_files.values()} == {folder}


def test_one_file_may_hold_everything(files: Path) -> None:
    modules = tiny_modules()
    everything = original_body(modules["transformer"].state_dict(), "model.diffusion_model.")
    everything |= {
        f"model.diffusion_model.llm_adapter.{key}": tensor
        for key, tensor in modules["text_conditioner"].state_dict().items()
    }
    everything |= original_encoder(modules["text_encoder"].state_dict(), "text_encoders.qwen3_06b.transformer.model.")
    everything |= {f"vae.{key}": tensor for key, tensor in modules["vae"].state_dict().items()}
    save_file(everything, files)
    for name in ("text_encoders", "vae"):
        shutil.rmtree(files.parents[1] / name)
    assert set(whole(files).component_files) == {"qwen3_tokenizer", "t5_tokenizer_path"}


@pytest.mark.parametrize(
    ("gone", "setting", "told"),
    [
        ("models/text_encoders", "qwen3", "Qwen3 0.6B Base.*models/text_encoders/qwen_3_06b_base.safetensors"),
        ("models/vae", "vae", "Qwen-Image.*models/vae/qwen_image_vae.safetensors"),
        (
            "comfy/text_encoders/qwen25_tokenizer",
            "qwen3_tokenizer",
            "program has 151,669 tokens, .* embedding 259;.*Qwen3",
        ),
        (
            "comfy/text_encoders/t5_tokenizer",
            "t5_tokenizer_path",
            "program has 32,100 tokens, .* embedding 47;.*T5 v1.1",
        ),
    ],
)
def test_what_is_missing_is_named_with_where_it_usually_lies(files: Path, gone: str, setting: str, told: str) -> None:
    shutil.rmtree(files.parents[2] / gone)
    # Its shapes are known nevertheless, and that is all that a LoRA's inspection asks for.
    assert identify_base(str(files)).family == "anima"
    assert re.match(rf"{setting}: blank, and anima\.safetensors holds none.*{told}", refusal(files))


def test_xformers_on_it_is_refused_before_a_bake_is_queued(folder: Path, make_settings: Any) -> None:
    settings = make_settings(xformers=True, pretrained_model_name_or_path=str(folder))
    with pytest.raises(SettingsError, match=r"xformers: on with Anima; expected off: its attention, .* \(sdpa\); set"):
        prepare(settings)
    check_attention(True, "sd1")


def test_a_base_of_the_real_vocabularies_needs_no_tokenizer(tmp_path: Path) -> None:
    hollow = hollow_files()
    alone = tmp_path / hollow.name
    alone.symlink_to(hollow)
    models = hollow.parents[1]
    named = {
        "qwen3": models / "text_encoders/qwen_3_06b_base.safetensors",
        "vae": models / "vae/qwen_image_vae.safetensors",
    }
    assert whole(alone, **named).component_files == named
    # A user's own comes before the one of the program.
    assert set(whole(hollow).component_files) == {*named, "qwen3_tokenizer", "t5_tokenizer_path"}
    assert "no tokenizer files" in refusal(alone, **named, qwen3_tokenizer=models)


@pytest.mark.parametrize(
    "part", ["transformer", "text_conditioner", "text_encoder", "vae", "tokenizer", "t5_tokenizer"]
)
def test_half_a_folder_is_refused_by_what_it_lacks(folder: Path, part: str) -> None:
    shutil.rmtree(folder / part)
    line = refusal(folder)
    told = {"transformer": "without its transformer", "text_conditioner": "llm_adapter"}
    assert told.get(part, "no such folder") in line


def test_a_transformer_without_the_conditioner_is_cosmos_predict2(files: Path) -> None:
    conditioner = files.parent / "adapter.safetensors"
    save_file({key: tensor for key, tensor in tiny_modules()["text_conditioner"].state_dict().items()}, conditioner)
    changed(files, lambda tensors: {key: tensors[key] for key in tensors if ".llm_adapter." not in key})
    assert "a transformer of Cosmos-Predict2 without Anima's text conditioner" in refusal(files)
    assert len(whole(files, llm_adapter_path=conditioner).lora_shapes) == len(whole(tiny_files()).lora_shapes)


def test_a_weight_too_few_and_one_too_many_are_named(files: Path) -> None:
    key = "net.blocks.1.mlp.layer2.weight"
    changed(files, lambda tensors: {name: tensors[name] for name in tensors if name != key})
    assert "a transformer without the weight transformer_blocks.1.ff.net.2.weight" in refusal(files)
    changed(
        files,
        lambda tensors: {
            **tensors,
            key: tensors["net.blocks.0.mlp.layer2.weight"].clone(),
            "net.new.weight": tensors["net.t_embedding_norm.weight"].clone(),
        },
    )
    assert "the weight net.new.weight that it does not know" in refusal(files)


def test_tables_that_no_model_reads_are_passed_over(files: Path) -> None:
    import torch

    changed(
        files,
        lambda tensors: {
            **tensors,
            "net.pos_embedder.seq": torch.zeros(8),
            "net.accum_iteration": torch.zeros(1),
            "net.blocks.0.self_attn._extra_state": torch.zeros(1),
        },
    )
    assert whole(files).family == "anima"


@pytest.mark.parametrize(("dtype", "word"), [("F8_E4M3", "fp8"), ("U8", "quantised weights")])
def test_quantised_weights_are_refused(files: Path, dtype: str, word: str) -> None:
    write_header_only(files, original_shapes(tiny_modules()), dtype=dtype)
    assert f"a transformer in {word}" in refusal(files)


def test_gguf_and_pickles_are_refused(tmp_path: Path) -> None:
    (tmp_path / "anima.gguf").write_bytes(b"GGUF" + bytes(60))
    (tmp_path / "anima.pt").write_bytes(b"PK\x03\x04" + bytes(60))
    assert "a GGUF file, quantised for inference" in refusal(tmp_path / "anima.gguf")
    assert "a pickle file" in refusal(tmp_path / "anima.pt")


@pytest.mark.parametrize(("channels", "told"), [(17, "video2world"), (32, "latents of 32 channels")])
def test_a_transformer_for_other_latents_is_refused(files: Path, channels: int, told: str) -> None:
    save_file(original_body(tiny_modules(in_channels=channels)["transformer"].state_dict()), files)
    assert told in refusal(files)


def test_the_vae_of_another_model_is_refused(files: Path, tmp_path: Path) -> None:
    from diffusers import AutoencoderKL

    other = AutoencoderKL(block_out_channels=(32,), layers_per_block=1)
    sdxl = tmp_path / "sdxl_vae.safetensors"
    save_file(original_tensors("sdxl", {"vae": other}), sdxl)
    assert re.search(r"sdxl_vae\.safetensors: another model's VAE; expected Anima's VAE", refusal(files, vae=sdxl))
    with pytest.raises(LoraTuiError, match="expected Anima's VAE, that of Qwen-Image"):
        check_vae(str(sdxl), whole(files))


def test_an_encoder_of_another_width_or_kind_is_refused(files: Path, tmp_path: Path) -> None:
    import torch

    weights = original_encoder(tiny_modules()["text_encoder"].state_dict())
    clip = tmp_path / "clip_l.safetensors"
    save_file({"text_model.embeddings.token_embedding.weight": torch.zeros(4, 4)}, clip)
    assert re.search(
        r"clip_l\.safetensors: another model's text encoder; expected Anima's text encoder, Qwen3",
        refusal(files, qwen3=clip),
    )
    wide = tmp_path / "qwen3_4b.safetensors"
    save_file(
        {
            key: torch.zeros([side * 2 if side == 64 else side for side in tensor.shape])
            for key, tensor in weights.items()
        },
        wide,
    )
    assert "a Qwen3 of width 128 beside a text conditioner for 64" in refusal(files, qwen3=wide)
    assert "expected Anima's text encoder" in refusal(files, qwen3=files.parents[1] / "vae/qwen_image_vae.safetensors")


def test_another_tokenizer_is_refused(files: Path, folder: Path, tmp_path: Path) -> None:
    both = folder / "tokenizer", folder / "t5_tokenizer"
    assert "expected Qwen3's tokenizer" in refusal(files, qwen3_tokenizer=both[1])
    assert "expected the tokenizer of T5 v1.1" in refusal(files, t5_tokenizer_path=both[0])
    few = json.loads((both[0] / "tokenizer.json").read_text())
    few["model"]["vocab"] = dict(list(few["model"]["vocab"].items())[:100])
    few["added_tokens"] = [{"content": "<|endoftext|>", "id": 100}]
    (tmp_path / "tokenizer.json").write_text(json.dumps(few))
    assert "a tokenizer of 101 tokens for an embedding of 259" in refusal(files, qwen3_tokenizer=tmp_path)
    (tmp_path / "tokenizer.json").write_text("{")
    assert "cannot be read as a tokenizer" in refusal(files, qwen3_tokenizer=tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    assert "no tokenizer files" in refusal(files, qwen3_tokenizer=tmp_path)
    (tmp_path / "spiece.model").write_bytes(b"x")
    assert "only spiece.model" in refusal(files, t5_tokenizer_path=tmp_path)


def test_a_path_that_is_not_there_is_named_with_its_setting(files: Path, tmp_path: Path) -> None:
    line = refusal(files, qwen3=tmp_path / "gone.safetensors")
    assert "gone.safetensors: no such file or folder; expected Anima's text encoder" in line


def test_a_file_that_is_cut_off_is_refused(files: Path) -> None:
    content = files.read_bytes()
    files.write_bytes(content[: len(content) // 2])
    assert "anima.safetensors" in refusal(files)


@pytest.mark.parametrize("setting", ["qwen3", "vae"])
def test_another_component_given_as_the_base_is_named(files: Path, setting: str) -> None:
    place = whole(files).component_files[setting]
    line = refusal(place)
    assert f"{place.name}: only Anima's" in line
    assert line.endswith(f"expected Anima's file with the transformer; give that one here, and this one as `{setting}`")


def test_the_conditioner_given_as_the_base_is_named(files: Path, tmp_path: Path) -> None:
    alone = tmp_path / "llm_adapter.safetensors"
    changed(files, lambda tensors: tensors)
    with safe_open(files, "pt") as file:
        keys = [key for key in file.keys() if key.startswith("net.llm_adapter.")]  # noqa: SIM118  # it is no dict
        save_file({key: file.get_tensor(key) for key in keys}, alone)
    assert "this one as `llm_adapter_path`" in refusal(alone)


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [("vae", "Anima's VAE"), ("qwen3", "Anima's text encoder"), ("llm_adapter_path", "Anima's text")],
)
def test_a_checkpoint_of_another_family_given_as_a_component_is_named(
    files: Path, tmp_path: Path, setting: str, wanted: str
) -> None:
    keys = ["first_stage_model.decoder.conv_in.weight", "model.diffusion_model.input_blocks.0.0.weight"]
    checkpoint = write_header_only(tmp_path / "sdxl.safetensors", dict.fromkeys(keys, (4, 4)))
    line = refusal(files, **{setting: checkpoint})
    assert f"sdxl.safetensors: a whole Stable Diffusion checkpoint; expected {wanted}" in line


def test_a_folder_whose_transformer_is_of_another_class_says_so(folder: Path) -> None:
    config = folder / "transformer" / "config.json"
    config.write_text(json.dumps({"_class_name": "FluxTransformer2DModel"}))
    assert "transformer: a transformer of class FluxTransformer2DModel; expected Anima's" in refusal(folder)
    config.unlink()
    assert "transformer: no config.json that names the class; expected Anima's" in refusal(folder)
