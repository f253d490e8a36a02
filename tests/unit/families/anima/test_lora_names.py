"""Names of Anima's LoRA modules in every program's form, against the real modules and against sd-scripts' own list."""

from collections.abc import Mapping
from typing import Any

import pytest
from anima_loras import sides
from kohya_modules import DIM, kohya_modules
from tiny_anima import real_modules
from torch import nn

from trainer.families.anima.lora_names import CONDITIONER_PATH, KEY_FORMS, QWEN_PATH, layouts, module_at
from trainer.families.anima.record import FAMILY
from trainer.models.kohya_names import families_with, kohya_name, part_of
from trainer.models.lora_keys import LoraKey, parse_key

BODY, CONDITIONER = (part.key for part in FAMILY.parts)
# Where each component lies: its part, and what its paths start with there.
PLACES = {
    "transformer": (BODY, ""),
    "text_conditioner": (CONDITIONER, CONDITIONER_PATH),
    "text_encoder": (CONDITIONER, QWEN_PATH),
}


def linears(module: nn.Module) -> dict[str, tuple[int, int]]:
    """Paths of a module's Linears, each with its inputs and outputs."""
    return {
        path: (layer.in_features, layer.out_features)
        for path, layer in module.named_modules()
        if isinstance(layer, nn.Linear)
    }


@pytest.fixture(scope="module")
def real() -> dict[str, Any]:
    modules = real_modules()
    return {name: modules[name] for name in PLACES}


def named(real: Mapping[str, nn.Module]) -> dict[str, tuple[int, int]]:
    """kohya's name of every Linear of the real modules -> its inputs and outputs."""
    return {
        kohya_name(part, start + path, FAMILY.key): pair
        for name, (part, start) in PLACES.items()
        for path, pair in linears(real[name]).items()
    }


def test_every_linear_has_one_name_that_leads_back_to_its_part(real: dict[str, Any]) -> None:
    names = named(real)
    # 16 in each block and 6 around them; 10 in each block of the conditioner and its output; 7 in each layer of Qwen3.
    assert len(names) == 28 * 16 + 6 + 6 * 10 + 1 + 28 * 7
    parts = [part_of(name) for name in names]
    assert (parts.count(BODY), parts.count(CONDITIONER)) == (28 * 16 + 6, 6 * 10 + 1 + 28 * 7)
    assert families_with(names) == (FAMILY.key,)


def test_every_name_goes_to_each_program_and_back(real: dict[str, Any]) -> None:
    for name in named(real):
        assert module_at(name) == name
        paths = {key: form.path(name) for key, form in KEY_FORMS.items()}
        assert paths["comfyui"] is not None
        for path in paths.values():
            assert path is None or module_at(path) == name
        # diffusers' loader has no place for Qwen3.
        assert (paths["diffusers"] is None) is name.startswith("lora_te_")


def test_the_paths_of_diffusers_are_those_of_its_modules(real: dict[str, Any]) -> None:
    paths = {KEY_FORMS["diffusers"].path(name) for name in named(real)} - {None}
    assert paths == {f"{name}.{path}" for name in ("transformer", "text_conditioner") for path in linears(real[name])}


def test_the_ten_of_each_block_are_of_the_real_sides(real: dict[str, Any]) -> None:
    ten = {name: pair for name, pair in named(real).items() if part_of(name) == BODY and "_adaln_" not in name}
    assert {name: pair for name, pair in ten.items() if "_blocks_" in name} == sides(28)
    assert {name: [[DIM, ins], [outs, DIM]] for name, (ins, outs) in sides(28).items()} == kohya_modules("anima")
    # 1,433,600 numbers of each rank: 22.9 M at rank 16.
    assert len(sides(28)) == 280 and sum(map(sum, sides(28).values())) == 1_433_600


