import json
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from trainer.errors import ModelError, SettingsError
from trainer.models.identify import check_clip_skip, identify_base, lora_file_bytes

Change = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the demo base that a test may spoil."""
    return Path(shutil.copytree(identify_base("demo").folder, tmp_path / "base"))


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_demo_is_recognised_with_its_132_layers() -> None:
    base = identify_base("demo")
    assert (base.name, base.kind, len(base.lora_shapes)) == ("demo", "sd1", 132)
    assert base.lora_shapes["lora_te_text_model_encoder_layers_0_mlp_fc1"] == (96, 384, False)
    assert base.lora_shapes["lora_unet_down_blocks_0_attentions_0_proj_in"] == (32, 32, True)


def test_a_folder_is_recognised_by_its_path(folder: Path) -> None:
    base = identify_base(str(folder))
    assert (base.name, base.folder) == ("base", folder)


def test_recognising_imports_no_torch() -> None:
    code = "import sys; from trainer.models.identify import identify_base; identify_base('demo'); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_text_encoder_keys_with_the_old_level_have_the_same_names(folder: Path) -> None:
    from safetensors.torch import load_file

    path = folder / "text_encoder" / "model.safetensors"
    tensors = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in load_file(path).items()}
    save_file(tensors, path)
    assert identify_base(str(folder)).lora_shapes == identify_base("demo").lora_shapes


def test_fp16_variants_are_found(folder: Path) -> None:
    unet = folder / "unet" / "diffusion_pytorch_model.safetensors"
    unet.rename(unet.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert len(identify_base(str(folder)).lora_shapes) == 132


def only_pickles(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))


def broken_index(folder: Path) -> None:
    (folder / "model_index.json").write_text("{")


SPOILED: list[tuple[Change, str]] = [
    (lambda folder: (folder / "model_index.json").unlink(), "a folder without model_index.json"),
    (broken_index, "is no JSON"),
    (lambda folder: edit(folder / "model_index.json", _class_name="StableDiffusionXLPipeline"), "an SDXL model"),
    (lambda folder: edit(folder / "model_index.json", _class_name="FluxPipeline"), "a model of class FluxPipeline"),
    (lambda folder: edit(folder / "unet" / "config.json", use_linear_projection=True), "an SD2.x model"),
    (lambda folder: edit(folder / "unet" / "config.json", in_channels=9), "9 input channels"),
    (lambda folder: edit(folder / "unet" / "config.json", cross_attention_dim=1024), "a U-Net for texts of 1024"),
    (
        lambda folder: edit(folder / "scheduler" / "scheduler_config.json", prediction_type="v_prediction"),
        "prediction type v_prediction",
    ),
    (lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "vae: no weights"),
    (only_pickles, "only pickle weights"),
    (lambda folder: shutil.rmtree(folder / "tokenizer"), "no tokenizer files"),
]


@pytest.mark.parametrize(("spoil", "reason"), SPOILED)
def test_a_folder_that_is_no_sd1_says_what_it_is(folder: Path, spoil: Change, reason: str) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=reason) as caught:
        identify_base(str(folder))
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("start", [b"PK\x03\x04rest", b"\x80\x02}q\x00."])
def test_a_pickle_is_refused_whatever_its_name(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(start)
    with pytest.raises(ModelError, match="a pickle file; loading one runs the code in it"):
        identify_base(str(path))


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "model.bin", "MODEL.PTH"])
def test_a_pickle_is_refused_by_its_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    with pytest.raises(ModelError, match="a pickle file"):
        identify_base(str(tmp_path / name))


def test_a_lora_is_no_base(tmp_path: Path) -> None:
    save_file({"lora_unet_x.lora_down.weight": torch.zeros(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match=r"x\.safetensors: a LoRA"):
        identify_base(str(tmp_path / "x.safetensors"))


def test_a_single_file_model_is_named_as_such(tmp_path: Path) -> None:
    save_file({"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="a model in one file"):
        identify_base(str(tmp_path / "x.safetensors"))


@pytest.mark.parametrize("name", ["", "runwayml/stable-diffusion-v1-5", "/nowhere/at/all"])
def test_nothing_is_looked_up_elsewhere(name: str) -> None:
    with pytest.raises(ModelError, match="there is no such file or folder"):
        identify_base(name)


def test_weights_cut_off_are_found_before_loading(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="the download may be cut off"):
        identify_base(str(folder))


def test_a_layer_the_text_encoder_lacks_is_refused() -> None:
    check_clip_skip(identify_base("demo"), 2)
    with pytest.raises(SettingsError, match="clip_skip: 3; expected at most 2"):
        check_clip_skip(identify_base("demo"), 3)


def test_sd15_at_dim_32_has_the_size_of_kohyas_file(tmp_path: Path) -> None:
    """37,864,304 bytes were written by sd-scripts with 93 keys of metadata, 4 to 8 KB."""
    modules = json.loads((Path(__file__).parents[1] / "network" / "kohya_sd15_modules.json").read_text())
    base = identify_base("demo")
    shapes = {name: (down[1], up[0], len(down) == 4) for name, (down, up) in modules.items()}
    sd15 = type(base)("sd15", tmp_path, "sd1", shapes)
    size = lora_file_bytes(sd15, 32, unet=True, text_encoder=True, bytes_per_number=2)
    assert 0 < 37_864_304 - size < 8192


def header_only(path: Path, shapes: dict[str, list[int]]) -> None:
    """A safetensors file whose tensors are a hole in the file system."""
    entries: dict[str, object] = {}
    offset = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        entries[name] = {"dtype": "F16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text)
    with path.open("r+b") as file:
        file.truncate(8 + len(text) + offset)


def test_the_sd15_layout_has_kohyas_264_modules(folder: Path) -> None:
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        unet = UNet2DConditionModel(cross_attention_dim=768)
        encoder = CLIPTextModel(CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_attention_heads=12))
    header_only(
        folder / "unet" / "diffusion_pytorch_model.safetensors",
        {name: list(tensor.shape) for name, tensor in unet.state_dict().items()},
    )
    header_only(
        folder / "text_encoder" / "model.safetensors",
        {f"text_model.{name}": list(tensor.shape) for name, tensor in encoder.state_dict().items()},
    )
    modules = json.loads((Path(__file__).parents[1] / "network" / "kohya_sd15_modules.json").read_text())
    expected = {name: (down[1], up[0], len(down) == 4) for name, (down, up) in modules.items()}
    assert identify_base(str(folder)).lora_shapes == expected
