"""The kohya_ss GUI's TOML: what it writes for sd-scripts and runs, and its own file of default values."""

from trainer.interop.record import KeyRule, SourceDocument, TrainerFormat
from trainer.interop.trainers.kohya_gui import RULES as WIDGETS
from trainer.interop.trainers.kohya_gui_flow import COMPILES, SAVES
from trainer.interop.trainers.kohya_gui_flow import PREFIX as FLOW_PREFIX
from trainer.interop.trainers.kohya_gui_keys import OTHER_BASES
from trainer.interop.trainers.rules import idle, known_share, same, table
from trainer.interop.trainers.sd_scripts import left_out

WRITTEN_RULES: tuple[KeyRule, ...] = table(
    same(
        """adaptive_noise_scale async_upload bucket_no_upscale bucket_reso_steps cache_latents cache_latents_to_disk
        cache_text_encoder_outputs cache_text_encoder_outputs_to_disk caption_dropout_every_n_epochs caption_dropout_rate
        caption_extension clip_skip color_aug cpu_offload_checkpointing dataset_config debiased_estimation_loss dim_from_weights
        disable_mmap_load_safetensors dynamo_backend enable_bucket flip_aug fp8_base fp8_base_unet full_bf16 full_fp16
        fused_backward_pass gradient_accumulation_steps gradient_checkpointing highvram huber_c huber_scale huber_schedule
        huggingface_path_in_repo huggingface_repo_id huggingface_repo_type huggingface_repo_visibility huggingface_token
        ip_noise_gamma ip_noise_gamma_random_strength keep_tokens learning_rate log_config log_tracker_config log_tracker_name
        log_with logging_dir loss_type lr_scheduler lr_scheduler_args lr_scheduler_num_cycles lr_scheduler_power lr_scheduler_type
        lr_warmup_steps masked_loss max_bucket_reso max_data_loader_n_workers max_grad_norm max_timestep max_token_length
        max_train_epochs max_train_steps mem_eff_attn metadata_author metadata_description metadata_license metadata_tags
        metadata_title min_bucket_reso min_snr_gamma min_timestep mixed_precision multires_noise_discount multires_noise_iterations
        network_alpha network_args network_dim network_dropout network_module network_train_text_encoder_only
        network_train_unet_only network_weights no_half_vae noise_offset noise_offset_random_strength optimizer_args optimizer_type
        output_dir output_name persistent_data_loader_workers pretrained_model_name_or_path prior_loss_weight random_crop
        reg_data_dir resolution resume resume_from_huggingface sample_every_n_epochs sample_every_n_steps sample_prompts
        sample_sampler save_every_n_epochs save_every_n_steps save_last_n_epochs save_last_n_epochs_state save_last_n_steps
        save_last_n_steps_state save_model_as save_precision save_state save_state_on_train_end save_state_to_huggingface
        scale_v_pred_loss_like_noise_pred scale_weight_norms sdpa seed shuffle_caption skip_cache_check text_encoder_lr
        torch_compile train_batch_size train_data_dir training_comment unet_lr v2 v_parameterization v_pred_like_loss vae
        vae_batch_size wandb_api_key wandb_run_name weighted_captions xformers""",
        exported=False,
    ),
    idle("epoch", "sd-scripts ignores it: the GUI has computed max_train_steps from it"),
    idle("noise_offset_type", "sd-scripts ignores it: the GUI has left out what it switches off"),
    idle("stop_text_encoder_training", "sd-scripts ignores it for a LoRA"),
    idle("train_inpainting", "not of sd-scripts' train_network.py"),
    same(
        """attn_mode blocks_to_swap discrete_flow_shift llm_adapter_path logit_mean logit_std mode_scale qwen3
        qwen3_max_token_length sigmoid_scale split_attn t5_max_token_length t5_tokenizer_path
        text_encoder_batch_size timestep_sampling unsloth_offload_checkpointing vae_chunk_size
        vae_disable_cache weighting_scheme""",
        exported=False,
    ),
    idle("qwen_image_vae_2d", SAVES),
    idle("compile compile_backend compile_cache_size_limit compile_dynamic compile_fullgraph compile_mode", COMPILES),
    idle(
        """ae apply_t5_attn_mask byt5 clip_g clip_g_dropout_rate clip_l clip_l_dropout_rate double_blocks_to_swap
        enable_scaled_pos_embed fp8_scaled fp8_vl gemma2 gemma2_max_token_length guidance_scale mem_eff_save
        model_prediction_type model_type pos_emb_random_crop_rate save_clip save_t5xxl show_timesteps
        show_timesteps_resolution single_blocks_to_swap split_mode system_prompt t5_dropout_rate t5xxl
        t5xxl_device t5xxl_dtype t5xxl_max_token_length text_encoder text_encoder_cpu use_flash_attn
        use_sage_attn""",
        OTHER_BASES,
    ),
)
"""The table of `config_lora-<time>.toml`: sd-scripts' options, and what sd-scripts ignores."""


