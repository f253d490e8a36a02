"""The kohya_ss GUI's JSON: one value for each of its widgets, of 2023 and of today.

A key that is missing leaves the widget as it was; today's GUI drops 0, `""` and false when it writes what sd-scripts reads, so
sd-scripts' own default is then in force. Behaviour as of v20.7.1 (2023-02) and of 2026-07.
"""

from trainer.interop.record import PROGRAM, KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers.kohya_gui_keys import OTHER_KEYS
from trainer.interop.trainers.kohya_gui_values import (
    conv_row,
    noise_row,
    notes,
    profile,
    read_attention,
    read_cycles,
    read_encoder_rate,
    read_epoch,
    read_epochs,
    read_half_vae,
    read_kind,
    read_prompts,
    read_second_rate,
    read_steps,
    read_tail,
    read_unet_rate,
    read_warmup_percent,
    read_warmup_steps,
    under_tail,
    write_attention,
    write_encoder_rate,
    write_epochs,
    write_kind,
    write_noise_kind,
    write_resolution,
    write_second_rate,
    write_tail,
    write_unet_rate,
    write_warmup_percent,
    write_warmup_steps,
)
from trainer.interop.trainers.rules import (
    constant,
    is_blank,
    is_on,
    known_share,
    listed,
    number,
    or_blank,
    or_zero,
    renamed,
    same,
    switch,
    table,
)

