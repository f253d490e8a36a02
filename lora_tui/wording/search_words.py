"""What people call things that a search for settings is to find: one record for each group of words that mean the same."""

from dataclasses import dataclass

from trainer.families.registry import FAMILIES


@dataclass(frozen=True)
class SearchWords:
    """Words that mean one thing.

    Attributes:
        words: in small letters; a search for one of them finds what follows.
        settings: those meant, the likeliest first. Those that a word only touches find themselves by their `synonyms`.
        actions: ids of the actions that do it or lead to it, where it is no setting, or not only one.
        option: the option of sd-scripts that does it there and is none here, which has a way out of its own.
        note: what else to say of it.
    """

    words: tuple[str, ...]
    settings: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    option: str = ""
    note: str = ""


SEARCH_WORDS: tuple[SearchWords, ...] = (
    # Memory and speed
    SearchWords(
        ("vram", "oom", "out of memory", "cuda out of memory", "gpu memory", "memory", "8gb", "low vram", "lowvram"),
        (
            "gradient_checkpointing",
            "micro_batch_size",
            "train_batch_size",
            "resolution",
            "mixed_precision",
            "encoder_off_card",
            "int8_base",
            "fp8_base",
            "checkpointed_blocks",
            "blocks_to_swap",
            "network_dim",
        ),
        ("plan.fit", "plan.open"),
    ),
    SearchWords(
        ("speed", "slow", "faster", "it/s", "its", "seconds per step"),
        ("sdpa", "torch_compile", "gradient_checkpointing", "mixed_precision", "train_batch_size", "xformers"),
        ("plan.fit",),
    ),
    SearchWords(("precision", "fp16", "bf16", "half", "dtype"), ("mixed_precision", "save_precision", "no_half_vae")),
    SearchWords(("batch", "batchsize", "bs"), ("train_batch_size", "micro_batch_size", "gradient_accumulation_steps")),
    # Length
    SearchWords(
        ("steps", "length", "duration", "how long", "train steps", "total steps", "max steps"),
        ("max_train_steps", "max_train_epochs", "train_minutes", "dataset_repeats", "num_repeats"),
        ("plan.open",),
    ),
    SearchWords(
        ("epochs", "epoch", "num epochs"),
        ("max_train_epochs", "save_every_n_epochs", "sample_every_n_epochs"),
    ),
    SearchWords(("repeats", "repeat", "num repeats"), ("num_repeats", "dataset_repeats")),
    SearchWords(
        ("resume", "continue", "save state", "state"),
        ("keep_states", "save_state_every_n_steps", "state_budget", "network_weights"),
        ("bake.resume", "bake.fork"),
    ),
    # Rates
    SearchWords(
        ("learning rate", "lr", "rate"),
        ("learning_rate", "unet_lr", "text_encoder_lr", "text_encoder_lr2", "lr_scheduler", "lr_warmup_steps"),
    ),
    SearchWords(
        ("te", "text encoder", "clip", "te lr", "te1", "text-encoder"),
        (
            "text_encoder_lr",
            "text_encoder_stop",
            "text_encoder_lr2",
            "text_encoder_stop2",
            "text_encoder_lr_scheduler",
            "text_encoder_lr_warmup_steps",
            "network_train_unet_only",
            "network_train_text_encoder_only",
            "encoder_off_card",
            "clip_skip",
        ),
        ("bake.stop-part",),
    ),
    SearchWords(("unet", "u-net"), ("unet_lr", "unet_stop", "network_train_unet_only")),
    SearchWords(
        ("cosine", "scheduler", "schedule", "decay", "constant", "restarts", "annealing"),
        ("lr_scheduler", "lr_scheduler_num_cycles", "text_encoder_lr_scheduler", "lr_scheduler_min_lr_ratio"),
    ),
    SearchWords(("warmup", "warm up", "warm-up"), ("lr_warmup_steps", "text_encoder_lr_warmup_steps")),
    SearchWords(
        ("optimizer", "adam", "adamw", "adamw8bit", "8bit adam", "lion", "prodigy", "dadaptation", "adafactor"),
        ("optimizer_type", "optimizer_args"),
    ),
    SearchWords(("weight decay", "betas", "beta1", "eps", "momentum"), ("optimizer_args",)),
    SearchWords(("clipping", "grad norm", "gradient clipping"), ("max_grad_norm",)),
    SearchWords(("lora+", "loraplus", "lora plus"), ("loraplus_lr_ratio", "loraplus_unet_lr_ratio")),
    # The LoRA
    SearchWords(
        ("rank", "dim", "lora rank", "lora dim", "r", "size of the lora", "file size"),
        ("network_dim", "network_alpha", "conv_dim", "rank_dropout", "save_precision"),
        ("bench.open",),
    ),
    SearchWords(("alpha", "lora alpha", "scale"), ("network_alpha", "conv_alpha", "scale_weight_norms")),
    SearchWords(
        ("dropout",),
        (
            "network_dropout",
            "rank_dropout",
            "module_dropout",
            "caption_dropout_rate",
            "caption_tag_dropout_rate",
            "caption_dropout_every_n_epochs",
        ),
    ),
    SearchWords(("locon", "lycoris", "convolution", "conv"), ("conv_dim", "conv_alpha")),
    SearchWords(("max norm", "weight norm", "scale norms"), ("scale_weight_norms",)),
    # Noise and loss
    SearchWords(
        ("snr", "min snr", "minsnr", "gamma"),
        ("min_snr_gamma", "snr_schedule", "zero_terminal_snr", "debiased_estimation_loss"),
    ),
    SearchWords(("ztsnr", "zsnr", "zero snr", "rescale betas"), ("zero_terminal_snr", "noise_offset")),
    SearchWords(("vpred", "v pred", "v-pred", "v prediction", "epsilon"), ("v_parameterization", "zero_terminal_snr")),
    SearchWords(
        ("dark images", "contrast", "too bright", "too dark", "grey images"),
        ("noise_offset", "multires_noise_iterations", "zero_terminal_snr"),
    ),
    SearchWords(("pyramid noise", "multires"), ("multires_noise_iterations", "multires_noise_discount")),
    SearchWords(("timestep", "timesteps"), ("timestep_sampling", "min_timestep", "max_timestep")),
    SearchWords(
        ("flow", "flow matching", "rectified flow", "sigma shift"),
        ("discrete_flow_shift", "timestep_sampling", "logit_std", "sample_shift"),
    ),
    SearchWords(("loss", "mse", "huber", "loss function"), ("loss_type", "huber_schedule", "min_snr_gamma")),
    # Data
    SearchWords(
        ("trigger", "trigger word", "activation token", "instance prompt", "concept"),
        ("subject", "caption_prefix", "keep_tokens", "training_comment"),
        ("subject.new",),
        note="the trigger words stand in the subject's own file, subjects/NAME.toml",
    ),
    SearchWords(
        ("flip", "mirror", "horizontal flip", "augmentation", "random flip"), ("train_data_dir",), option="flip_aug"
    ),
    SearchWords(("crop", "random crop", "center crop"), ("enable_bucket", "bucket_no_upscale"), option="random_crop"),
    SearchWords(
        ("blur", "blurred", "blurry", "sharpness", "low resolution", "small pictures", "upscaled"),
        ("bucket_no_upscale", "min_bucket_reso", "resolution"),
        ("dataset.open", "checks.open"),
    ),
    SearchWords(("duplicates", "duplicate", "near duplicates"), (), ("dataset.open", "checks.open")),
    SearchWords(("bucket", "buckets", "aspect ratio"), ("enable_bucket", "min_bucket_reso", "max_bucket_reso")),
    SearchWords(
        ("image size", "width", "height", "px", "pixels"), ("resolution", "max_bucket_reso", "sample_resolution")
    ),
    SearchWords(
        ("dataset", "data set", "images", "pictures", "image folder", "data"),
        ("train_data_dir", "dataset_config", "reg_data_dir", "validation_data_dir"),
        ("subject.new",),
    ),
    SearchWords(
        ("captions", "caption", "tags", "tag"),
        ("caption_extension", "shuffle_caption", "keep_tokens", "caption_prefix", "caption_tag_dropout_rate"),
        ("dataset.open",),
    ),
    SearchWords(("shuffle", "shuffle tags"), ("shuffle_caption", "keep_tokens")),
    SearchWords(
        ("regularization", "regularisation", "prior preservation", "class images", "reg"),
        ("reg_data_dir", "prior_loss_weight"),
    ),
    SearchWords(
        ("validation", "val", "held out", "holdout", "test set"),
        ("validation_split", "validation_data_dir", "validation_outfit", "validate_every_n_steps"),
        ("data.hold-out",),
    ),
    SearchWords(
        ("mask", "masked", "masked training", "background"), ("masked_loss", "conditioning_data_dir", "alpha_mask")
    ),
    # The base
    SearchWords(
        ("checkpoint", "base model", "model", *FAMILIES, "sd15", "pony", "noobai", "illustrious"),
        ("pretrained_model_name_or_path", "vae", "network_weights"),
    ),
    SearchWords(
        ("black images", "nan", "nans", "inf"), ("no_half_vae", "mixed_precision", "max_bad_steps", "on_bad_steps")
    ),
    # What comes of it
    SearchWords(
        ("preview", "previews", "sample", "samples", "sample images", "validation prompt"),
        ("sample_every_n_epochs", "sample_every_n_steps", "sample_prompts", "sample_seeds"),
        ("grid.screen",),
    ),
    SearchWords(
        ("random", "reproducible", "determinism", "deterministic"), ("seed", "init_seed", "order_seed", "noise_seed")
    ),
    SearchWords(
        ("overfitting", "overfit", "overtrained", "overcooked", "burnt", "fried", "undertrained", "underfit"),
        ("measure_memorization", "network_dropout", "scale_weight_norms"),
        ("doneness.open", "advice.open"),
    ),
    SearchWords(("noise floor", "twin", "variance", "luck"), ("init_seed", "order_seed", "noise_seed"), ("bake.twin",)),
    SearchWords(
        ("logs", "log", "tensorboard", "wandb", "logging"), (), ("view.log", "journal.open"), option="logging_dir"
    ),
    SearchWords(("name", "file name", "output", "output name"), ("output_name", "subject")),
    SearchWords(
        ("ema",), (), note="no averaged copy of the LoRA is trained here; mixing saved epochs does the like of it"
    ),
    SearchWords(("notification", "notify", "email", "shutdown"), ("on_done", "on_trouble")),
    SearchWords(
        ("preset", "presets", "config", "toml"),
        ("dataset_config",),
        ("settings.open", "settings.edit-text", "settings.import"),
    ),
    SearchWords(
        ("trainer", "kohya", "onetrainer", "ai-toolkit", "compare"),
        ("behave_like",),
        ("parity.open", "settings.import"),
    ),
    SearchWords(("sweep", "grid search", "ladder", "hyperparameter search"), (), ("ladders.open",)),
)
"""In no particular order: a word stands in one group alone."""

