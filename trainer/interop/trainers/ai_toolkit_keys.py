"""ai-toolkit's keys without effect here, and the tables that are one row whatever they hold."""

from collections.abc import Mapping

from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import idle, table

_OTHER_MODELS = "of other models, or of other trainings than a LoRA's"
_EXPERIMENT = "there is no such experiment here"

CATCH_ALL: Mapping[str, str] = {
    "meta": "meta",
    "logging": "logging",
    "first_sample": "first_sample",
    "sample.samples": "sample.samples",
    "network.lorm": "network.lorm",
    "network.network_kwargs": "network.network_kwargs",
    "train.ema_config": "train.ema_config",
    "train.validation_config": "train.validation_config",
    "model.model_kwargs": "model.model_kwargs",
    "model.model_paths": "model.model_paths",
    "model.quantize_kwargs": "model.quantize_kwargs",
    "embedding": "embedding",
    "decorator": "decorator",
    "adapter": "adapter",
    "slider": "slider",
    "guidance": "guidance",
    "validation": "validation",
    "compile": "compile",
}
"""A table of the first process, to the row that stands for all in it."""


def _at(table_name: str, keys: str) -> str:
    return " ".join(f"{table_name}.{key}" for key in keys.split())


OTHER_KEYS = table(
    idle("other-processes", "one process is read, the first"),
    idle("of-the-job", "of the job around its processes"),
    idle("meta", "written into ai-toolkit's own files"),
    idle("logging performance_log_every log_dir torch_profiler sqlite_db_path", reasons.JOURNAL),
    idle("device", "a bake takes the GPU that there is"),
    idle("is_v2 process_id", "the base's file tells"),
    idle("network.lorm network.network_kwargs", reasons.WHICH_LAYERS),
    idle(
        _at("network", "transformer_only lokr_full_rank lokr_factor old_lokr_format split_multistage_loras"),
        _OTHER_MODELS,
    ),
    idle(_at("network", "layer_offloading all_layers"), reasons.MEMORY),
    idle("do_lorm lorm_extract_mode lorm_extract_mode_param", _OTHER_MODELS),
    idle("save.max_step_saves_to_keep", "every saved LoRA stays until you delete it"),
    idle(
        _at("save", "save_format push_to_hub hf_repo_id hf_private"),
        "LoRA files are .safetensors, and nothing is uploaded",
    ),
    idle(
        _at(
            "datasets[*]",
            "type trigger_word random_triggers random_triggers_max diff_output_preservation diff_output_preservation_class "
            "use_short_captions caption_type replacements",
        ),
        "captions are used as they are written; the trigger stands in them",
    ),
    idle(
        _at(
            "datasets[*]",
            "random_scale scale square_crop flip_y augments augmentations shuffle_augmentations poi standardize_images "
            "replay_transforms fast_image_size extra_values",
        ),
        reasons.PICTURES,
    ),
    idle(
        _at(
            "datasets[*]",
            "control_path control_path_1 control_path_2 control_path_3 control_from_same_folder num_controls_from_same_folder "
            "control_transparent_color full_size_control_images inpaint_path unconditional_path guidance_type clip_image_path "
            "clip_image_from_same_folder clip_image_augmentations clip_image_shuffle_augmentations controls prior_reg num_frames "
            "shrink_video_to_frames fps auto_frame_count trim_auto_frame_count_tail do_i2v do_audio audio_preserve_pitch "
            "audio_normalize",
        ),
        _OTHER_MODELS,
    ),
    idle(_at("datasets[*]", "mask_path invert_mask mask_min_value"), reasons.MASKS),
    idle(
        _at("datasets[*]", "network_weight loss_multiplier"),
        reasons.PRIOR_LOSS,
    ),
    idle(
        _at(
            "datasets[*]",
            "cache_latents cache_latents_to_disk cache_tensors_to_disk cache_clip_vision_to_disk cache_text_embeddings "
            "load_image_when_caching_latents num_workers prefetch_factor cache_latents_num_workers debug",
        ),
        "latents are cached by themselves",
    ),
    idle("datasets network train save model sample config", "nothing in it"),
    idle("train.content_or_style", "it draws the timesteps; min_timestep and max_timestep narrow them here"),
    idle(
        _at("train", "linear_timesteps linear_timesteps2 next_sample_timesteps num_train_timesteps"),
        "of bases that predict a flow, whose times timestep_sampling draws here",
    ),
    idle("train.lr_scheduler_params.total_iters", "a schedule spans the bake"),
    idle("train.lr_scheduler_params train.optimizer_params", "empty: the class's own"),
    idle("train.ema_config", reasons.NO_AVERAGE),
    idle("train.validation_config validation", reasons.VALIDATION),
    idle(
        _at("train", "refiner_lr embedding_lr adapter_lr train_refiner train_turbo show_turbo_outputs"), _OTHER_MODELS
    ),
    idle(_at("train", "attention_backend unload_text_encoder cache_text_embeddings"), reasons.MEMORY),
    idle("train.force_first_sample", "sample_at_first makes pictures before the first step"),
    idle("train.start_step", reasons.RESUMES),
    idle(_at("train", "merge_network_on_save merge_network_on_save_strength"), "a LoRA stays a file of its own"),
    idle(
        _at(
            "train",
            "learnable_snr_gos weight_jitter free_u adapter_assist_name_or_path adapter_assist_type noise_multiplier "
            "target_noise_multiplier random_noise_multiplier do_signal_correction_noise do_batch_noise_correction "
            "batch_noise_correction_scale do_signal_amplification signal_amplification_strength signal_correction_noise_scale "
            "random_noise_shift img_multiplier noisy_latent_multiplier latent_multiplier negative_prompt max_negative_prompts "
            "adaptive_scaling_factor match_noise_norm short_and_long_captions short_and_long_captions_encoder_split "
            "single_item_batching match_adapter_assist match_adapter_chance loss_target inverted_mask_prior "
            "inverted_mask_prior_multiplier diff_output_preservation diff_output_preservation_multiplier "
            "diff_output_preservation_class blank_prompt_preservation blank_prompt_preservation_multiplier standardize_images "
            "standardize_latents dynamic_noise_offset do_cfg do_random_cfg cfg_scale max_cfg_scale cfg_rescale correct_pred_norm "
            "correct_pred_norm_multiplier t0_loss_target t0_velocity_equiv_weight do_fft_loss do_fft_velocity_equiv_weight "
            "pred_scaler prompt_saturation_chance do_prior_divergence target_norm_std target_norm_std_value "
            "do_paramiter_swapping paramiter_swapping_factor bypass_guidance_embedding latent_feature_extractor_path "
            "latent_feature_loss_weight diffusion_feature_extractor_path diffusion_feature_extractor_weight "
            "optimal_noise_pairing_samples force_consistent_noise blended_blur_noise do_guidance_loss guidance_loss_target "
            "do_guidance_loss_cfg_zero guidance_loss_schedule unconditional_prompt do_differential_guidance "
            "differential_guidance_scale switch_boundary_every do_blank_stabilization audio_loss_multiplier max_loss_debug "
            "max_loss",
        ),
        _EXPERIMENT,
    ),
    idle(_at("model", "dtype vae_dtype te_dtype vae_device te_device"), reasons.BASE_PRECISION),
    idle(
        _at(
            "model",
            "quantize_te qtype qtype_te low_vram quantize_kwargs split_model_over_gpus "
            "split_model_other_module_param_count_scale auto_memory layer_offloading layer_offloading_transformer_percent "
            "layer_offloading_text_encoder_percent text_encoder_bits compile block_compile compile_mode compile_fullgraph "
            "compile_dynamic cache_size_limit",
        ),
        reasons.MEMORY,
    ),
    idle("compile", reasons.MEMORY),
    idle(
        _at(
            "model",
            "use_flux_cfg refiner_name_or_path refiner_start_at assistant_lora_path inference_lora_path unconditional_lora_path "
            "latent_space_version use_text_encoder_1 use_text_encoder_2 experimental_xl unet_path unet_sample_size attn_masking "
            "te_name_or_path extras_name_or_path accuracy_recovery_adapter model_kwargs model_paths in_context",
        ),
        _OTHER_MODELS,
    ),
    idle("model.lora_path", "a LoRA that is merged into the base first: name one to continue from as network_weights"),
    idle(_at("model", "ignore_if_contains only_if_contains"), reasons.WHICH_LAYERS),
    idle("embedding decorator adapter slider guidance", _OTHER_MODELS),
    idle("first_sample sample.samples", reasons.SAMPLES),
    idle(
        _at(
            "sample",
            "sampler sample_start_step neg walk_seed network_multiplier guidance_rescale format adapter_conditioning_scale "
            "refiner_start_at extra_values num_frames fps do_cfg_norm",
        ),
        reasons.SAMPLES,
    ),
)
"""Rows of keys without effect."""