def _is_written(document: SourceDocument) -> bool:
    if document.syntax != "toml":
        return False
    keys = [each.key for each in document.keys]
    # sd-scripts has no option of these names; the GUI always writes the first.
    return any(key in ("epoch", "noise_offset_type") for key in keys) and known_share(WRITTEN_RULES, keys) >= 0.5


KOHYA_GUI_WRITTEN = TrainerFormat(
    "kohya-gui-toml",
    "kohya_ss GUI, the TOML that it writes for sd-scripts and runs",
    _is_written,
    WRITTEN_RULES,
    # What is not in it is sd-scripts' default, not the GUI's.
    lambda _: "sd-scripts 2026-02",
    left_out=left_out,
)

_SECTIONS = (
    "model",
    "folders",
    "basic",
    "advanced",
    "accelerate_launch",
    "samples",
    "sdxl",
    "huggingface",
    "metadata",
    "network",
)
_PREFIXED = {"anima": FLOW_PREFIX}
"""Sections whose keys have a prefix in the files that the GUI saves."""
_ASIDE = {
    "wd14_caption": "of the GUI's tagger",
    "dataset_preparation": "of the GUI's tool that lays out folders",
    "settings": "of the GUI itself",
    "server": "of the GUI itself",
    "configuration": "of the GUI itself",
    "flux1": OTHER_BASES,
    "sd3": OTHER_BASES,
    "anima_lllite": "of another kind of training",
    "lumina": OTHER_BASES,
    "hunyuan_image": OTHER_BASES,
    "leco": "of another kind of training",
    "training": "of another kind of training",
    "save": "of another kind of training",
}
"""Sections whose keys are all without effect here, with the reason."""

DEFAULTS_RULES: tuple[KeyRule, ...] = table(
    (rule for rule in WIDGETS if rule.key != "text_encoder_lr"),
    (KeyRule(f"[{name}]", why=why, exported=False) for name, why in _ASIDE.items()),
    idle("models_dir vae_dir state_dir log_tracker_config_dir", "the folder that the GUI's list starts in"),
    same("network_module network_args no_metadata zero_terminal_snr", exported=False),
    same("text_encoder_lr", exported=False),
    idle("path_in_repo repo_id repo_type repo_visibility token", "nothing is uploaded"),
    idle("author description license tags title", "the metadata have no such field here"),
)
"""The table of the GUI's own `config.toml`, its keys without their sections."""


def _without_section(key: str) -> str:
    """Return a key of `config.toml` without its section, or `[section]` for one that matters as a whole."""
    section, dot, name = key.partition(".")
    if not dot:
        return key
    if section in _PREFIXED:
        return f"{_PREFIXED[section]}{name}"
    return name if section in _SECTIONS else f"[{section}]" if section in _ASIDE else key


def _is_defaults(document: SourceDocument) -> bool:
    if document.syntax != "toml":
        return False
    sections = {name for name, value in document.tree.items() if isinstance(value, dict)}
    keys = [each.key for each in document.keys]
    # sd-scripts' files may have any sections, ours have these too: the GUI's own keys tell.
    own = any(_without_section(key) in ("models_dir", "max_resolution", "lr_warmup") for key in keys)
    return (
        own
        and bool(sections & {*_SECTIONS, *_PREFIXED, *_ASIDE})
        and known_share(DEFAULTS_RULES, keys, _without_section) >= 0.5
    )


KOHYA_GUI_DEFAULTS = TrainerFormat(
    "kohya-gui-defaults",
    "kohya_ss GUI, its config.toml of default values",
    _is_defaults,
    DEFAULTS_RULES,
    lambda _: "kohya_ss 2026-07",
    unprefixed=_without_section,
)
