"""Files of diffusers, PEFT, LyCORIS and OneTrainer change the model as in the program that wrote them."""

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from original_layout import original_tensors
from part_outputs import outputs
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from trainer.errors import ModelError
from trainer.network.lora_content import load_lora
from trainer.network.lora_file import network_from_file

UNET_TARGETS = [
    *("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2"),
    *("conv1", "conv2", "time_emb_proj", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv"),
    *("conv_in", "conv_out", "linear_1", "linear_2"),
]
ENCODER_TARGETS = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
SDXL_TOO = {"text_encoder_2": [*ENCODER_TARGETS, "text_projection"]}


def parts(model: SimpleNamespace) -> dict[str, Any]:
    return {"unet": model.body, **model.encoders}


def adapted(model: SimpleNamespace, **config: Any) -> SimpleNamespace:
    """A copy of the model with PEFT's layers on everything that has one."""
    from peft import LoraConfig

    twin = copy.deepcopy(model)
    for number, (part, module) in enumerate(parts(twin).items()):
        torch.manual_seed(number)
        chosen = UNET_TARGETS if part == "unet" else SDXL_TOO.get(part, ENCODER_TARGETS)
        module.add_adapter(
            LoraConfig(**{"r": 4, "lora_alpha": 2, "init_lora_weights": False, "target_modules": chosen} | config)
        )
    return twin


def adapter_weights(module: Any) -> dict[str, Tensor]:
    from peft.utils import get_peft_model_state_dict

    found: dict[str, Tensor] = get_peft_model_state_dict(module)
    return found


def pipeline_file(twin: SimpleNamespace, folder: Path) -> Path:
    """diffusers' pipelines: every part in one file, the alphas in its metadata."""
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline

    kind = StableDiffusionXLPipeline if twin.family == "sdxl" else StableDiffusionPipeline
    layers = {f"{part}_lora_layers": adapter_weights(module) for part, module in parts(twin).items()}
    metadata = {
        f"{part}_lora_adapter_metadata": module.peft_config["default"].to_dict() for part, module in parts(twin).items()
    }
    kind.save_lora_weights(folder, **layers, **metadata)
    return folder / "pytorch_lora_weights.safetensors"


def unet_file(twin: SimpleNamespace, folder: Path) -> Path:
    """diffusers' U-Net alone: keys without a prefix."""
    twin.body.save_lora_adapter(folder)
    return folder / "pytorch_lora_weights.safetensors"


@torch.no_grad()
def peft_folder(twin: SimpleNamespace, folder: Path) -> Path:
    """PEFT's own: base_model.model before every key, the alphas in a config beside the file."""
    save_file(
        {f"base_model.model.{key}": value.contiguous() for key, value in adapter_weights(twin.body).items()},
        folder / "adapter_model.safetensors",
    )
    twin.body.peft_config["default"].save_pretrained(folder)
    return folder / "adapter_model.safetensors"


def kohya_of_diffusers(twin: SimpleNamespace, folder: Path) -> Path:
    """diffusers' convert_state_dict_to_kohya: alpha is the rank, and the level `text_model` of the encoders is left out."""
    from diffusers.utils import convert_state_dict_to_kohya

    names = {"unet": "unet", "text_encoder": "text_encoder", "text_encoder_2": "text_encoder_2"}
    flat = {
        f"{names[part]}.{key}": value
        for part, module in parts(twin).items()
        for key, value in adapter_weights(module).items()
    }
    save_file(
        {key: value.contiguous() for key, value in convert_state_dict_to_kohya(flat).items()}, folder / "k.safetensors"
    )
    return folder / "k.safetensors"


WRITERS: dict[str, tuple[Callable[[SimpleNamespace, Path], Path], dict[str, Any], bool]] = {
    "a pipeline of diffusers": (pipeline_file, {}, True),
    "a pipeline with alphas of single layers": (pipeline_file, {"alpha_pattern": {"to_k": 8, "fc1": 1}}, True),
    "a pipeline with ranks of single layers": (pipeline_file, {"rank_pattern": {"to_q": 2, "conv1": 8}}, True),
    "a pipeline of rsLoRA": (pipeline_file, {"use_rslora": True}, True),
    "a U-Net of diffusers": (unet_file, {}, False),
    "PEFT": (peft_folder, {"lora_alpha": 7}, False),
    "diffusers' conversion to kohya": (kohya_of_diffusers, {"lora_alpha": 4}, True),
}


# What a config says of ranks and alphas is read alike for every family, and SDXL's model takes five times as long.
ALIKE = (
    "a pipeline with alphas of single layers",
    "a pipeline with ranks of single layers",
    "a pipeline of rsLoRA",
    "PEFT",
)


@pytest.mark.parametrize(
    ("writer", "family"),
    [
        *((writer, "tiny_sd1") for writer in WRITERS),
        *(pytest.param(writer, "tiny_sdxl", marks=[pytest.mark.long] if writer in ALIKE else []) for writer in WRITERS),
    ],
)
def test_a_file_changes_the_model_as_in_the_library_that_wrote_it(
    request: pytest.FixtureRequest, tmp_path: Path, writer: str, family: str
) -> None:
    model = request.getfixturevalue(family)
    write, config, with_encoders = WRITERS[writer]
    twin = adapted(model, **config)
    path = write(twin, tmp_path)
    plain, theirs = outputs(model), outputs(twin)
    network = network_from_file(model, path)
    try:
        ours = outputs(model)
    finally:
        network.remove()
    for part, before in plain.items():
        effect = (theirs[part] - before).abs().max()
        if part == "unet" or with_encoders:
            assert effect > 0.01
            assert (ours[part] - theirs[part]).abs().max() / effect <= 1e-5, part
        else:
            assert torch.equal(ours[part], before)


@pytest.fixture(params=["tiny_sd1", "tiny_sdxl"])
def kohya(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A model, a file of layers on every module of it in kohya's keys with diffusers' names, and the paths of the modules."""
    model = request.getfixturevalue(request.param)
    prefixes = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
    generator = torch.Generator().manual_seed(9)
    tensors: dict[str, Tensor] = {}
    paths: dict[str, tuple[str, str]] = {}
    for part, root in parts(model).items():
        for path, module in root.named_modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                level = "text_model." if part != "unet" and path.startswith("encoder.") else ""
                name = prefixes[part] + (level + path).replace(".", "_")
                outputs_, inputs, *kernel = module.weight.shape
                tensors[f"{name}.lora_down.weight"] = torch.randn((3, inputs, *kernel), generator=generator) * 0.1
                tensors[f"{name}.lora_up.weight"] = (
                    torch.randn((outputs_, 3, *[1] * len(kernel)), generator=generator) * 0.1
                )
                tensors[f"{name}.alpha"] = torch.tensor(2.0)
                paths[name] = (part, level + path)
    save_file(tensors, tmp_path / "kohya.safetensors")
    yield SimpleNamespace(model=model, tensors=tensors, paths=paths, folder=tmp_path)


def original_paths(model: SimpleNamespace) -> dict[str, str]:
    """diffusers' path of each module of the U-Net -> the original's."""
    weights = model.body.state_dict(keep_vars=True)
    by_value = {id(weight): name.removesuffix(".weight") for name, weight in weights.items()}
    state = SimpleNamespace(state_dict=lambda: weights)
    return {
        by_value[id(weight)]: key.removeprefix("model.diffusion_model.").removesuffix(".weight")
        for key, weight in original_tensors(model.family, {"unet": state}).items()
        if key.endswith(".weight")
    }


def dotted(part: str, path: str, role: str, original: dict[str, str]) -> str:
    return f"{part}.{path}.{ {'alpha': 'alpha'}.get(role, f'lora_{role}.weight') }"


def omi(part: str, path: str, role: str, original: dict[str, str]) -> str:
    start = {"unet": "unet", "text_encoder": "clip_l", "text_encoder_2": "clip_g"}[part]
    return dotted(start, original.get(path, path) if part == "unet" else path, role, original)


def kohya_original(part: str, path: str, role: str, original: dict[str, str]) -> str:
    start = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}[part]
    place = original.get(path, path) if part == "unet" else path
    return f"{start}_{place.replace('.', '_')}.{'alpha' if role == 'alpha' else f'lora_{role}.weight'}"


def comfy(part: str, path: str, role: str, original: dict[str, str]) -> str:
    start = {
        "unet": "diffusion_model",
        "text_encoder": "text_encoders.clip_l.transformer",
        "text_encoder_2": "text_encoders.clip_g.transformer",
    }[part]
    return dotted(start, original.get(path, path) if part == "unet" else path, role, original)


def lora_a_b(part: str, path: str, role: str, original: dict[str, str]) -> str:
    return f"{part}.{path}.{ {'down': 'lora_A.weight', 'up': 'lora_B.weight', 'alpha': 'alpha'}[role] }"


def short(part: str, path: str, role: str, original: dict[str, str]) -> str:
    return f"{part}.{path}.{ {'down': 'lora.down.weight', 'up': 'lora.up.weight', 'alpha': 'alpha'}[role] }"


def onetrainer(part: str, path: str, role: str, original: dict[str, str]) -> str:
    start = {"unet": "lora_unet", "text_encoder": "lora_te1", "text_encoder_2": "lora_te2"}[part]
    return dotted(start, path, role, original)


RENAMED = [dotted, omi, kohya_original, comfy, lora_a_b, short, onetrainer]


def layers(model: SimpleNamespace, path: Path) -> dict[str, tuple[bytes, bytes, float]]:
    network = network_from_file(model, path)
    network.remove()
    return {
        layer.name: (layer.down.detach().numpy().tobytes(), layer.up.detach().numpy().tobytes(), layer.alpha)
        for layer in network
    }


@pytest.mark.parametrize("form", RENAMED)
def test_a_file_in_another_form_has_the_layers_of_kohyas(
    kohya: SimpleNamespace, form: Callable[[str, str, str, dict[str, str]], str]
) -> None:
    original = original_paths(kohya.model)
    renamed = {}
    for key, value in kohya.tensors.items():
        name, _, suffix = key.partition(".")
        role = suffix.removeprefix("lora_").removesuffix(".weight")
        renamed[form(*kohya.paths[name], role, original)] = value.clone()
    save_file(renamed, kohya.folder / "other.safetensors")
    expected = layers(kohya.model, kohya.folder / "kohya.safetensors")
    assert len(expected) == len(kohya.paths)
    assert layers(kohya.model, kohya.folder / "other.safetensors") == expected


def test_a_layer_under_the_keys_of_two_programs_is_one_if_it_is_the_same(kohya: SimpleNamespace) -> None:
    path, tensors = kohya.folder / "both.safetensors", dict(kohya.tensors)
    for key, value in kohya.tensors.items():
        name, _, suffix = key.partition(".")
        part, place = kohya.paths[name]
        tensors[f"{part}.{place}.{suffix}"] = value.clone()
    save_file(tensors, path)
    assert layers(kohya.model, path) == layers(kohya.model, kohya.folder / "kohya.safetensors")
    tensors["unet.conv_in.lora_up.weight"] = tensors["unet.conv_in.lora_up.weight"] + 1
    save_file(tensors, path)
    with pytest.raises(ModelError, match=r"unet\.conv_in\.lora_up\.weight is present under two names"):
        layers(kohya.model, path)


def test_layers_of_2023s_attention_processors_are_read(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    place = "mid_block.attentions.0.transformer_blocks.0.attn1"
    down, up = torch.randn(4, 64), torch.randn(64, 4)
    save_file(
        {f"{place}.processor.to_out_lora.down.weight": down, f"{place}.processor.to_out_lora.up.weight": up},
        tmp_path / "pytorch_lora_weights.safetensors",
    )
    network = network_from_file(tiny_sd1, tmp_path / "pytorch_lora_weights.safetensors")
    network.remove()
    (layer,) = network
    assert (layer.name, layer.alpha) == (f"lora_unet_{place.replace('.', '_')}_to_out_0", 4.0)
    assert torch.equal(layer.up, up)


def test_a_core_between_two_1x1_convolutions_is_one_convolution(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    """LyCORIS with use_tucker: up · mid · down."""
    name, module = "lora_unet_mid_block_resnets_0_conv1", tiny_sd1.body.mid_block.resnets[0].conv1
    outputs_, inputs = module.weight.shape[:2]
    down, mid, up = torch.randn(4, inputs, 1, 1), torch.randn(4, 4, 3, 3), torch.randn(outputs_, 4, 1, 1)
    save_file(
        {f"{name}.lora_down.weight": down, f"{name}.lora_mid.weight": mid, f"{name}.lora_up.weight": up},
        tmp_path / "x.safetensors",
    )
    x = torch.randn(2, inputs, 5, 5)
    change = nn.functional.conv2d
    expected = module(x) + change(change(change(x, down), mid, padding=1), up)
    network = network_from_file(tiny_sd1, tmp_path / "x.safetensors")
    ours = module(x)
    network.remove()
    assert (ours - expected).abs().max() / (expected - module(x)).abs().max() <= 1e-5


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *((text, "its content: not a table in JSON; expected PEFT's config") for text in ("", "[]", "{not json")),
        ('{"lora_alpha": "two"}', r'lora_alpha "two" in its config; expected a number'),
        ('{"alpha_pattern": 3.5, "lora_alpha": [1]}', r"lora_alpha \[1\] in its config"),
        ('{"alpha_pattern": "3"}', r'alpha_pattern "3" in its config'),
        ('{"alpha_pattern": {"to_q": "3"}}', r'alpha_pattern "3" in its config'),
    ],
)
def test_a_config_that_does_not_tell_the_strength_is_refused(kohya: SimpleNamespace, text: str, found: str) -> None:
    path = kohya.folder / "adapter_model.safetensors"
    save_file({key: value for key, value in kohya.tensors.items() if not key.endswith(".alpha")}, path)
    path.with_name("adapter_config.json").write_text(text)
    with pytest.raises(ModelError, match=found):
        load_lora(path)
    path.with_name("adapter_config.json").write_text('{"lora_alpha": null}')
    file = load_lora(path)
    assert {file.alpha(module) for module in file.modules} == {3.0}


def test_metadata_that_do_not_tell_the_strength_are_refused(kohya: SimpleNamespace) -> None:
    path = kohya.folder / "x.safetensors"
    tensors = {key: value for key, value in kohya.tensors.items() if not key.endswith(".alpha")}
    for text, found in (("{", "lora_adapter_metadata: not a table"), ('{"unet.lora_alpha": "8"}', 'lora_alpha "8"')):
        save_file(tensors, path, metadata={"lora_adapter_metadata": text})
        with pytest.raises(ModelError, match=found):
            load_lora(path)


def test_a_lora_of_another_architecture_is_named_as_one(tmp_path: Path) -> None:
    save_file(
        {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": torch.zeros(4, 8)},
        tmp_path / "x.safetensors",
    )
    with pytest.raises(ModelError, match=r"a LoRA for Flux or a model built like it: transformer\.single"):
        load_lora(tmp_path / "x.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_weight_that_is_no_number_is_refused_with_its_module(
    kohya: SimpleNamespace, value: float, dtype: torch.dtype
) -> None:
    path, tensors = kohya.folder / "kohya.safetensors", load_file(kohya.folder / "kohya.safetensors")
    name = sorted(kohya.paths)[len(kohya.paths) // 2]
    tensors = {key: tensor.to(dtype) for key, tensor in tensors.items()}
    tensors[f"{name}.lora_up.weight"].view(-1)[-1] = value
    save_file(tensors, path)
    word = "NaN" if math.isnan(value) else "infinity"
    with pytest.raises(
        ModelError, match=rf"kohya.safetensors: holds {word} in module {name} \(lora_up\); expected finite"
    ):
        network_from_file(kohya.model, path)
