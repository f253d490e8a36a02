"""Files of cloneofsimo/lora, which number the layers of a walk through the model, change the model as they did there."""

import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from part_outputs import outputs
from safetensors.torch import save_file
from torch import Tensor, nn

from trainer.errors import ModelError
from trainer.models.kohya_names import ModuleNames
from trainer.models.lora_header import read_lora_header
from trainer.network.injection import LayerRules, inject, module_names
from trainer.network.lora_file import network_from_file, network_like_file, save_lora, warm_start
from trainer.settings.parts import all_parts

# What it walks through; `Attention` has been the name of `CrossAttention` since 2023.
USUAL = {"unet": ["CrossAttention", "Attention", "GEGLU"], "text_encoder": ["CLIPAttention"]}
EXTENDED = USUAL | {"unet": ["ResnetBlock2D", "CrossAttention", "Attention", "GEGLU"]}


def walked(root: nn.Module, classes: list[str], kinds: tuple[type[nn.Module], ...]) -> Iterator[nn.Module]:
    """The layers below modules of these classes, in the order in which modules hold one another: the rule of its files."""
    for holder in root.modules():
        if type(holder).__name__ in classes:
            yield from (layer for layer in holder.modules() if isinstance(layer, kinds))


def as_in_2022(unet: nn.Module) -> nn.Module:
    """The U-Net of diffusers up to 2023, which made the feed-forward layer before the second attention."""
    for module in unet.modules():
        if type(module).__name__ == "BasicTransformerBlock":
            names = list(module._modules)
            names.insert(names.index("attn2"), names.pop(names.index("ff")))
            module._modules = {name: module._modules[name] for name in names}
    return unet