# Options of diffusers' LoRA scripts, which no importer reads, where their names are others than sd-scripts'.
DIFFUSERS_OPTIONS: dict[str, tuple[str, ...]] = {
    "snr_gamma": ("min_snr_gamma",),
    "lr_num_cycles": ("lr_scheduler_num_cycles",),
    "lr_power": ("lr_scheduler_power",),
    "num_train_epochs": ("max_train_epochs",),
    "instance_data_dir": ("train_data_dir",),
    "instance_prompt": ("caption_prefix", "subject"),
    "class_data_dir": ("reg_data_dir",),
    "with_prior_preservation": ("reg_data_dir", "prior_loss_weight"),
    "num_validation_images": ("sample_seeds",),
    "validation_epochs": ("sample_every_n_epochs",),
    "validation_steps": ("sample_every_n_steps",),
    "checkpointing_steps": ("save_state_every_n_steps",),
    "checkpoints_total_limit": ("keep_states",),
    "resume_from_checkpoint": ("keep_states",),
    "proportion_empty_prompts": ("caption_dropout_rate",),
    "enable_xformers_memory_efficient_attention": ("xformers",),
    "use_8bit_adam": ("optimizer_type",),
    "adam_weight_decay": ("optimizer_args",),
    "adam_beta1": ("optimizer_args",),
    "adam_beta2": ("optimizer_args",),
    "adam_epsilon": ("optimizer_args",),
    "text_encoder_lr": ("text_encoder_lr",),
    "lora_dropout": ("network_dropout",),
    "lora_alpha": ("network_alpha",),
    "image_column": ("train_data_dir",),
    "caption_column": ("caption_extension",),
    "pretrained_vae_model_name_or_path": ("vae",),
    "offset_noise": ("noise_offset",),
}
"""Option -> our settings, the likeliest first."""
