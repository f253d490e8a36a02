"""Block groups of modules: as the family's record says, the same for every program's names, by numbers where a family says nothing."""

import pytest
from kohya_modules import kohya_modules

from trainer.families.block_names import diffusers_name, original_name
from trainer.families.record import BlockGroups, PartRecord
from trainer.families.registry import FAMILIES
from trainer.measures.blocks import block_of, ordered_groups, part_label
from trainer.models.identify import DEMO_BASE, identify_base

GROUPS = {
    "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_out_0": ("unet", "down self-attention"),
    "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_v": ("unet", "middle cross k/v"),
    "lora_unet_up_blocks_3_attentions_2_transformer_blocks_0_attn2_to_q": ("unet", "up cross q/out"),
    "lora_unet_output_blocks_2_1_transformer_blocks_9_ff_net_2": ("unet", "up feed-forward"),
    "lora_unet_input_blocks_4_1_proj_in": ("unet", "down projections"),
    "lora_unet_middle_block_0_in_layers_2": ("unet", "middle convolutions"),
    "lora_unet_input_blocks_3_0_op": ("unet", "down convolutions"),
    "lora_unet_up_blocks_0_upsamplers_0_conv": ("unet", "up convolutions"),
    "lora_unet_time_embed_0": ("unet", "input and output"),
    "lora_te_text_model_encoder_layers_11_mlp_fc1": ("text_encoder", "layer 11"),
    "lora_te1_encoder_layers_0_self_attn_k_proj": ("text_encoder", "layer 0"),
    "lora_te2_text_projection": ("text_encoder_2", "projection"),
    "lora_transformer_blocks_1": ("other", ""),
}


@pytest.mark.parametrize("name", GROUPS)
def test_a_module_is_in_the_group_that_its_place_says(name: str) -> None:
    assert block_of(name) == GROUPS[name]


@pytest.mark.parametrize("base", ["sd15", "sdxl"])
def test_every_module_that_is_trained_has_a_group_of_the_record_and_the_same_under_both_names(base: str) -> None:
    for name in kohya_modules(base, conv=True):  # type: ignore[arg-type]
        part, group = block_of(name)
        assert group
        if part != "unet":
            continue
        bare = name.removeprefix("lora_unet_")
        assert group in FAMILIES["sd1"].part("unet").groups.order
        assert {block_of(f"lora_unet_{turn(bare)}")[1] for turn in (original_name, diffusers_name)} == {group}


def test_the_demo_has_groups_on_the_way_down_in_the_middle_and_on_the_way_up() -> None:
    groups = {block_of(name)[1].split()[0] for name in identify_base(DEMO_BASE).lora_shapes}
    assert groups == {"input", "down", "middle", "up", "layer"}


def test_groups_stand_in_the_order_of_the_computation_and_layers_by_their_number() -> None:
    assert ordered_groups("unet", ["up self-attention", "middle cross k/v", "down convolutions", "down cross k/v"]) == [
        "down cross k/v",
        "down convolutions",
        "middle cross k/v",
        "up self-attention",
    ]
    assert ordered_groups("text_encoder", [f"layer {n}" for n in (10, 2, 0)]) == ["layer 0", "layer 2", "layer 10"]
    assert ordered_groups("other", ["b 2", "a 10", "a 9"]) == ["a 9", "a 10", "b 2"]


@pytest.mark.parametrize(
    "name, group",
    [
        ("single_blocks_7_linear1", "single block 7"),
        ("transformer_blocks_12_attn_to_q", "transformer block 12"),
        ("model_layers_3_mlp_up", "model layer 3"),
        ("blocks_0", "block 0"),
        ("proj_out", "other"),
    ],
)
def test_a_family_that_says_nothing_has_groups_by_the_numbers_in_its_names(name: str, group: str) -> None:
    record = PartRecord("transformer", "transformer", "unet", "lora_transformer_", frozenset())
    assert record.groups == BlockGroups()
    assert record.groups.of(name) == group


def test_parts_have_the_names_of_their_records() -> None:
    assert [part_label(part) for part in ("", "unet", "other")] == ["whole LoRA", "U-Net", "other"]
