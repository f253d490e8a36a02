"""diffusion-pipe's keys without effect here."""

from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import idle, table

_OTHER_MODELS = reasons.of_other_bases("other models")
_GPUS = "of models divided over several GPUs"
_TEXTS = "captions are encoded ahead where their encoder rests"


def _of_model(keys: str) -> str:
    return " ".join(f"model.{key}" for key in keys.split())


OTHER_KEYS = table(
    idle("dataset", "its folders stand in that file, which was not opened: name it beside this one"),
    idle("eval_datasets", reasons.VALIDATION),
    idle(
        """eval_every_n_epochs eval_every_n_steps eval_every_n_examples eval_before_first_step eval_micro_batch_size_per_gpu
        image_eval_micro_batch_size_per_gpu eval_image_micro_batch_size_per_gpu eval_gradient_accumulation_steps
        disable_block_swap_for_eval eval_batch_size eval_epochs eval_steps""",
        reasons.VALIDATION,
    ),
    idle("pipeline_stages partition_method partition_split", _GPUS),
    idle("reentrant_activation_checkpointing", "activation_checkpointing says it"),
    idle("checkpoint_every_n_epochs checkpoint_every_n_minutes resume_from_checkpoint", reasons.RESUMES),
    idle("regenerate_cache map_num_proc", "caches are made and known by their content"),
    idle("steps_per_print logging_steps x_axis_examples monitoring", reasons.JOURNAL),
    idle("video_clip_mode", "of videos"),
    idle("huber_delta smooth_l1_beta", "there is no such loss; loss_type = huber comes nearest"),
    idle(_of_model("self_attn_lr cross_attn_lr mlp_lr mod_lr"), reasons.BLOCKS),
    idle(_of_model("cache_text_embeddings text_encoder_nf4 text_encoder_fp8"), _TEXTS),
    idle(_of_model("multiscale_loss_weight"), "the loss has no further sizes here"),
    idle(_of_model("guidance"), "of bases that take the guidance as an input"),
    idle(
        _of_model(
            """audio_vae bypass_guidance_embedding byt5_path cfg ckpt_path clip_path diffusers_path diffusion_model
            diffusion_model_dtype first_frame_conditioning_p image_shift llama3_4bit llama3_path lumina_shift
            max_llama3_sequence_length max_sequence_length max_t min_t merge_adapters single_file_path t5_path text_encoder
            text_encoder_path text_encoders transformer vae path"""
        ),
        _OTHER_MODELS,
    ),
    idle("adapter.dtype lora.dtype", "the LoRA itself stays fp32 here"),
    idle("adapter.exclude_modules", reasons.WHICH_LAYERS),
    idle("adapter.decompose_factor adapter.rank_dropout", "of a LoKr"),
    idle("adapter.alpha", "it is refused there: alpha is the rank"),
    idle("adapter.fuse_adapters", "a LoRA is merged into a base by `lora-tui lora`, before a bake"),
    idle("optimizer.gradient_release", reasons.MEMORY),
    idle("optimizer.beta2_half_life", "there is no such amount here; name beta2 in betas"),
)
"""Rows of all keys that set nothing, of every version."""