_ROWS = table(
    or_blank("pretrained_model_name_or_path"),
    or_blank("train_data_dir"),
    or_blank("reg_data_dir"),
    or_blank("dataset_config"),
    KeyRule("max_resolution", ("resolution",), write=write_resolution),
    switch("enable_bucket"),
    or_zero("min_bucket_reso", zero=256),
    or_zero("max_bucket_reso", zero=1024),
    or_zero("bucket_reso_steps", zero=64),
    switch("bucket_no_upscale"),
    KeyRule(
        "caption_extension",
        ("caption_extension",),
        "blank is not passed on: .caption",
        lambda value, _: Reading({"caption_extension": ".caption" if is_blank(value) else value}),
    ),
    switch("shuffle_caption"),
    or_zero("keep_tokens", zero=0),
    or_zero("caption_dropout_rate", zero=0),
    or_zero("caption_dropout_every_n_epochs", zero=0),
    KeyRule(
        "max_token_length",
        ("max_token_length",),
        read=lambda value, _: Reading({"max_token_length": value or 75}),
        write=lambda options: int(number(options.get("max_token_length")) or 75),
    ),
    switch("masked_loss"),
    or_zero("train_batch_size", zero=1),
    or_zero("prior_loss_weight", zero=1),
    or_blank("vae"),
    KeyRule(
        "sdxl_no_half_vae",
        ("no_half_vae",),
        "only with sdxl",
        read_half_vae,
        lambda options: is_on(options.get("no_half_vae")),
    ),
    switch("v_parameterization"),
    or_zero("clip_skip", zero=1),
    KeyRule(
        "LoRA_type",
        ("network_module",),
        "the module that builds it",
        read_kind,
        write_kind,
    ),
    same("network_dim"),
    or_zero("network_alpha", zero=1),
    conv_row("conv_dim"),
    conv_row("conv_alpha"),
    or_zero("network_dropout", zero=0),
    or_zero("rank_dropout", zero=0),
    or_zero("module_dropout", zero=0),
    or_zero("scale_weight_norms"),
    or_blank("network_weights"),
    KeyRule("lora_network_weights", ("network_weights",), read=or_blank("network_weights").read, exported=False),
    switch("dim_from_weights"),
    or_zero("learning_rate", zero=2e-6, otherwise="sd-scripts' 2e-6"),
    KeyRule(
        "unet_lr",
        ("unet_lr", "network_train_text_encoder_only"),
        "0: only the text encoders train; both rates 0: both parts train at learning_rate",
        read_unet_rate,
        write_unet_rate,
    ),
    KeyRule(
        "text_encoder_lr",
        ("text_encoder_lr", "network_train_unet_only"),
        "0: only the U-Net trains; both rates 0: both parts train at learning_rate",
        read_encoder_rate,
        write_encoder_rate,
    ),
    KeyRule(
        "t5xxl_lr",
        ("text_encoder_lr", "network_train_unet_only"),
        "the second encoder's rate, also SDXL's; 0: text_encoder_lr",
        read_second_rate,
        write_second_rate,
    ),
    or_zero("loraplus_lr_ratio"),
    or_zero("loraplus_unet_lr_ratio"),
    or_zero("loraplus_text_encoder_lr_ratio"),
    renamed("optimizer", "optimizer_type"),
    KeyRule(
        "use_8bit_adam",
        ("optimizer_type",),
        "AdamW8bit, or AdamW",
        lambda value, values: (
            Reading(no_effect="optimizer is set, and decides")
            if "optimizer" in values
            else Reading({"optimizer_type": "AdamW8bit" if is_on(value) else "AdamW"})
        ),
        exported=False,
    ),
    listed("optimizer_args"),
    or_zero("max_grad_norm", zero=1),
    KeyRule(
        "epoch",
        ("max_train_epochs",),
        "the steps are computed from it, unless max_train_epochs or max_train_steps is set",
        read_epoch,
        lambda options: options.get("max_train_epochs") or 1,
    ),
    KeyRule(
        "max_train_epochs",
        ("max_train_epochs",),
        "0 or blank is not passed on",
        read_epochs,
        write_epochs,
    ),
    KeyRule(
        "max_train_steps",
        ("max_train_steps", "max_train_epochs"),
        "0: computed from epoch; max_train_epochs comes first",
        read_steps,
        lambda options: 0 if options.get("max_train_epochs") else options.get("max_train_steps", 1600),
    ),
    same("lr_scheduler"),
    KeyRule(
        "lr_warmup",
        ("lr_warmup_steps",),
        "per cent of the bake, unless lr_warmup_steps is set",
        read_warmup_percent,
        write_warmup_percent,
    ),
    KeyRule("lr_warmup_steps", ("lr_warmup_steps",), "0: lr_warmup decides", read_warmup_steps, write_warmup_steps),
    KeyRule(
        "lr_scheduler_num_cycles",
        ("lr_scheduler_num_cycles",),
        "blank: one cycle for each epoch",
        read_cycles,
    ),
    or_zero("lr_scheduler_power", zero=1),
    listed("lr_scheduler_args"),
    or_blank("lr_scheduler_type"),
    or_zero("gradient_accumulation_steps", zero=1),
    KeyRule(
        "seed",
        ("seed",),
        "0 or blank: another one each time",
        lambda value, _: (
            Reading({"seed": value})
            if number(value)
            else Reading(no_effect="0 or blank: sd-scripts draws one each time")
        ),
    ),
    or_zero("min_timestep", zero=0),
    or_zero("max_timestep", zero=1000),
    noise_row("noise_offset", "Original", zero=0),
    noise_row("noise_offset_random_strength", "Original"),
    noise_row("adaptive_noise_scale", "Original"),
    noise_row("multires_noise_iterations", "Multires"),
    noise_row("multires_noise_discount", "Multires", zero=0.3),
    KeyRule(
        "noise_offset_type",
        why="it decides which of the noise settings are passed on",
        write=write_noise_kind,
    ),
    or_zero("ip_noise_gamma"),
    switch("ip_noise_gamma_random_strength"),
    same("loss_type huber_schedule"),
    or_zero("huber_c", zero=0.1),
    or_zero("huber_scale", zero=1),
    or_zero("min_snr_gamma"),
    switch("debiased_estimation_loss"),
    switch("scale_v_pred_loss_like_noise_pred"),
    or_zero("v_pred_like_loss"),
    same("mixed_precision"),
    switch("gradient_checkpointing"),
    KeyRule(
        "xformers",
        ("xformers", "sdpa"),
        "xformers, sdpa or none; true and false in old files",
        read_attention,
        write_attention,
    ),
    switch("fp8_base"),
    switch("full_fp16"),
    switch("full_bf16"),
    switch("cache_latents_to_disk"),
    or_zero("vae_batch_size", zero=1),
    or_blank("output_name"),
    or_zero("save_every_n_epochs"),
    or_zero("save_every_n_steps"),
    same("save_precision"),
    or_blank("training_comment"),
    or_zero("sample_every_n_epochs"),
    or_zero("sample_every_n_steps"),
    KeyRule(
        "sample_prompts",
        ("sample_prompts", "subject.prompts[*]", "subject.negative_prompt", "subject.seed"),
        "a line for each picture, which the GUI writes to a prompt file; here they are the subject's prompts and seeds",
        read_prompts,
        or_blank("sample_prompts").write,
    ),
    same("sample_sampler"),
    KeyRule(
        "additional_parameters",
        (),
        "the end of sd-scripts' command line, which comes before all other keys",
        read_tail,
        write_tail,
    ),
    KeyRule(
        "sdxl", why="the base's file tells", write=lambda options: str(options.get(PROGRAM, "")).startswith("sdxl")
    ),
    constant("flux1_checkbox", False, "the base's file tells; Flux is not trained here"),
    constant("sd3_checkbox", False, "the base's file tells; SD3 is not trained here"),
    OTHER_KEYS,
)

RULES = tuple(map(under_tail, _ROWS))
"""The table of the GUI's JSON."""

# Each of these is in this format alone, or tells it from sd-scripts' own names.
_OWN = ("max_resolution", "lr_warmup", "stop_text_encoder_training", "model_list", "LoRA_type", "lora_network_weights")


def _recognises(document: SourceDocument) -> bool:
    if document.syntax != "json":
        return False
    keys = [each.key for each in document.keys]
    return any(key in _OWN for key in keys) and known_share(RULES, keys) >= 0.5


KOHYA_GUI = TrainerFormat("kohya-gui", "kohya_ss GUI, JSON (2023 to today)", _recognises, RULES, profile, notes)