def written(
    twin: SimpleNamespace, path: Path, classes: Mapping[str, list[str]], **more: Any
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Write layers on all that is walked through, and merge them into the model by hand: W + up · down."""
    kinds = (nn.Linear, nn.Conv2d) if "ResnetBlock2D" in classes.get("unet", []) else (nn.Linear,)
    generator = torch.Generator().manual_seed(4)
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, str] = {}
    for part, root in {"unet": twin.body, **twin.encoders}.items():
        if part not in classes:
            continue
        metadata[part] = json.dumps(classes[part])
        for number, layer in enumerate(walked(root, classes[part], kinds)):
            size, inputs, *kernel = layer.weight.shape
            down = torch.randn((3, inputs, *kernel), generator=generator) * 0.1
            up = torch.randn((size, 3, *[1] * len(kernel)), generator=generator) * 0.1
            tensors |= {f"{part}:{number}:up": up, f"{part}:{number}:down": down}
            metadata[f"{part}:{number}:rank"] = "3"
            layer.weight.data += (up.flatten(1) @ down.flatten(1)).reshape(layer.weight.shape)
    save_file(tensors | more.get("embeds", {}), path, metadata | dict.fromkeys(more.get("embeds", {}), "<embed>"))
    return tensors, metadata


def compared(model: SimpleNamespace, twin: SimpleNamespace, path: Path) -> None:
    plain, theirs = outputs(model), outputs(twin)
    network = network_from_file(model, path)
    try:
        ours = outputs(model)
    finally:
        network.remove()
    for part, before in plain.items():
        effect = (theirs[part] - before).abs().max()
        assert effect > 0.01
        assert (ours[part] - theirs[part]).abs().max() / effect <= 1e-4, part


@pytest.mark.parametrize("is_old", [True, False], ids=["2022", "today"])
@pytest.mark.parametrize("classes", [USUAL, EXTENDED], ids=["usual", "extended"])
def test_a_numbered_file_changes_the_model_as_where_it_was_made(
    tiny_sd1: SimpleNamespace, tmp_path: Path, classes: dict[str, list[str]], is_old: bool
) -> None:
    twin = copy.deepcopy(tiny_sd1)
    if is_old:
        as_in_2022(twin.body)
    written(twin, tmp_path / "x.safetensors", classes)
    compared(tiny_sd1, twin, tmp_path / "x.safetensors")


@pytest.mark.parametrize("is_old", [True, False], ids=["2022", "today"])
@pytest.mark.parametrize("classes", [USUAL, EXTENDED, {"unet": ["CrossAttention", "Attention"]}, {"unet": ["GEGLU"]}])
def test_the_numbers_of_a_real_sd15_are_those_of_the_walk(classes: dict[str, list[str]], is_old: bool) -> None:
    from diffusers import UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    with torch.device("meta"):
        config = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
        unet, encoder = UNet2DConditionModel(cross_attention_dim=768), CLIPTextModel(config)
    model = SimpleNamespace(family="sd1", body=unet, encoders={"text_encoder": encoder})
    names = module_names(model)
    if is_old:
        as_in_2022(unet)
    kinds = (nn.Linear, nn.Conv2d) if "ResnetBlock2D" in classes["unet"] else (nn.Linear,)
    paths = {
        id(module): (prefix + level + path).replace(".", "_")
        for prefix, level, root in (("lora_unet_", "", unet), ("lora_te_", "text_model.", encoder))
        for path, module in root.named_modules()
    }
    found = {}
    for part, root in (("unet", unet), ("text_encoder", encoder)):
        if part in classes:
            layers = list(walked(root, classes[part], kinds))
            shapes = {
                f"{part}:{number}:{role}": shape
                for number, layer in enumerate(layers)
                for role, shape in (("up", (layer.weight.shape[0], 4)), ("down", (4, *layer.weight.shape[1:])))
            }
            found |= _resolved(shapes, {part: json.dumps(classes[part])}, names)
            for number, layer in enumerate(layers):
                assert found[f"{part}:{number}:up"] == found[f"{part}:{number}:down"] == paths[id(layer)]
    assert len(set(found.values())) == len(found) / 2


def _resolved(shapes: dict[str, tuple[int, ...]], metadata: dict[str, str], names: ModuleNames) -> dict[str, str]:
    from trainer.formats.safetensors_header import Header
    from trainer.models.numbered_layers import numbered_keys

    keys = numbered_keys(Path("x"), Header(shapes, metadata, 0, {}, {}))
    return {key: names.own(parsed.module) for key, parsed in keys.items()}


def test_a_file_whose_metadata_were_lost_is_read_by_its_shapes(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    for classes in (USUAL, EXTENDED):
        twin = copy.deepcopy(tiny_sd1)
        tensors, _ = written(twin, tmp_path / "x.safetensors", classes)
        save_file(tensors, tmp_path / "bare.safetensors")
        compared(tiny_sd1, twin, tmp_path / "bare.safetensors")


def test_the_resnets_linear_layers_alone_are_another_walk(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    twin = copy.deepcopy(tiny_sd1)
    tensors: dict[str, Tensor] = {}
    for number, layer in enumerate(walked(twin.body, ["ResnetBlock2D"], (nn.Linear,))):
        size, inputs = layer.weight.shape
        tensors |= {f"unet:{number}:up": torch.randn(size, 2), f"unet:{number}:down": torch.randn(2, inputs) * 0.1}
        layer.weight.data += tensors[f"unet:{number}:up"] @ tensors[f"unet:{number}:down"]
    written(SimpleNamespace(body=nn.Identity(), encoders=twin.encoders), tmp_path / "t.safetensors", USUAL)
    save_file(tensors, tmp_path / "x.safetensors", {"unet": '["ResnetBlock2D"]'})
    network = network_from_file(tiny_sd1, tmp_path / "x.safetensors")
    assert [layer.name.rpartition("_resnets_")[2][2:] for layer in network] == ["time_emb_proj"] * (len(tensors) // 2)
    network.remove()


def test_a_bake_starts_from_a_numbered_file_also_where_it_has_fewer_layers(
    tiny_sd1: SimpleNamespace, tmp_path: Path
) -> None:
    path = tmp_path / "x.safetensors"
    tensors, _ = written(copy.deepcopy(tiny_sd1), path, EXTENDED, embeds={"<s1>": torch.zeros(32)})
    names = module_names(tiny_sd1)
    network = inject(tiny_sd1, LayerRules(3, 3), 1, all_parts())
    network.remove()
    lines = warm_start(network, path, names)
    assert "have no layer here and are ignored" in lines[0]
    assert lines[-1] == "1 embedding in the file not read, so the LoRA is without: <s1>"
    first = next(layer for layer in network if layer.name.endswith("attn1_to_q"))
    assert torch.equal(first.down, tensors["unet:0:down"])
    like = network_like_file(tiny_sd1, path, LayerRules(8, 8), all_parts())
    like.remove()
    assert {(layer.rank, layer.alpha) for layer in like} == {(3, 3.0)}
    assert len(like) == len(tensors) / 2
    # And saved again it is a file of kohya's.
    save_lora(like, tmp_path / "kohya.safetensors", precision="float", metadata={})
    assert len(read_lora_header(tmp_path / "kohya.safetensors").modules) == len(like)


def test_a_base_with_another_number_of_layers_is_refused(tiny_sd1: SimpleNamespace, tmp_path: Path) -> None:
    tensors, metadata = written(copy.deepcopy(tiny_sd1), tmp_path / "x.safetensors", {"unet": ["GEGLU"]})
    last = max(int(key.split(":")[1]) for key in tensors)
    fewer = {key: tensor for key, tensor in tensors.items() if f":{last}:" not in key}
    save_file(fewer, tmp_path / "x.safetensors", metadata)
    with pytest.raises(ModelError, match=r"modules do not belong to the base|does not belong to the base"):
        network_from_file(tiny_sd1, tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tensors, metadata: tensors.pop("unet:1:up"), "layer 1 of unet is not whole"),
        (lambda tensors, metadata: metadata.update(unet='["GEGLU", "Motion"]'), "layers of the class Motion"),
        (lambda tensors, metadata: metadata.update(unet='[["GEGLU"]]'), "layers of the class"),
        (lambda tensors, metadata: tensors.update({"vae:0:up": torch.zeros(2, 2)}), "layers numbered by `vae`"),
        (
            lambda tensors, metadata: metadata.update(unet='["Attention", "GEGLU"]'),
            "in no order that diffusers has had",
        ),
    ],
)
def test_what_a_number_does_not_say_is_refused(
    tiny_sd1: SimpleNamespace, tmp_path: Path, change: Any, message: str
) -> None:
    tensors, metadata = written(copy.deepcopy(tiny_sd1), tmp_path / "x.safetensors", {"unet": ["GEGLU"]})
    change(tensors, metadata)
    save_file(tensors, tmp_path / "x.safetensors", metadata)
    with pytest.raises(ModelError, match=message):
        read_lora_header(tmp_path / "x.safetensors")
