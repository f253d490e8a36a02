"""sd-scripts' options that have no setting here, and what a settings file does without each."""

from trainer.optimizers import SD_SCRIPTS_SWITCHES

_ALWAYS = "remove it: this is always done"
_OWN_FOLDER = "remove it: each bake has a folder of its own in bakes/"
_JOURNAL = "remove it: the journal records every bake's numbers"
_NO_NEED = "remove it: it has no use here"
_NOT_HERE = "remove it: there is no such option"
_RESUME = "remove it: `lora-tui resume` and `lora-tui fork` continue a bake"
_STATES = "write keep_states"
_WHICH_BASE = "remove it: the base's file tells"
_NO_UPLOAD = "remove it: nothing is uploaded"
_ONE_GPU = "remove it: a bake uses one GPU"
_NO_ENCODER_CACHE = "remove it: embeddings of a text encoder that does not train are kept by themselves"

_DOES = "remove it: "

ABSENT_OPTIONS: dict[str, str] = {
    "v2": _WHICH_BASE,
    "model_type": _WHICH_BASE,
    "in_json": "write train_data_dir or dataset_config",
    "image_dir": "write train_data_dir",
    "network_module": "remove it: every LoRA is one of networks.lora",
    "network_args": "write its entries as settings of their own: conv_dim, conv_alpha, rank_dropout, module_dropout",
    "base_weights": "write network_weights, or merge them into the base first",
    "base_weights_multiplier": "remove it together with base_weights",
    "full_fp16": 'write mixed_precision = "fp16"',
    "full_bf16": 'write mixed_precision = "bf16"',
    "fp8_base_unet": "write fp8_base",
    "cpu_offload_checkpointing": _NOT_HERE,
    "mem_eff_attn": "write sdpa",
    "lowram": _NO_NEED,
    "highvram": _NO_NEED,
    "disable_mmap_load_safetensors": _NO_NEED,
    "cache_latents": _ALWAYS,
    "skip_cache_check": _NO_NEED,
    "resize_interpolation": _NOT_HERE,
    "caption_separator": "remove it: tags are separated by commas",
    "weighted_captions": "remove it: captions are read as they are written",
    "flip_aug": "remove it, or put mirrored pictures into the folder",
    "color_aug": _NOT_HERE,
    "random_crop": _NOT_HERE,
    "face_crop_aug_range": _NOT_HERE,
    "debug_dataset": "remove it: `lora-tui plan` shows the data set",
    "output_dir": _OWN_FOLDER,
    "logging_dir": _JOURNAL,
    "log_with": _JOURNAL,
    "log_prefix": _JOURNAL,
    "log_tracker_name": _JOURNAL,
    "log_tracker_config": _JOURNAL,
    "log_config": _JOURNAL,
    "wandb_run_name": _JOURNAL,
    "wandb_api_key": _JOURNAL,
    "no_metadata": "remove it: the metadata are always written",
    "metadata_title": _NOT_HERE,
    "metadata_author": _NOT_HERE,
    "metadata_description": "write training_comment",
    "metadata_license": _NOT_HERE,
    "metadata_tags": _NOT_HERE,
    "metadata_usage_hint": _NOT_HERE,
    "metadata_thumbnail": _NOT_HERE,
    "metadata_merged_from": _NOT_HERE,
    "metadata_trigger_phrase": _NOT_HERE,
    "metadata_preprocessor": _NOT_HERE,
    "metadata_is_negative_embedding": _NOT_HERE,
    "save_model_as": "remove it: LoRA files are always .safetensors",
    "save_n_epoch_ratio": "write save_every_n_epochs",
    "save_last_n_epochs": "remove it: every epoch's LoRA stays until you delete it",
    "save_last_n_steps": "remove it: every saved LoRA stays until you delete it",
    "save_state": _STATES,
    "save_state_on_train_end": _STATES,
    "save_last_n_epochs_state": _STATES,
    "save_last_n_steps_state": _STATES,
    "resume": _RESUME,
    "initial_epoch": _RESUME,
    "initial_step": _RESUME,
    "skip_until_initial_step": _RESUME,
    "max_data_loader_n_workers": _NO_NEED,
    "persistent_data_loader_workers": _NO_NEED,
    "num_cpu_threads_per_process": _NO_NEED,
    "dynamo_backend": "write torch_compile",
    **{switch: f'write optimizer_type = "{optimizer}"' for switch, optimizer in SD_SCRIPTS_SWITCHES.items()},
    "lr_scheduler_type": "write lr_scheduler",
    "text_encoder_lr1": "write text_encoder_lr",
    "cache_text_encoder_outputs": _NO_ENCODER_CACHE,
    "cache_text_encoder_outputs_to_disk": _NO_ENCODER_CACHE,
    "validate_every_n_epochs": "remove it: each saved epoch is validated",
    "max_validation_steps": _NO_NEED,
    "config_file": _NO_NEED,
    "output_config": _NO_NEED,
    "async_upload": _NO_UPLOAD,
    "huggingface_repo_id": _NO_UPLOAD,
    "huggingface_repo_type": _NO_UPLOAD,
    "huggingface_path_in_repo": _NO_UPLOAD,
    "huggingface_token": _NO_UPLOAD,
    "huggingface_repo_visibility": _NO_UPLOAD,
    "save_state_to_huggingface": _NO_UPLOAD,
    "resume_from_huggingface": _RESUME,
    "prompt": "write sample_prompts",
    "tokenizer_cache_dir": "remove it: the tokenizers come with the program",
    "fused_backward_pass": "remove it: sd-scripts itself uses it for full training alone",
    "dataset_class": _NOT_HERE,
    "caption_extention": "write caption_extension",
    "cache_info": "remove it: sizes are kept in memory",
    "text_encoder_batch_size": "remove it: captions are encoded one by one",
    "weighting_scheme": "write timestep_sampling",
    "mode_scale": _NOT_HERE,
    "sigmoid_scale": "write logit_std",
    "ddp_timeout": _ONE_GPU,
    "ddp_gradient_as_bucket_view": _ONE_GPU,
    "ddp_static_graph": _ONE_GPU,
    "deepspeed": _ONE_GPU,
    "zero_stage": _ONE_GPU,
    "offload_optimizer_device": _ONE_GPU,
    "offload_optimizer_nvme_path": _ONE_GPU,
    "offload_param_device": _ONE_GPU,
    "offload_param_nvme_path": _ONE_GPU,
    "zero3_init_flag": _ONE_GPU,
    "zero3_save_16bit_model": _ONE_GPU,
    "fp16_master_weights_and_gradients": _ONE_GPU,
    "console_log_level": _NOT_HERE,
    "console_log_file": _NOT_HERE,
    "console_log_simple": _NOT_HERE,
}
"""Option to what to do about it. The options are those of sd-scripts' train_network.py and sdxl_train_network.py."""


def why_absent(option: str) -> str:
    """Return why an option of sd-scripts has no effect here, in words that can follow a colon; "" where it is a setting or unknown."""
    advice = ABSENT_OPTIONS.get(option, "")
    if not advice.startswith("remove it"):
        return f"there is no such option; {advice}" if advice else ""
    return advice.removeprefix(_DOES).removeprefix("remove it, or ").removeprefix("remove it ")
