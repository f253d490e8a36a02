"""Keys of LoRA files in the forms that programs write."""

import pytest

from trainer.models.lora_keys import OTHER_KINDS, LoraKey, is_lora_key, other_kind, parse_key

ATTENTION = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2"


@pytest.mark.parametrize(
    ("key", "module", "role"),
    [
        (
            "lora_unet_mid_block_attentions_0_proj_out.lora_down.weight",
            "lora_unet_mid_block_attentions_0_proj_out",
            "down",
        ),
        ("lora_te_text_model_encoder_layers_3_mlp_fc2.alpha", "lora_te_text_model_encoder_layers_3_mlp_fc2", "alpha"),
        ("lora_unet_up_blocks_1_resnets_0_conv2.lora_mid.weight", "lora_unet_up_blocks_1_resnets_0_conv2", "mid"),
        # OneTrainer: dots, the parts by OMI's names, blocks by the original's.
        ("unet.output_blocks.5.1.proj_in.lora_up.weight", "lora_unet_output_blocks_5_1_proj_in", "up"),
        ("clip_l.text_model.encoder.layers.0.mlp.fc1.alpha", "lora_te1_text_model_encoder_layers_0_mlp_fc1", "alpha"),
        ("clip_g.text_projection.lora_down.weight", "lora_te2_text_projection", "down"),
        (
            "lora_te2.text_model.encoder.layers.9.mlp.fc1.lora_up.weight",
            "lora_te2_text_model_encoder_layers_9_mlp_fc1",
            "up",
        ),
        # diffusers through the years.
        (
            "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_out_lora.up.weight",
            ATTENTION + "_to_out_0",
            "up",
        ),
        (
            "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_v_lora.down.weight",
            ATTENTION + "_to_v",
            "down",
        ),
        ("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora.up.weight", ATTENTION + "_to_k", "up"),
        (
            "text_encoder.text_model.encoder.layers.2.self_attn.q_proj.lora_linear_layer.down.weight",
            "lora_te1_text_model_encoder_layers_2_self_attn_q_proj",
            "down",
        ),
        (
            "lora_te1_encoder_layers_2_self_attn_q_proj_lora_linear_layer.up.weight",
            "lora_te1_encoder_layers_2_self_attn_q_proj",
            "up",
        ),
        ("text_encoder_2.encoder.layers.1.mlp.fc2.lora_B.weight", "lora_te2_encoder_layers_1_mlp_fc2", "up"),
        # PEFT, with and without the model around it and the adapter's name.
        ("base_model.model.conv_out.lora_A.weight", "lora_unet_conv_out", "down"),
        ("base_model.model.time_embedding.linear_2.lora_B.style.weight", "lora_unet_time_embedding_linear_2", "up"),
        ("unet.base_model.model.conv_in.lora_A.default.weight", "lora_unet_conv_in", "down"),
        (
            "base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_A.weight",
            "lora_te1_text_model_encoder_layers_0_mlp_fc1",
            "down",
        ),
        # LyCORIS around a U-Net, ComfyUI's keys.
        ("lycoris_down_blocks_1_resnets_0_conv1.lora_up.weight", "lora_unet_down_blocks_1_resnets_0_conv1", "up"),
        ("lycoris_text_model_encoder_layers_1_mlp_fc1.alpha", "lora_te1_text_model_encoder_layers_1_mlp_fc1", "alpha"),
        ("diffusion_model.input_blocks.4.1.proj_in.lora_down.weight", "lora_unet_input_blocks_4_1_proj_in", "down"),
        # LoHa, LoKr and full differences by LyCORIS' names, also in PEFT with the adapter's name behind them.
        ("lycoris_mid_block_attentions_0_proj_in.hada_w1_b", "lora_unet_mid_block_attentions_0_proj_in", "hada_w1_b"),
        ("base_model.model.conv_in.hada_t2", "lora_unet_conv_in", "hada_t2"),
        ("unet.mid_block.attentions.0.proj_in.lokr_w2_a", "lora_unet_mid_block_attentions_0_proj_in", "lokr_w2_a"),
        ("base_model.model.conv_out.lokr_w1.style", "lora_unet_conv_out", "lokr_w1"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1.diff", "lora_te_text_model_encoder_layers_0_mlp_fc1", "diff"),
        ("unet.conv_in.diff_b", "lora_unet_conv_in", "diff_b"),
        ("lora_unet_conv_in.scalar", "lora_unet_conv_in", "scalar"),
        # A DoRA's magnitude, in LyCORIS and OneTrainer, and in PEFT.
        ("lora_unet_conv_in.dora_scale", "lora_unet_conv_in", "dora_scale"),
        ("unet.conv_in.dora_scale", "lora_unet_conv_in", "dora_scale"),
        ("base_model.model.conv_in.lora_magnitude_vector", "lora_unet_conv_in", "magnitude"),
        (
            "unet.mid_block.attentions.0.proj_in.lora_magnitude_vector.default.weight",
            "lora_unet_mid_block_attentions_0_proj_in",
            "magnitude",
        ),
    ],
)
def test_every_programs_key_has_its_module_and_role(key: str, module: str, role: str) -> None:
    assert parse_key(key) == LoraKey(module, role)  # type: ignore[arg-type]  # the texts are roles
    assert is_lora_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "model.diffusion_model.input_blocks.0.0.weight",
        "conv_in.bias",
        "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.bias",
        "first_stage_model.decoder.up.1.block.0.norm1.weight",
        "bundle_emb.word.string_to_param.*",
        "emb_params",
    ],
)
def test_keys_of_bases_and_embeddings_are_no_loras(key: str) -> None:
    assert parse_key(key) is None
    assert other_kind(key) is None
    assert not is_lora_key(key)


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("base_model.model.conv_out.oft_R.weight", "an OFT"),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1.boft_R", "a BOFT"),
        ("lora_unet_mid_block_attentions_0_proj_in.on_input", "an (IA)³"),
        ("base_model.model.text_model.encoder.layers.0.mlp.fc1.ia3_l", "an (IA)³"),
        ("lora_unet_mid_block_attentions_0_proj_in.b1.weight", "a GLoRA"),
        ("lora_unet_mid_block_attentions_0_norm.w_norm", "a LyCORIS with trained norms (train_norm)"),
        ("unet.conv_in.set_weight", "whole weights (set_weight)"),
        ("unet.conv_in.lora_B.bias", "a LoRA with biases"),
        ("base_model.model.text_model.embeddings.token_embedding.lora_embedding_A", "a LoRA on an embedding"),
        ("base_model.model.conv_out.vera_lambda_b", "a VeRA"),
    ],
)
def test_another_kind_of_change_has_its_name(key: str, title: str) -> None:
    kind = other_kind(key)
    assert kind is not None and kind.title == title
    assert is_lora_key(key)


def test_no_kind_is_without_an_example() -> None:
    keys = test_another_kind_of_change_has_its_name.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {title for _, title in keys} == {kind.title for kind in OTHER_KINDS}