def test_every_name_is_sd_scripts_name_of_a_module_of_these_sides(real: dict[str, Any]) -> None:
    ours = {name: [[DIM, ins], [outs, DIM]] for name, (ins, outs) in named(real).items()}
    # It never puts a layer on what follows the conditioner's blocks.
    del ours["lora_unet_llm_adapter_out_proj"]
    assert ours == kohya_modules("anima", conv=True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("diffusion_model.blocks.3.mlp.layer1", "lora_unet_blocks_3_mlp_layer1"),
        ("model.diffusion_model.blocks.3.cross_attn.output_proj", "lora_unet_blocks_3_cross_attn_output_proj"),
        ("net.blocks.12.adaln_modulation_mlp.2", "lora_unet_blocks_12_adaln_modulation_mlp_2"),
        ("blocks.0.self_attn.q_proj", "lora_unet_blocks_0_self_attn_q_proj"),
        ("lora_unet.blocks.0.self_attn.q_proj", "lora_unet_blocks_0_self_attn_q_proj"),
        ("transformer.transformer_blocks.27.attn2.to_out.0", "lora_unet_blocks_27_cross_attn_output_proj"),
        ("transformer_blocks.0.ff.net.0.proj", "lora_unet_blocks_0_mlp_layer1"),
        ("base_model.model.transformer_blocks.0.norm2.linear_1", "lora_unet_blocks_0_adaln_modulation_cross_attn_1"),
        ("lora_unet_transformer_blocks_0_attn1_to_k", "lora_unet_blocks_0_self_attn_k_proj"),
        ("lycoris_transformer_blocks_0_attn1_to_v", "lora_unet_blocks_0_self_attn_v_proj"),
        ("lycoris_blocks_7_mlp_layer2", "lora_unet_blocks_7_mlp_layer2"),
        ("diffusion_model.final_layer.adaln_modulation.1", "lora_unet_final_layer_adaln_modulation_1"),
        ("transformer.patch_embed.proj", "lora_unet_x_embedder_proj_1"),
        ("diffusion_model.t_embedder.1.linear_2", "lora_unet_t_embedder_1_linear_2"),
        ("diffusion_model.llm_adapter.blocks.5.mlp.2", "lora_unet_llm_adapter_blocks_5_mlp_2"),
        ("text_conditioner.blocks.0.cross_attn.o_proj", "lora_unet_llm_adapter_blocks_0_cross_attn_o_proj"),
        ("text_encoders.qwen3_06b.llm_adapter.blocks.1.mlp.0", "lora_unet_llm_adapter_blocks_1_mlp_0"),
        ("lora_te_llm_adapter_blocks_1_mlp_0", "lora_unet_llm_adapter_blocks_1_mlp_0"),
        ("diffusion_model.llm_adapter.out_proj", "lora_unet_llm_adapter_out_proj"),
        (
            "text_encoders.qwen3_06b.transformer.model.layers.0.self_attn.q_proj",
            "lora_te_layers_0_self_attn_q_proj",
        ),
        ("text_encoder.layers.27.mlp.gate_proj", "lora_te_layers_27_mlp_gate_proj"),
    ],
)
def test_a_module_is_read_in_every_form_that_programs_write(path: str, name: str) -> None:
    assert module_at(path) == name
    assert parse_key(f"{path}.lora_A.weight") == LoraKey(name, "down")
    assert parse_key(f"{path}.alpha") == LoraKey(name, "alpha")


@pytest.mark.parametrize(
    "path",
    [
        "lora_unet_input_blocks_4_1_proj_in",
        "lora_unet_down_blocks_0_attentions_0_proj_in",
        "lora_te_text_model_encoder_layers_0_mlp_fc1",
        "lora_te1_encoder_layers_0_self_attn_q_proj",
        # Wan, Flux.
        "diffusion_model.blocks.0.self_attn.q",
        "transformer.transformer_blocks.0.attn.to_q",
        "lora_unet_double_blocks_0_img_mlp_0",
        "lora_unet_blocks_0_self_attn_gate",
    ],
)
def test_a_module_of_another_architecture_is_none_of_its(path: str) -> None:
    assert module_at(path) is None


def body(*blocks: int) -> list[str]:
    return [f"lora_unet_blocks_{block}_mlp_layer1" for block in blocks]


@pytest.mark.parametrize(
    ("blocks", "depths"),
    [
        (range(28), (28,)),
        (range(40), (40,)),
        # Files may leave out blocks, and then tell no more than the last that they have.
        ((0, 3, 27), (28, 36, 40, 52)),
        (range(20), (20, 28, 36, 40, 52)),
        ((28,), (29, 36, 40, 52)),
        ((39,), (40, 52)),
        ((51,), (52,)),
        # Of a base that is not known.
        (range(60), (60,)),
        ((), ()),
    ],
)
def test_the_blocks_say_how_many_the_base_may_have(blocks: tuple[int, ...], depths: tuple[int, ...]) -> None:
    assert layouts(body(*blocks)) == tuple(f"{depth} blocks" for depth in depths)


def test_layers_of_the_conditioner_alone_fit_any_depth() -> None:
    assert layouts(["lora_unet_llm_adapter_blocks_5_mlp_2", "lora_te_layers_27_mlp_up_proj"]) == ()


@pytest.mark.parametrize(
    ("name", "group", "place"),
    [
        ("lora_unet_blocks_7_self_attn_q_proj", "block 7", "block 7 self-attention"),
        ("lora_unet_blocks_7_cross_attn_k_proj", "block 7", "block 7 cross k/v"),
        ("lora_unet_blocks_7_cross_attn_output_proj", "block 7", "block 7 cross q/out"),
        ("lora_unet_blocks_27_mlp_layer2", "block 27", "block 27 feed-forward"),
        ("lora_unet_blocks_0_adaln_modulation_mlp_1", "block 0", "block 0 modulation"),
        ("lora_unet_final_layer_linear", "input and output", "input and output"),
        ("lora_unet_llm_adapter_blocks_3_mlp_0", "adapter block 3", "adapter block 3"),
        ("lora_unet_llm_adapter_out_proj", "input and output", "input and output"),
        ("lora_te_layers_12_mlp_up_proj", "Qwen3 layer 12", "Qwen3 layer 12"),
    ],
)
def test_modules_are_grouped_by_block_and_named_by_kind_too(name: str, group: str, place: str) -> None:
    part = FAMILY.part(part_of(name) or "")
    inside = name.removeprefix(part.lora_prefix)
    assert (part.groups.of(inside), part.groups.place(inside)) == (group, place)
