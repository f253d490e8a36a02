"""Every weight of Anima in its real sizes is found under the original's key, and every LoRA module under its table's name."""

import re
from pathlib import Path
from typing import Any

import pytest
from anima_layout import original_body, original_encoder, original_vae
from tiny_anima import hollow_files, original_shapes, real_modules, tiny_modules

from trainer.families.anima.files import weight_names
from trainer.families.anima.files.configs import body_config, conditioner_config, encoder_config, vae_config
from trainer.families.anima.files.original_keys import Slices, body_file, encoder_slices, vae_slices
from trainer.families.anima.keys import body_module, original_module
from trainer.models.component_weights import Weights
from trainer.models.identify import identify_base, layers_of
from trainer.settings.model import Settings


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    return real_modules()


def shapes(weights: Any) -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in weights.items()}


def found_shapes(slices: Slices) -> dict[str, tuple[int, ...]]:
    return {name: piece.shape for name, piece in slices.items()}


@pytest.mark.parametrize("prefix", ["net.", "model.diffusion_model.", "diffusion_model.", ""])
def test_every_weight_of_the_transformer_is_found_whatever_its_prefix(real: dict[str, Any], prefix: str) -> None:
    file = body_file(original_shapes(real, prefix))
    assert file is not None
    assert found_shapes(file.body) == shapes(real["transformer"].state_dict())
    assert found_shapes(file.conditioner) == shapes(real["text_conditioner"].state_dict())
    assert len(file.body) == 567 and len(file.conditioner) == 118
    assert not file.encoder and not file.vae


def test_every_module_of_the_transformer_has_its_name_both_ways(real: dict[str, Any]) -> None:
    for name, key in zip(
        real["transformer"].state_dict(), original_body(real["transformer"].state_dict(), ""), strict=True
    ):
        path, original = name.removesuffix(".weight"), key.removesuffix(".weight")
        assert (body_module(original), original_module(path)) == (path, original)


@pytest.mark.parametrize("prefix", ["model.", ""])
def test_every_weight_of_qwen3_is_found_without_its_head(real: dict[str, Any], prefix: str) -> None:
    weights = real["text_encoder"].state_dict()
    keys = shapes(original_encoder(weights, prefix)) | {"lm_head.weight": (151936, 1024)}
    assert found_shapes(encoder_slices(keys)) == shapes(weights)
    assert len(weights) == 310


@pytest.mark.parametrize("tiny", [False, True])
def test_every_weight_of_the_vae_is_found_in_both_forms_of_keys(real: dict[str, Any], tiny: bool) -> None:
    vae = tiny_modules()["vae"] if tiny else real["vae"]
    for keys in (original_vae(vae), vae.state_dict()):
        assert found_shapes(vae_slices(shapes(keys))) == shapes(vae.state_dict())
    assert tiny or len(vae.state_dict()) == 194


@pytest.mark.parametrize("tiny", [False, True])
def test_configs_and_names_follow_from_shapes_as_the_classes_have_them(real: dict[str, Any], tiny: bool) -> None:
    modules = tiny_modules() if tiny else real
    for component, config_of, names_of in (
        ("transformer", body_config, weight_names.body_names),
        ("text_conditioner", conditioner_config, weight_names.conditioner_names),
        ("text_encoder", encoder_config, weight_names.encoder_names),
        ("vae", vae_config, weight_names.vae_names),
    ):
        weights = modules[component].state_dict()
        file = encoder_slices(shapes(weights)) or vae_slices(shapes(weights)) or plain(shapes(weights))
        config = config_of(Weights(Path("x"), {}, file))
        assert set(names_of(config)) == set(weights)
        own = dict(modules[component].config.to_dict() if component == "text_encoder" else modules[component].config)
        # The mask's channel is one of the transformer's own here, and the length is in no shape.
        others = {"in_channels", "concat_padding_mask", "min_sequence_length", "rope_parameters", "max_size"}
        differ = {key for key in config.keys() & own.keys() if _plain(config[key]) != _plain(own[key])} - others
        assert differ <= ({"max_position_embeddings", "tie_word_embeddings"} if component == "text_encoder" else set())


def plain(of: dict[str, tuple[int, ...]]) -> Slices:
    from trainer.models.weight_slice import WeightSlice

    return {name: WeightSlice(name, shape) for name, shape in of.items()}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize(("blocks", "modules"), [(28, 280), (36, 360), (40, 400)])
def test_a_base_of_any_depth_has_ten_layers_in_each_block(blocks: int, modules: int) -> None:
    base = identify_base(str(hollow_files(blocks)), {})
    assert base.family == "anima"
    layers = layers_of(base, Settings(network_dim=1, network_train_unet_only=False))
    assert len(layers) == modules
    assert sum(shape.inputs + shape.outputs for shape, _ in layers.values()) == 51_200 * blocks
    assert all(re.match(r"lora_unet_blocks_\d+_(?:self_attn|cross_attn|mlp)_", name) for name in layers)
    of_files = [name for name in base.lora_shapes if name not in layers]
    adapter = [name for name in of_files if name.startswith("lora_unet_llm_adapter_blocks_")]
    qwen = [name for name in of_files if name.startswith("lora_te_layers_")]
    assert (len(adapter), len(qwen)) == (60, 196)
    assert sum(shape.inputs + shape.outputs for name, shape in base.lora_shapes.items() if name in adapter) == 159_744
