"""Bases of both families, as one file and as a folder, arrive in their modules number for number."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from original_layout import original_tensors
from real_shapes import write_real
from safetensors.torch import load_file, save_file
from tiny_bases import tiny_modules, write_tiny, write_tiny_folder
from torch import Tensor

from trainer.errors import ModelError, SettingsError
from trainer.lean.blocks import blocks as lean_blocks
from trainer.models.identify import check_vae, identify_base
from trainer.models.stable_diffusion.loading import Parts, load_parts

torch.set_num_threads(1)


@dataclass(frozen=True)
class Written:
    """Modules, and the two forms they were written in."""

    family: str
    modules: dict[str, Any]
    file: Path
    folder: Path


@pytest.fixture(scope="module")
def sd1(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write("sd1", tmp_path_factory.mktemp("sd1"))


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return write("sdxl", tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="module", params=["sd1", "sdxl"])
def written(request: pytest.FixtureRequest) -> Written:
    base: Written = request.getfixturevalue(request.param)
    return base


def write(family: str, place: Path) -> Written:
    file, folder = write_tiny(place / "one.safetensors", family), write_tiny_folder(place / "folder", family)
    return Written(family, tiny_modules(family), file, folder)


def load(path: Path, dtype: torch.dtype = torch.float32, **others: Any) -> Parts:
    return load_parts(identify_base(str(path)), device="cpu", dtype=dtype, **others)


@cache
def loaded(path: Path) -> Parts:
    """Load in fp32, once for all tests that only look."""
    return load(path)


def weights(parts: Parts) -> dict[str, dict[str, Tensor]]:
    return {name: module.state_dict() for name, module in modules_of(parts).items()}


def modules_of(parts: Parts) -> dict[str, Any]:
    return {"unet": parts.unet, "vae": parts.vae, **parts.encoders}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def spoiled(base: Written, place: Path, change: Callable[[dict[str, Tensor]], object]) -> Path:
    """Return a copy of the single file with its tensors changed."""
    tensors = load_file(base.file)
    change(tensors)
    save_file(tensors, place / "spoiled.safetensors")
    return place / "spoiled.safetensors"


@pytest.mark.parametrize("form", ["file", "folder"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_number_arrives_in_the_type_asked_for(written: Written, form: str, dtype: torch.dtype) -> None:
    path = getattr(written, form)
    found = weights(loaded(path) if dtype == torch.float32 else load(path, dtype))
    assert found.keys() == written.modules.keys()
    for name, module in written.modules.items():
        wanted = torch.float32 if name == "vae" else dtype
        assert equal(found[name], {key: tensor.to(wanted) for key, tensor in module.state_dict().items()})
        assert {tensor.dtype for tensor in found[name].values()} == {wanted}


def test_a_single_file_computes_what_its_modules_do(written: Written) -> None:
    """Heads, groups, activations and positions stand in no weight."""
    parts, modules = loaded(written.file), written.modules
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 49406, (2, 77), generator=generator)
    latents, pixels = torch.randn(2, 4, 8, 8, generator=generator), torch.randn(1, 3, 16, 16, generator=generator)
    extra = {}
    if written.family == "sdxl":
        text = torch.randn(2, 77, 64, generator=generator)
        ids = torch.arange(12.0).reshape(2, 6)
        extra = {"added_cond_kwargs": {"text_embeds": torch.randn(2, 32, generator=generator), "time_ids": ids}}
    else:
        text = torch.randn(2, 77, 32, generator=generator)
    predicted, expected = (unet(latents, 500, text, **extra).sample for unet in (parts.unet, modules["unet"]))
    assert torch.equal(predicted, expected)
    for part, encoder in parts.encoders.items():
        assert torch.equal(encoder(tokens).last_hidden_state, modules[part](tokens).last_hidden_state)
    assert torch.equal(parts.vae.encode(pixels).latent_dist.mean, modules["vae"].encode(pixels).latent_dist.mean)
    assert parts.vae.config.scaling_factor == modules["vae"].config.scaling_factor


def test_file_and_folder_read_a_caption_alike(written: Written) -> None:
    file, folder = loaded(written.file).tokenizers, loaded(written.folder).tokenizers
    assert file.keys() == folder.keys()
    for part in file:
        assert file[part].tokens("1girl, it’s &amp; wow!") == folder[part].tokens("1girl, it’s &amp; wow!")


def test_everything_is_frozen_and_in_evaluation_mode(sd1: Written) -> None:
    for module in modules_of(loaded(sd1.file)).values():
        assert not module.training
        assert not any(weight.requires_grad for weight in module.parameters())


def test_the_demo_has_the_bits_that_the_libraries_themselves_load() -> None:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel

    path = identify_base("demo").path
    found = weights(load_parts(identify_base("demo"), device="cpu", dtype=torch.float32))
    for name, kind in (("unet", UNet2DConditionModel), ("vae", AutoencoderKL), ("text_encoder", CLIPTextModel)):
        expected = kind.from_pretrained(path, subfolder=name, dtype=torch.float32, local_files_only=True)
        assert equal(found[name], expected.state_dict())


def test_loading_writes_nothing_and_reaches_nowhere(
    written: Written,
    capfd: pytest.CaptureFixture[str],
    recwarn: pytest.WarningsRecorder,
    no_network: None,
) -> None:
    load(written.file if written.family == "sdxl" else written.folder)
    assert capfd.readouterr() == ("", "")
    assert [str(warning.message) for warning in recwarn] == []


def test_no_file_stays_open_or_mapped(sd1: Written) -> None:
    parts = load(sd1.file, torch.float16)
    assert str(sd1.file) not in Path("/proc/self/maps").read_text()
    assert sd1.file not in {Path(os.path.realpath(link)) for link in Path("/proc/self/fd").iterdir()}
    assert parts.unet is not None


CONV_IN = "model.diffusion_model.input_blocks.0.0.weight"
TIME = "model.diffusion_model.time_embed.0.bias"
WRONG: list[tuple[Callable[[dict[str, Tensor]], object], str]] = [
    (lambda tensors: tensors.pop(TIME), r"the weight time_embedding\.linear_1\.bias is missing"),
    (
        lambda tensors: tensors.update({"model.diffusion_model.motion.weight": torch.zeros(2, 2)}),
        r"1 weight is not known to this model, for example model\.diffusion_model\.motion\.weight",
    ),
    (
        lambda tensors: tensors.update({TIME: torch.zeros(7)}),
        r"time_embed\.0\.bias has the shape \[7\] instead of \[128\]",
    ),
    (
        lambda tensors: tensors.update({CONV_IN: torch.zeros(24, 4, 3, 3)}),
        r"conv_in\.weight|input_blocks\.0\.0\.weight has the shape",
    ),
    (
        lambda tensors: [tensors.pop(key) for key in list(tensors) if ".middle_block.1." in key],
        "a middle block of 0 transformer layers",
    ),
    (
        lambda tensors: [
            tensors.pop(key) for key in list(tensors) if key.startswith("first_stage_model.encoder.conv_in")
        ],
        "2 weights are missing, for example encoder.conv_in.bias",
    ),
]


@pytest.mark.parametrize(("change", "reason"), WRONG)
def test_a_weight_that_is_not_as_it_should_be_is_named(
    sd1: Written,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    change: Callable[[dict[str, Tensor]], object],
    reason: str,
) -> None:
    path = spoiled(sd1, tmp_path, change)
    with pytest.raises(ModelError, match=reason) as caught:
        load(path)
    assert "\n" not in caught.value.line()
    assert capfd.readouterr() == ("", "")


def test_a_config_that_does_not_fit_the_weights_is_named(sd1: Written, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sd1.folder, tmp_path / "base"))
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "layers_per_block": 3}))
    with pytest.raises(ModelError, match="weights are missing"):
        load(folder)


def test_a_config_that_builds_nothing_is_named(sd1: Written, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sd1.folder, tmp_path / "base"))
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "down_block_types": ["NoSuchBlock"] * 4}))
    with pytest.raises(ModelError, match="its unet cannot be built"):
        load(folder)


def test_a_vocabulary_that_is_not_clips_needs_a_folder(sd1: Written, tmp_path: Path) -> None:
    key = "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"
    path = spoiled(sd1, tmp_path, lambda tensors: tensors.update({key: tensors[key][:1000].clone()}))
    with pytest.raises(ModelError, match="a text encoder of 1,000 tokens; expected CLIP's 49,408"):
        load(path)


@dataclass(frozen=True)
class Vae:
    """A VAE, and where it was written, by form."""

    module: Any
    paths: dict[str, Path]


@pytest.fixture(scope="module")
def other_vae(tmp_path_factory: pytest.TempPathFactory) -> Vae:
    place = tmp_path_factory.mktemp("vae")
    vae = tiny_modules("sd1", seed=1)["vae"]
    tensors = original_tensors("sd1", {"vae": vae})
    plain = {key.removeprefix("first_stage_model."): tensor.contiguous() for key, tensor in tensors.items()}
    save_file(plain, place / "original.safetensors")
    save_file(vae.state_dict(), place / "diffusers.safetensors")
    folder = write_tiny_folder(place / "folder", "sd1", vae=vae)
    paths = {
        "original keys": place / "original.safetensors",
        "diffusers keys": place / "diffusers.safetensors",
        "checkpoint": write_tiny(place / "whole.safetensors", "sd1", vae=vae),
        "folder of a base": folder,
        "folder of a VAE": folder / "vae",
    }
    return Vae(vae, paths)


@pytest.mark.parametrize(
    "form", ["original keys", "diffusers keys", "checkpoint", "folder of a base", "folder of a VAE"]
)
def test_another_vae_takes_the_place_of_the_bases(other_vae: Vae, form: str) -> None:
    path = str(other_vae.paths[form])
    check_vae(path, identify_base("demo"))
    parts = load_parts(identify_base("demo"), device="cpu", dtype=torch.float32, vae=path)
    assert equal(parts.vae.state_dict(), other_vae.module.state_dict())


def test_the_vae_has_a_type_of_its_own() -> None:
    parts = load_parts(identify_base("demo"), device="cpu", dtype=torch.float32, vae_dtype=torch.bfloat16)
    assert (parts.vae.dtype, parts.unet.dtype) == (torch.bfloat16, torch.float32)


def test_a_vae_of_the_other_family_is_refused(other_vae: Vae, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(other_vae.paths["folder of a VAE"], tmp_path / "vae"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "scaling_factor": 0.13025}))
    with pytest.raises(ModelError, match=r"scaling factor 0\.13025; expected 0\.18215"):
        load_parts(identify_base("demo"), device="cpu", dtype=torch.float32, vae=str(folder))


def test_a_base_without_vae_needs_one(sd1: Written, other_vae: Vae, tmp_path: Path) -> None:
    def drop(tensors: dict[str, Tensor]) -> None:
        for key in [key for key in tensors if key.startswith("first_stage_model.")]:
            del tensors[key]

    path = spoiled(sd1, tmp_path, drop)
    with pytest.raises(SettingsError, match=r"vae: blank, and spoiled\.safetensors contains no VAE"):
        check_vae("", identify_base(str(path)))
    with pytest.raises(ModelError, match="a checkpoint without VAE"):
        load(path)
    parts = load(path, vae=str(other_vae.paths["original keys"]))
    assert equal(parts.vae.state_dict(), other_vae.module.state_dict())


def test_no_vae_is_named_and_none_is_needed(sd1: Written) -> None:
    check_vae("", identify_base(str(sd1.file)))


def test_what_is_no_vae_says_what_it_is(tmp_path: Path) -> None:
    save_file({"lora_unet_x.lora_down.weight": torch.zeros(2, 2)}, tmp_path / "lora.safetensors")
    wide = {"decoder.conv_in.weight": torch.zeros(8, 16, 3, 3), "encoder.conv_in.weight": torch.zeros(8, 3, 3, 3)}
    save_file(wide, tmp_path / "wide.safetensors")
    (tmp_path / "vae.pt").write_bytes(b"PK\x03\x04")
    for name, reason in (
        ("lora.safetensors", "a LoRA; expected a VAE of SD1.x or SDXL"),
        ("wide.safetensors", "a VAE of 16 latent channels"),
        ("vae.pt", "a pickle file"),
        ("missing.safetensors", "no such file or folder"),
    ):
        with pytest.raises(ModelError, match=reason):
            check_vae(str(tmp_path / name), identify_base("demo"))


@pytest.mark.parametrize("variant", ["", ".fp16"])
def test_a_folder_in_shards_loads_as_the_whole(sd1: Written, tmp_path: Path, variant: str) -> None:
    folder = Path(shutil.copytree(sd1.folder, tmp_path / "base"))
    names = shard(folder / "unet" / "diffusion_pytorch_model.safetensors", 3, variant)
    shard(folder / "text_encoder" / "model.safetensors", 2, variant)
    assert identify_base(str(folder)).lora_shapes == identify_base(str(sd1.folder)).lora_shapes
    whole, parts = load(sd1.folder), load(folder)
    for name, module in (("unet", parts.unet), ("text_encoder", parts.encoders["text_encoder"])):
        expected = whole.unet if name == "unet" else whole.encoders["text_encoder"]
        assert all(torch.equal(value, expected.state_dict()[key]) for key, value in module.state_dict().items())
    names[1].unlink()
    with pytest.raises(
        ModelError, match=r"unet: shard 2 of 3 is missing beside diffusion_pytorch_model.*-00001-of-00003"
    ):
        identify_base(str(folder))


def shard(path: Path, count: int, variant: str) -> list[Path]:
    """Divide a file as diffusers and transformers do."""
    tensors = load_file(path)
    path.unlink()
    names = [
        path.with_name(f"{path.stem}{variant}-{number:05}-of-{count:05}.safetensors") for number in range(1, count + 1)
    ]
    for number, name in enumerate(names):
        save_file({key: tensors[key] for key in sorted(tensors)[number::count]}, name)
    return names


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (float("-inf"), "infinity")])
def test_a_weight_of_the_base_that_is_no_number_is_named(
    sdxl: Written, tmp_path: Path, dtype: torch.dtype, value: float, word: str
) -> None:
    tensors, key = load_file(sdxl.file), "conditioner.embedders.1.model.transformer.resblocks.2.attn.in_proj_weight"
    tensors[key][-1, 3] = value
    save_file({name: tensor.to(dtype) for name, tensor in tensors.items()}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match=rf"the weight {key} holds {word}"):
        load(tmp_path / "x.safetensors", torch.bfloat16)
    with pytest.raises(ModelError, match=rf"the weight {key} holds {word}"):
        load(tmp_path / "x.safetensors", torch.bfloat16, quantized="int8")


_LOAD = """
import json, sys
from pathlib import Path
import torch
from trainer.models.identify import identify_base
from trainer.models.stable_diffusion.loading import load_parts

