"""Keys of the kohya_ss GUI that have no effect here, or only as sd-scripts' options that have none."""

from trainer.interop.record import KeyRule
from trainer.interop.trainers import reasons
from trainer.interop.trainers.kohya_gui_flow import FLOW_KEYS
from trainer.interop.trainers.rules import constant, each, idle, or_blank, or_zero, same, switch, table

OTHER_BASES = reasons.of_other_bases("Flux, SD3, HunyuanImage or Lumina")
_LAUNCHER = (
    "of accelerate's launcher, which starts a bake on several GPUs here too: `accelerate launch -m lora_tui bake`"
)
_TOOL = "of the GUI itself"
_BLOCK_KEYS = (
    *("down_lr_weight", "mid_lr_weight", "up_lr_weight", "block_lr_zero_threshold"),
    *("block_dims", "block_alphas", "conv_block_dims", "conv_block_alphas"),
)
OTHER_TABS = "of the GUI's tabs that train a whole base or an embedding"
_GONE = "of a version that is gone, and not of sd-scripts today"

OTHER_KEYS: tuple[KeyRule, ...] = table(
    # sd-scripts' options without a setting here: what each amounts to is said where options become settings.
    each(
        switch,
        """v2 cache_latents color_aug flip_aug random_crop persistent_data_loader_workers mem_eff_attn highvram fp8_base_unet
        cpu_offload_checkpointing save_state save_state_on_train_end skip_cache_check log_config weighted_captions async_upload
        save_state_to_huggingface resume_from_huggingface""",
    ),
    each(
        or_blank,
        """output_dir logging_dir log_with log_tracker_name log_tracker_config wandb_api_key wandb_run_name resume save_model_as
        huggingface_repo_id huggingface_token huggingface_repo_type huggingface_repo_visibility huggingface_path_in_repo
        metadata_author metadata_description metadata_license metadata_tags metadata_title""",
    ),
    each(
        or_zero,
        """max_data_loader_n_workers save_last_n_steps save_last_n_steps_state save_last_n_epochs
        save_last_n_epochs_state""",
    ),
    same("cache_text_encoder_outputs no_half_vae", exported=False),
    KeyRule("sdxl_cache_text_encoder_outputs", ("cache_text_encoder_outputs",), "only with sdxl"),
    idle("stop_text_encoder_training_pct", "the GUI ignores it too: not yet supported for a LoRA"),
    constant("stop_text_encoder_training", 0, "the GUI ignores it too: not yet supported for a LoRA"),
    idle("no_token_padding stable_cascade lowvram", _GONE),
    constant("train_inpainting", False, _GONE),
    idle(
        """factor bypass_mode dora_wd use_cp use_tucker use_scalar rank_dropout_scale constrain rescaled train_norm decompose_both
        train_on_input unit LyCORIS_preset""",
        reasons.LYCORIS,
    ),
    (constant(key, "", reasons.BLOCKS) for key in _BLOCK_KEYS),
    idle("block_lr conv_dims conv_alphas", reasons.BLOCKS),
    idle(
        """num_cpu_threads_per_process num_processes num_machines multi_gpu gpu_ids main_process_port dynamo_backend dynamo_mode
        dynamo_use_fullgraph dynamo_use_dynamic extra_accelerate_launch_args""",
        _LAUNCHER,
    ),
    idle(
        """convert_to_safetensors convert_to_ckpt use_safetensors train_dir image_folder dataset_repeats train_text_encoder
        create_buckets create_caption train batch_size caption_metadata_filename latent_metadata_filename full_path use_latent_files
        generate_caption_database generate_image_buckets token_string init_word num_vectors_per_token weights template modelbase
        model_dir sdxl_checkbox learning_rate_te learning_rate_te1 learning_rate_te2 stable_cascade_checkbox
        disable_mmap_load_safetensors fused_backward_pass fused_optimizer_groups text_encoder_batch_size flux1_clip_l flux1_t5xxl
        blockwise_fused_optimizer blockwise_fused_optimizers flux_fused_backward_pass""",
        OTHER_TABS,
    ),
    idle("model_list training_preset save_as save_as_bool file_path headless print_only toml_file", _TOOL),
    idle("use_wandb use_wandb_checkbox wandb_api_key_textbox", reasons.JOURNAL),
    idle("cache_latent caption_extention network_train locon sdxl_min_timestep sdxl_max_timestep", _GONE),
    idle(
        """train_lora_ggpo ggpo_sigma ggpo_beta flux1_cache_text_encoder_outputs flux1_cache_text_encoder_outputs_to_disk model_type
        ae clip_l t5xxl discrete_flow_shift model_prediction_type timestep_sampling split_mode train_blocks t5xxl_max_token_length
        enable_all_linear guidance_scale mem_eff_save apply_t5_attn_mask split_qkv train_t5xxl single_blocks_to_swap
        double_blocks_to_swap show_timesteps show_timesteps_resolution img_attn_dim img_mlp_dim img_mod_dim single_dim txt_attn_dim
        txt_mlp_dim txt_mod_dim single_mod_dim in_dims train_double_block_indices train_single_block_indices
        sd3_cache_text_encoder_outputs sd3_cache_text_encoder_outputs_to_disk sd3_fused_backward_pass clip_g clip_g_dropout_rate
        sd3_clip_l sd3_clip_l_dropout_rate sd3_disable_mmap_load_safetensors sd3_enable_scaled_pos_embed logit_mean logit_std
        mode_scale pos_emb_random_crop_rate save_clip save_t5xxl sd3_t5_dropout_rate sd3_t5xxl t5xxl_device t5xxl_dtype
        sd3_text_encoder_batch_size weighting_scheme""",
        OTHER_BASES,
    ),
    (constant(f"{base}_checkbox", False, OTHER_BASES) for base in ("hunyuan_image", "lumina")),
    idle(
        """hunyuan_image_cache_text_encoder_outputs hunyuan_image_cache_text_encoder_outputs_to_disk
        hunyuan_text_encoder hunyuan_byt5 hunyuan_vae hunyuan_discrete_flow_shift hunyuan_model_prediction_type
        hunyuan_timestep_sampling hunyuan_sigmoid_scale hunyuan_attn_mode hunyuan_split_attn hunyuan_fp8_scaled hunyuan_fp8_vl
        hunyuan_text_encoder_cpu hunyuan_vae_chunk_size""",
        OTHER_BASES,
    ),
    FLOW_KEYS,
    idle(
        """lumina_cache_text_encoder_outputs lumina_cache_text_encoder_outputs_to_disk lumina_gemma2 lumina_ae
        lumina_discrete_flow_shift lumina_model_prediction_type lumina_timestep_sampling lumina_sigmoid_scale
        lumina_gemma2_max_token_length lumina_system_prompt lumina_use_flash_attn lumina_use_sage_attn lumina_sample_batch_size
        lumina_train_blocks lumina_split_qkv lumina_verbose lumina_attn_dim lumina_mlp_dim lumina_mod_dim lumina_refiner_dim
        lumina_embedder_dims""",
        OTHER_BASES,
    ),
)
"""Rows for all keys that the GUI ever wrote, beside those of `kohya_gui.py`."""
