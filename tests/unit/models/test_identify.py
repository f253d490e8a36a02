import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
import torch
from header_only import write_header_only
from original_layout import original_tensors
from real_shapes import real_modules
from safetensors.torch import load_file, save_file

from trainer.errors import ModelError, SettingsError
from trainer.models.identify import check_clip_skip, identify_base
from trainer.models.prediction_markers import PredictionMarkers

Change = Callable[[Path], None]
Shapes = dict[str, tuple[int, ...]]

EPSILON = {"prediction_type": "epsilon", "rescale_betas_zero_snr": False}


@cache
def original(family: str) -> Mapping[str, tuple[int, ...]]:
    """Key -> shape of a real checkpoint in the original layout."""
    return {name: tuple(tensor.shape) for name, tensor in original_tensors(family, real_modules(family)).items()}


def single_file(path: Path, family: str, **changes: Mapping[str, str]) -> str:
    return str(write_header_only(path / "base.safetensors", original(family), **changes))  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the demo base that a test may spoil."""
    return Path(shutil.copytree(identify_base("demo").path, tmp_path / "base"))


@pytest.fixture
def sdxl_folder(tmp_path: Path) -> Path:
    """A diffusers folder of SDXL: real names and shapes, no numbers."""
    root = tmp_path / "xl"
    for name, module in real_modules("sdxl").items():
        stem = "model" if name.startswith("text") else "diffusion_pytorch_model"
        (root / name).mkdir(parents=True)
        shapes = {key: tuple(weight.shape) for key, weight in module.state_dict().items()}
        write_header_only(root / name / f"{stem}.safetensors", shapes)
        (root / name / "config.json").write_text("{}")
    for name in ("tokenizer", "tokenizer_2"):
        (root / name).mkdir()
        (root / name / "merges.txt").touch()
    (root / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    return root


def edit(path: Path, **changes: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **changes}))


def reshape(path: Path, name: str, shape: tuple[int, ...]) -> None:
    save_file({**load_file(path), name: torch.zeros(shape)}, path)


def unet_of(folder: Path) -> Path:
    return folder / "unet" / "diffusion_pytorch_model.safetensors"


def test_the_demo_is_recognised_with_its_132_layers() -> None:
    base = identify_base("demo")
    ordinary = [shape for shape in base.lora_shapes.values() if not (shape.needs_conv_dim or shape.only_in_files)]
    assert (base.name, base.family, len(ordinary)) == ("demo", "sd1", 132)


def test_the_demo_says_epsilon_so_that_nothing_is_measured() -> None:
    assert identify_base("demo").markers == PredictionMarkers("epsilon", False, "scheduler/scheduler_config.json")


def test_a_folder_is_recognised_by_its_path(folder: Path) -> None:
    base = identify_base(str(folder))
    assert (base.name, base.path) == ("base", folder)


@pytest.mark.parametrize(
    ("family", "layers"), [("sd1", {"text_encoder": 12}), ("sdxl", {"text_encoder": 12, "text_encoder_2": 32})]
)
def test_a_single_file_is_recognised_from_its_keys(tmp_path: Path, family: str, layers: dict[str, int]) -> None:
    base = identify_base(single_file(tmp_path, family))
    assert (base.name, base.family, base.text_layers, base.has_vae) == ("base.safetensors", family, layers, True)


def test_a_folder_of_sdxl_has_the_layers_of_the_single_file(tmp_path: Path, sdxl_folder: Path) -> None:
    folder, file = identify_base(str(sdxl_folder)), identify_base(single_file(tmp_path, "sdxl"))
    assert (folder.family, folder.text_layers) == ("sdxl", file.text_layers)
    assert folder.lora_shapes == file.lora_shapes


def test_recognising_imports_no_torch() -> None:
    code = "import sys; from trainer.models.identify import identify_base; identify_base('demo'); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_text_encoder_keys_with_the_old_level_have_the_same_names(folder: Path) -> None:
    path = folder / "text_encoder" / "model.safetensors"
    tensors = {f"text_model.{key.removeprefix('text_model.')}": value for key, value in load_file(path).items()}
    save_file(tensors, path)
    assert identify_base(str(folder)).lora_shapes == identify_base("demo").lora_shapes


def test_a_single_file_of_2022_without_that_level_has_them_too(tmp_path: Path) -> None:
    old = {key.replace("transformer.text_model.", "transformer."): shape for key, shape in original("sd1").items()}
    path = write_header_only(tmp_path / "old.safetensors", old)
    assert identify_base(str(path)).lora_shapes == identify_base(single_file(tmp_path, "sd1")).lora_shapes


def test_fp16_variants_are_found(folder: Path) -> None:
    unet_of(folder).rename(unet_of(folder).with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert identify_base(str(folder)).lora_shapes == identify_base("demo").lora_shapes


def only_pickles(folder: Path) -> None:
    unet_of(folder).rename(unet_of(folder).with_suffix(".bin"))


def broken_index(folder: Path) -> None:
    (folder / "model_index.json").write_text("{")


def another_pipeline(folder: Path) -> None:
    shutil.move(folder / "unet", folder / "transformer")
    edit(folder / "model_index.json", _class_name="FluxPipeline")


def fp8(folder: Path) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(unet_of(folder)).items()}
    write_header_only(unet_of(folder), shapes, dtype="F8_E4M3")


SPOILED: list[tuple[Change, str]] = [
    (lambda folder: (folder / "model_index.json").unlink(), "a folder without model_index.json"),
    (broken_index, "not JSON"),
    (another_pipeline, "a model of class FluxPipeline"),
    (lambda folder: reshape(unet_of(folder), "conv_in.weight", (32, 9, 3, 3)), r"9 input channels \(inpainting\)"),
    (
        lambda folder: reshape(unet_of(folder), "down_blocks.0.attentions.0.proj_in.weight", (32, 32)),
        "an SD2.x model",
    ),
    (
        lambda folder: reshape(
            unet_of(folder), "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight", (32, 1024)
        ),
        "a U-Net for text embeddings of width 1024 beside a text encoder of width 96",
    ),
    (lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "vae: no weights"),
    (only_pickles, "only pickle weights"),
    (fp8, r"a U-Net in fp8 \(F8_E4M3\)"),
    (lambda folder: shutil.rmtree(folder / "tokenizer"), "no tokenizer files"),
    (lambda folder: (folder / "text_encoder" / "config.json").unlink(), "config.json: cannot be read"),
]


@pytest.mark.parametrize(("spoil", "reason"), SPOILED)
def test_a_folder_that_is_no_base_says_what_it_is(folder: Path, spoil: Change, reason: str) -> None:
    spoil(folder)
    with pytest.raises(ModelError, match=reason) as caught:
        identify_base(str(folder))
    assert "\n" not in caught.value.line()


def test_a_folder_of_sdxls_refiner_is_named(sdxl_folder: Path) -> None:
    shutil.rmtree(sdxl_folder / "text_encoder")
    with pytest.raises(ModelError, match="SDXL's refiner"):
        identify_base(str(sdxl_folder))


def test_a_folder_around_a_single_file_points_at_the_file(tmp_path: Path) -> None:
    single_file(tmp_path, "sd1")
    with pytest.raises(ModelError, match="give the file in it"):
        identify_base(str(tmp_path))


def without(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> Shapes:
    return {key: shape for key, shape in shapes.items() if not key.startswith(prefix)}


def below(shapes: Mapping[str, tuple[int, ...]], prefix: str) -> Shapes:
    return {key.removeprefix(prefix): shape for key, shape in shapes.items() if key.startswith(prefix)}


UNET = "model.diffusion_model."
CONV_IN = UNET + "input_blocks.0.0.weight"
NO_BASES: list[tuple[Callable[[], Shapes], str]] = [
    (lambda: {**original("sd1"), CONV_IN: (320, 9, 3, 3)}, r"9 input channels \(inpainting\)"),
    (lambda: {**original("sd1"), CONV_IN: (320, 8, 3, 3)}, "8 input channels"),
    (lambda: {**without(original("sd1"), "cond"), "cond_stage_model.model.ln_final.weight": (1024,)}, "an SD2.x model"),
    (
        lambda: {**without(original("sdxl"), "cond"), "conditioner.embedders.0.model.ln_final.bias": (9,)},
        "SDXL's refiner",
    ),
    (lambda: without(original("sdxl"), "conditioner.embedders.1"), "a U-Net of SDXL without its second text encoder"),
    (lambda: without(original("sd1"), "cond_stage"), "a U-Net of SD1.x without its text encoder"),
    (lambda: below(original("sd1"), UNET), "only a U-Net"),
    (lambda: below(original("sd1"), "first_stage_model."), "only a VAE; .*set it as `vae`"),
    (
        lambda: without(original("sd1"), UNET) and below(original("sd1"), "cond_stage_model.transformer."),
        "only a text encoder",
    ),
    (lambda: {UNET + "joint_blocks.0.context_block.attn.qkv.weight": (8, 8)}, "an SD3 model"),
    (lambda: {"double_blocks.0.img_attn.qkv.weight": (8, 8)}, "a Flux model"),
    (lambda: {"lora_unet_x.lora_down.weight": (2, 2)}, "a LoRA; .*give the base it was trained on"),
    (lambda: {"lora_unet_x.hada_w1_a": (2, 2)}, "a LoRA"),
    (lambda: {"emb_params": (4, 768)}, "an embedding"),
    (lambda: {"control_model.input_blocks.0.0.weight": (320, 4, 3, 3)}, "a ControlNet"),
    (lambda: {"layers.0.weight": (2, 2)}, r"unknown architecture \(its first tensor is layers\.0\.weight\)"),
    (dict, "a file without tensors"),
]


@pytest.mark.parametrize(("shapes", "reason"), NO_BASES)
def test_a_file_that_is_no_base_says_what_it_is(tmp_path: Path, shapes: Callable[[], Shapes], reason: str) -> None:
    path = write_header_only(tmp_path / "x.safetensors", shapes())
    with pytest.raises(ModelError, match=reason) as caught:
        identify_base(str(path))
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize(
    ("dtype", "reason"), [("F8_E4M3", r"a U-Net in fp8 \(F8_E4M3\)"), ("U8", r"a U-Net in quantised weights \(U8\)")]
)
def test_rounded_weights_are_no_base(tmp_path: Path, dtype: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        identify_base(single_file(tmp_path, "sdxl", dtype=dtype))  # type: ignore[arg-type]


def test_a_file_without_vae_is_a_base_that_says_so(tmp_path: Path) -> None:
    path = write_header_only(tmp_path / "x.safetensors", without(original("sd1"), "first_stage_model."))
    assert not identify_base(str(path)).has_vae


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


def test_a_gguf_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF\x03\0\0\0")
    with pytest.raises(ModelError, match="a GGUF file, quantised for inference"):
        identify_base(str(tmp_path / "model.gguf"))


@pytest.mark.parametrize("name", ["", "runwayml/stable-diffusion-v1-5", "/nowhere/at/all"])
def test_nothing_is_looked_up_elsewhere(name: str) -> None:
    with pytest.raises(ModelError, match="no such file or folder"):
        identify_base(name)


def test_a_model_of_windows_is_named_as_it_was_written() -> None:
    with pytest.raises(ModelError, match=r"^F:\\models\\any.safetensors: a path of Windows; "):
        identify_base("F:\\models\\any.safetensors")


def test_weights_cut_off_are_found_before_loading(tmp_path: Path) -> None:
    path = Path(single_file(tmp_path, "sd1"))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    with pytest.raises(ModelError, match="the download may be incomplete"):
        identify_base(str(path))


def test_a_layer_the_text_encoder_lacks_is_refused() -> None:
    check_clip_skip(identify_base("demo"), 2)
    with pytest.raises(SettingsError, match="clip_skip: 3; expected at most 2"):
        check_clip_skip(identify_base("demo"), 3)


def test_clip_skip_is_no_matter_to_sdxl(tmp_path: Path) -> None:
    base = identify_base(single_file(tmp_path, "sdxl"))
    assert base.text_layers["text_encoder"] < 24
    check_clip_skip(base, 24)
