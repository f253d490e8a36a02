"""Options of sd-scripts' other scripts: of bases that are not trained here, and of trainings of another kind."""

from collections.abc import Iterator, Mapping

from trainer.interop.flow_rules import ENCODER_RESTS, trains_encoder
from trainer.interop.record import KeyRule
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import idle

_OF_A_BASE = {
    "Flux": "ae apply_t5_attn_mask guidance_scale split_mode",
    "Flux or SD3": "clip_l t5xxl t5xxl_max_token_length",
    "SD3": """clip_g save_clip save_t5xxl t5xxl_device t5xxl_dtype apply_lg_attn_mask clip_l_dropout_rate clip_g_dropout_rate
        t5_dropout_rate pos_emb_random_crop_rate enable_scaled_pos_embed training_shift""",
    "Lumina": "gemma2 gemma2_max_token_length use_flash_attn use_sage_attn system_prompt sample_batch_size",
    "HunyuanImage": "byt5 fp8_scaled fp8_vl text_encoder text_encoder_cpu",
    "Flux, HunyuanImage or Lumina": "model_prediction_type",
}
_OF_A_KIND = {
    "of training a whole model": """learning_rate_te learning_rate_te1 learning_rate_te2 learning_rate_te3 train_text_encoder
        train_t5xxl use_t5xxl_cache_only block_lr fused_optimizer_groups blockwise_fused_optimizers mem_eff_save
        llm_adapter_lr self_attn_lr cross_attn_lr mlp_lr mod_lr num_last_block_to_freeze skip_latents_validity_check double_blocks_to_swap single_blocks_to_swap diffusers_xformers
        no_token_padding""",
    "of a ControlNet": "controlnet_model_name_or_path control_net_lr cond_emb_dim",
    "of textual inversion": """weights num_vectors_per_token token_string init_word use_object_template
        use_style_template""",
}
_BASES = {"flux": "Flux", "sd3": "SD3", "lumina": "Lumina", "hunyuan_image": "HunyuanImage"}

# Options that name a part of a base that no other one has.
_MODELS = {"clip_g": "SD3", "gemma2": "Lumina", "byt5": "HunyuanImage", "ae": "Flux"}


_ENCODER_TOO = f"sd-scripts trains layers of the text encoder too: {ENCODER_RESTS}"


def rows() -> Iterator[KeyRule]:
    """Yield a row for each option of another script."""
    for base, names in _OF_A_BASE.items():
        yield from idle(names, reasons.of_other_bases(base))
    for kind, names in _OF_A_KIND.items():
        yield from idle(names, f"{kind}; a LoRA is trained here")


def notes(values: Mapping[str, object]) -> tuple[str, ...]:
    """Return that a source is for a base that cannot be trained here, where its network or its options say so."""
    module = str(values.get("network_module") or "")
    by_network = (base for word, base in _BASES.items() if module.endswith(f"_{word}"))
    by_model = (base for option, base in _MODELS.items() if values.get(option))
    base = next(by_network, None) or next(by_model, None)
    if base:
        return (f"it {reasons.for_another_base(base)}",)
    return (_ENCODER_TOO,) if trains_encoder(values) else ()