def peak():
    # Not getrusage: its figure begins with the memory of the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))

before = peak()
parts = load_parts(identify_base(sys.argv[1]), device="cpu", dtype=torch.bfloat16)
modules = (parts.unet, parts.vae, *parts.encoders.values())
held = sum(tensor.nbytes for module in modules for tensor in module.state_dict().values())
print(json.dumps({"before": before, "weights": held, "peak": peak()}))
"""


@pytest.mark.long
def test_a_real_sized_base_is_loaded_without_a_second_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SD1.5 in fp16 as one file of 2.1 GB, into bf16; what torch and the libraries take by themselves is counted off."""
    path = write_real(tmp_path / "sd15.safetensors", "sd1")
    try:
        ran = subprocess.run([sys.executable, "-c", _LOAD, str(path)], capture_output=True, text=True, check=True)
    finally:
        path.unlink()
    bytes_of = json.loads(ran.stdout)
    with capsys.disabled():
        print("".join(f"\n{name}: {count / 2**20:,.0f} MiB" for name, count in bytes_of.items()))
    assert bytes_of["weights"] > 2e9
    assert bytes_of["peak"] - bytes_of["before"] < 1.3 * bytes_of["weights"]


def test_the_blocks_that_may_be_swapped_are_counted_before_anything_is_loaded(written: Written) -> None:
    blocks = [name for name in lean_blocks(written.modules["unet"], {}) if "text" not in name]
    assert len(blocks) > 10
    for path in (written.file, written.folder):
        assert identify_base(str(path)).swapped_blocks == len(blocks)
