"""Every option of sd-scripts' train_network.py and sdxl_train_network.py, with its type.

From the scripts of 2026-02 (commit 48d368fa), and those of 2023 that are gone since. Most options are settings here under the same
name; what becomes of the others stands in `option_rules.py` and in `trainer.settings.absent_options`.
"""

from typing import Literal

Kind = Literal["flag", "int", "float", "text", "path", "int or float", "texts", "floats"]
"""What argparse makes of it: a switch, a number, a text, or several."""

_FLAGS = """
v2 v_parameterization no_metadata fp8_base_unet cpu_offload_checkpointing network_train_unet_only
network_train_text_encoder_only dim_from_weights no_half_vae skip_until_initial_step use_8bit_adam use_lion_optimizer
fused_backward_pass save_state_to_huggingface resume_from_huggingface async_upload save_state save_state_on_train_end mem_eff_attn
torch_compile xformers sdpa persistent_data_loader_workers gradient_checkpointing full_fp16 full_bf16 fp8_base
ddp_gradient_as_bucket_view ddp_static_graph log_config noise_offset_random_strength ip_noise_gamma_random_strength
zero_terminal_snr lowram highvram sample_at_first output_config masked_loss cache_text_encoder_outputs
cache_text_encoder_outputs_to_disk disable_mmap_load_safetensors cache_info shuffle_caption enable_wildcard color_aug flip_aug
random_crop debug_dataset cache_latents cache_latents_to_disk skip_cache_check enable_bucket bucket_no_upscale alpha_mask
scale_v_pred_loss_like_noise_pred debiased_estimation_loss weighted_captions deepspeed zero3_init_flag zero3_save_16bit_model
fp16_master_weights_and_gradients console_log_simple
"""
_INTS = """
network_dim initial_epoch initial_step validation_seed validate_every_n_steps validate_every_n_epochs max_validation_steps
lr_scheduler_num_cycles lr_scheduler_timescale save_every_n_epochs save_every_n_steps save_n_epoch_ratio save_last_n_epochs
save_last_n_epochs_state save_last_n_steps save_last_n_steps_state train_batch_size max_token_length max_train_steps
max_train_epochs max_data_loader_n_workers seed gradient_accumulation_steps ddp_timeout clip_skip multires_noise_iterations
min_timestep max_timestep sample_every_n_steps sample_every_n_epochs keep_tokens vae_batch_size min_bucket_reso max_bucket_reso
bucket_reso_steps token_warmup_min caption_dropout_every_n_epochs dataset_repeats zero_stage
"""
_FLOATS = """
unet_lr network_alpha network_dropout scale_weight_norms validation_split learning_rate max_grad_norm lr_scheduler_power
lr_scheduler_min_lr_ratio noise_offset ip_noise_gamma multires_noise_discount adaptive_noise_scale huber_c huber_scale
prior_loss_weight token_warmup_step caption_dropout_rate caption_tag_dropout_rate min_snr_gamma v_pred_like_loss
"""
_TEXTS = """
save_model_as network_module training_comment optimizer_type lr_scheduler_type lr_scheduler output_name huggingface_repo_id
huggingface_repo_type huggingface_path_in_repo huggingface_token huggingface_repo_visibility save_precision dynamo_backend
mixed_precision log_with log_prefix log_tracker_name wandb_run_name wandb_api_key loss_type huber_schedule sample_sampler
caption_separator caption_extension caption_extention keep_tokens_separator secondary_separator caption_prefix caption_suffix
face_crop_aug_range resolution resize_interpolation dataset_class offload_optimizer_device offload_param_device metadata_title
metadata_author metadata_description metadata_license metadata_tags metadata_usage_hint metadata_thumbnail metadata_merged_from
metadata_trigger_phrase metadata_preprocessor metadata_is_negative_embedding console_log_level
"""
_PATHS = """
network_weights pretrained_model_name_or_path tokenizer_cache_dir output_dir resume vae logging_dir log_tracker_config sample_prompts
config_file conditioning_data_dir train_data_dir reg_data_dir in_json dataset_config offload_optimizer_nvme_path
offload_param_nvme_path console_log_file
"""

FLOW_OPTIONS: dict[str, Kind] = {
    **dict.fromkeys(["unsloth_offload_checkpointing", "split_attn", "vae_disable_cache"], "flag"),
    **dict.fromkeys(
        [
            "qwen3_max_token_length",
            "t5_max_token_length",
            "vae_chunk_size",
            "blocks_to_swap",
            "text_encoder_batch_size",
        ],
        "int",
    ),
    **dict.fromkeys(["discrete_flow_shift", "sigmoid_scale", "logit_mean", "logit_std", "mode_scale"], "float"),
    **dict.fromkeys(["timestep_sampling", "weighting_scheme", "attn_mode"], "text"),
    **dict.fromkeys(["qwen3", "llm_adapter_path", "t5_tokenizer_path"], "path"),
}
"""Option to its type, of those that anima_train_network.py has beside them."""

OPTIONS: dict[str, Kind] = {
    **dict.fromkeys(_FLAGS.split(), "flag"),
    **dict.fromkeys(_INTS.split(), "int"),
    **dict.fromkeys(_FLOATS.split(), "float"),
    **dict.fromkeys(_TEXTS.split(), "text"),
    **dict.fromkeys(_PATHS.split(), "path"),
    **dict.fromkeys(("lr_warmup_steps", "lr_decay_steps"), "int or float"),
    **dict.fromkeys(("network_args", "optimizer_args", "lr_scheduler_args", "base_weights"), "texts"),
    **dict.fromkeys(("text_encoder_lr", "base_weights_multiplier"), "floats"),
}
"""Option to its type."""
