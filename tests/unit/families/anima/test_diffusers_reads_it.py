"""diffusers with peft, and weights with the change in them, as references: our layers must change a small Anima of the real classes alike."""

import copy
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from dense_loras import dense, reference
from tiny_anima import tiny_modules
from torch import Tensor, nn

from trainer.families.anima.record import FAMILY
from trainer.lora_tools.decompose import RankRule
from trainer.lora_tools.key_forms import write_keys
from trainer.lora_tools.made_lora import Output
from trainer.lora_tools.resize import resize_lora
from trainer.models.kohya_names import kohya_name
from trainer.models.lora_header import read_lora_header
from trainer.network.draws import generator_for
from trainer.network.injection import LayerRules, LoraNetwork, inject
from trainer.network.lora_file import network_from_file, save_lora

BODY, CONDITIONER = (part.key for part in FAMILY.parts)
LATENTS = torch.randn(2, 16, 1, 8, 8, generator=torch.Generator().manual_seed(3))
SIGMAS = torch.tensor([0.2, 0.8])
QWEN_ROWS = torch.randn(1, 5, 64, generator=torch.Generator().manual_seed(4))
TOKENS = torch.tensor([[7, 30, 20, 1]])


@pytest.fixture(scope="module")
def plain() -> SimpleNamespace:
    """Body and conditioner of a few blocks, of random weights; without a padding mask, for which diffusers would need torchvision."""
    modules = tiny_modules(concat_padding_mask=False)
    encoder = nn.ModuleDict({"conditioner": modules["text_conditioner"]})
    return SimpleNamespace(family=FAMILY.key, body=modules["transformer"], encoders={CONDITIONER: encoder})


@pytest.fixture
def model(plain: SimpleNamespace) -> SimpleNamespace:
    return copy.deepcopy(plain)


@pytest.fixture
def network(model: SimpleNamespace) -> Iterator[LoraNetwork]:
    """A network of rank 4 and alpha 2 whose change is plainly visible."""
    network = inject(model, LayerRules(4, 2), seed=1, parts=[BODY, CONDITIONER])
    for layer in network:
        layer.up.data.copy_(torch.randn(layer.up.shape, generator=generator_for(2, layer.name)) * 0.3)
    yield network
    network.remove()


@torch.no_grad()
def outputs(model: SimpleNamespace) -> tuple[Tensor, Tensor]:
    """What the conditioner makes of tokens, and the body of latents and that."""
    text = model.encoders[CONDITIONER]["conditioner"](QWEN_ROWS, TOKENS)
    rows = text.expand(len(LATENTS), -1, -1)
    return text, model.body(LATENTS, SIGMAS, encoder_hidden_states=rows, return_dict=False)[0]


def in_diffusers(plain: SimpleNamespace, path: Path) -> SimpleNamespace:
    """The model with a file on it, as diffusers' own loader puts it there."""
    from diffusers.loaders import AnimaLoraLoaderMixin

    twin = copy.deepcopy(plain)
    state = AnimaLoraLoaderMixin.lora_state_dict(path.parent, weight_name=path.name)
    of = {
        start: {key: each for key, each in state.items() if key.startswith(start)}
        for start in ("transformer.", "text_")
    }
    assert sum(map(len, of.values())) == len(state) == 2 * len(read_lora_header(path).modules)
    AnimaLoraLoaderMixin.load_lora_into_transformer(of["transformer."], twin.body)
    AnimaLoraLoaderMixin.load_lora_into_text_conditioner(of["text_"], twin.encoders[CONDITIONER]["conditioner"])
    return twin


def merged(plain: SimpleNamespace, path: Path) -> SimpleNamespace:
    """The model with the changes of a file in its weights."""
    twin, changes = copy.deepcopy(plain), dense(path)
    for part, root in ((BODY, twin.body), (CONDITIONER, twin.encoders[CONDITIONER])):
        for place, layer in root.named_modules():
            change = changes.pop(kohya_name(part, place, FAMILY.key), None)
            if change is not None:
                layer.weight.data += torch.from_numpy(change).to(layer.weight.dtype)
    assert not changes
    return twin


def deviation(plain: SimpleNamespace, ours: Any, theirs: Any) -> float:
    """The largest difference of two outputs as a share of the effect, over both parts."""
    shares = []
    for base, own, other in zip(outputs(plain), ours, theirs, strict=True):
        effect = float((own - base).abs().max())
        assert effect > 0.05
        shares.append(float((own - other).abs().max()) / effect)
    return max(shares)


def test_the_layers_are_the_ten_of_each_block(network: LoraNetwork) -> None:
    assert len(network.layers(BODY)) == 10 * 3
    assert len(network.layers(CONDITIONER)) == 10 * 2


@pytest.mark.parametrize("form", ["diffusers", "comfyui"])
def test_our_file_gives_the_same_output_in_diffusers(
    plain: SimpleNamespace, model: SimpleNamespace, network: LoraNetwork, tmp_path: Path, form: str
) -> None:
    save_lora(network, tmp_path / "a.safetensors", precision="float", metadata={"ss_base_model_version": "anima"})
    write_keys(reference(tmp_path / "a.safetensors"), form, Output(tmp_path / "b.safetensors"))
    theirs = outputs(in_diffusers(plain, tmp_path / "b.safetensors"))
    assert deviation(plain, outputs(model), theirs) <= 1e-4


def test_a_file_of_different_ranks_gives_the_same_output_too(
    plain: SimpleNamespace, network: LoraNetwork, tmp_path: Path
) -> None:
    save_lora(network, tmp_path / "a.safetensors", precision="float", metadata={"ss_base_model_version": "anima"})
    resize_lora(reference(tmp_path / "a.safetensors"), RankRule(energy=0.6), Output(tmp_path / "r.safetensors"))
    assert len({module.rank for module in read_lora_header(tmp_path / "r.safetensors").modules.values()}) > 1
    write_keys(reference(tmp_path / "r.safetensors"), "diffusers", Output(tmp_path / "b.safetensors"))
    resized = copy.deepcopy(plain)
    network_from_file(resized, tmp_path / "r.safetensors")
    theirs = outputs(in_diffusers(plain, tmp_path / "b.safetensors"))
    assert deviation(plain, outputs(resized), theirs) <= 1e-4


def test_the_weights_with_the_change_in_them_give_the_same_output(
    plain: SimpleNamespace, model: SimpleNamespace, network: LoraNetwork, tmp_path: Path
) -> None:
    save_lora(network, tmp_path / "a.safetensors", precision="float", metadata={})
    assert deviation(plain, outputs(model), outputs(merged(plain, tmp_path / "a.safetensors"))) <= 1e-4


def test_a_file_of_peft_changes_the_model_as_it_did_there(
    plain: SimpleNamespace, model: SimpleNamespace, tmp_path: Path
) -> None:
    """Every Linear of the blocks and around them, as other trainers have it; its alpha stands in the metadata."""
    from peft import LoraConfig

    twin = copy.deepcopy(plain)
    torch.manual_seed(5)
    targets = [
        *("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2"),
        *("linear_1", "linear_2", "proj_out"),
    ]
    twin.body.add_adapter(LoraConfig(r=4, lora_alpha=6, init_lora_weights=False, target_modules=targets))
    twin.body.save_lora_adapter(tmp_path)
    path = tmp_path / "pytorch_lora_weights.safetensors"
    network = network_from_file(model, path)
    assert len(network) == 3 * 16 + 5
    base, ours, theirs = (outputs(each)[1] for each in (plain, model, twin))
    assert (ours - theirs).abs().max() / (ours - base).abs().max() <= 1e-4
