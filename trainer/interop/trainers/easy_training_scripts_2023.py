"""Easy Training Scripts' JSON of 2023: its store of arguments as it was, from the command line's script and from the popup's.

The values are Python's, so what is `null` was not passed on. Behaviour as of 2023-02-09; keys up to 2023-05, when the program became
another one with TOML (`easy_training_scripts.py`).
"""

from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import (
    ANY_NAME,
    Values,
    arguments,
    each,
    entries,
    idle,
    if_number,
    is_blank,
    is_on,
    known_share,
    number,
    or_blank,
    or_zero,
    renamed,
    same,
    switch,
    table,
    whole,
)

_TOOL = "of the program itself: its queue of files, its lists of tags"


def share(value: object) -> Reading:
    """Return a warm-up that is given as a share of the bake."""
    found = number(value) or 0
    return Reading({"lr_warmup_steps": f"{whole(round(found * 100, 10))}%" if found > 0 else 0})


def _only(key: str, option: str, condition: str, holds: str) -> KeyRule:
    """Return the row of a key that is passed on only where another one has a value, or is on."""

    def read(value: object, values: Values) -> Reading:
        other = values.get(condition)
        if (str(other) != holds) if holds else (other is not None and not is_on(other)):
            return Reading(no_effect=f"only with {condition}{f' {holds}' if holds else ''}")
        return Reading({option: None}) if is_blank(value) or number(value) == 0 else Reading({option: value})

    return KeyRule(key, (option,), f"only with {condition}{f' {holds}' if holds else ''}", read)


def _read_resolution(value: object, values: Values) -> Reading:
    height = values.get("height_resolution")
    return Reading({"resolution": f"{value},{height}" if number(height) else value})


def _read_epochs(value: object, values: Values) -> Reading:
    if number(values.get("max_steps")):
        return Reading(no_effect="max_steps is set, and decides")
    return Reading({"max_train_epochs": value})


def _read_steps(value: object, _: Values) -> Reading:
    if not number(value):
        return Reading(no_effect="null: num_epochs decides")
    return Reading({"max_train_steps": value, "max_train_epochs": None})


def _read_accumulation(value: object, values: Values) -> Reading:
    if not number(value):
        return Reading({"gradient_accumulation_steps": 1})
    if not is_on(values.get("gradient_checkpointing")):
        return Reading({"gradient_accumulation_steps": 1}, "the program passes it on only with gradient_checkpointing")
    return Reading({"gradient_accumulation_steps": value})


def _read_text_only(value: object, values: Values) -> Reading:
    if is_on(value) and is_on(values.get("unet_only")):
        return Reading(no_effect="unet_only comes first")
    return Reading({"network_train_text_encoder_only": is_on(value)})


def _optimizer(key: str, name: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if not is_blank(values.get("optimizer_type")):
            return Reading(no_effect="optimizer_type is set, and decides")
        if is_on(value):
            return Reading({"optimizer_type": name})
        other = any(is_on(values.get(each)) for each in ("use_8bit_adam", "use_lion") if each != key)
        return Reading(no_effect="off") if other else Reading({"optimizer_type": "AdamW"})

    return KeyRule(key, ("optimizer_type",), f"{name}, or AdamW", read)


def _read_v(value: object, values: Values) -> Reading:
    return Reading({"v_parameterization": is_on(value) and is_on(values.get("v2"))})


def _conv(key: str, option: str) -> KeyRule:
    return _only(key, option, "locon", "")


RULES: tuple[KeyRule, ...] = table(
    renamed("base_model", "pretrained_model_name_or_path"),
    renamed("img_folder", "train_data_dir"),
    or_blank("reg_img_folder", "reg_data_dir"),
    or_blank("dataset_config"),
    renamed("output_folder", "output_dir"),
    or_blank("change_output_name", "output_name"),
    renamed("net_dim", "network_dim"),
    or_zero("alpha", "network_alpha", zero=0, otherwise="network_dim"),
    KeyRule(
        "locon",
        ("network_module",),
        read=lambda value, _: Reading(
            {"network_module": "locon.locon_kohya"} if is_on(value) else {}, "" if is_on(value) else "off"
        ),
    ),
    _conv("locon_dim", "conv_dim"),
    _conv("locon_alpha", "conv_alpha"),
    idle("lyco", reasons.LYCORIS),
    or_blank("network_module"),
    renamed("scheduler", "lr_scheduler"),
    _only("cosine_restarts", "lr_scheduler_num_cycles", "scheduler", "cosine_with_restarts"),
    _only("scheduler_power", "lr_scheduler_power", "scheduler", "polynomial"),
    or_blank("lr_scheduler_type"),
    KeyRule(
        "warmup_lr_ratio",
        ("lr_warmup_steps",),
        "a share of the bake; until 2023-02-10 the program itself lost it on loading a file, where it cut 0.05 to 0",
        if_number("lr_warmup_steps", lambda value, _: share(value)),
    ),
    or_zero("learning_rate", zero=2e-6, otherwise="sd-scripts' 2e-6"),
    or_zero("text_encoder_lr"),
    or_zero("unet_lr"),
    switch("unet_only", "network_train_unet_only"),
    KeyRule("text_only", ("network_train_text_encoder_only",), "unless unet_only", _read_text_only),
    or_zero("num_workers", "max_data_loader_n_workers"),
    switch("persistent_workers", "persistent_data_loader_workers"),
    renamed("batch_size", "train_batch_size"),
    KeyRule("num_epochs", ("max_train_epochs",), "unless max_steps is set", _read_epochs),
    KeyRule("max_steps", ("max_train_steps", "max_train_epochs"), "null: num_epochs decides", _read_steps),
    or_zero("save_every_n_epochs"),
    or_zero("save_at_n_epochs", "save_every_n_epochs"),
    each(or_zero, "save_n_epoch_ratio save_last_n_epochs save_last_n_epochs_state"),
    switch("shuffle_captions", "shuffle_caption"),
    or_zero("keep_tokens", zero=0),
    KeyRule("train_resolution", ("resolution",), "the width, where height_resolution is set", _read_resolution),
    KeyRule(
        "height_resolution",
        ("resolution",),
        "the height beside train_resolution",
        lambda value, values: (
            Reading({"resolution": f"{values.get('train_resolution')},{value}"})
            if number(value) and "train_resolution" in values
            else Reading(no_effect="null: the same as train_resolution")
        ),
    ),
    switch("buckets", "enable_bucket"),
    _only("min_bucket_resolution", "min_bucket_reso", "buckets", ""),
    _only("max_bucket_resolution", "max_bucket_reso", "buckets", ""),
    or_zero("bucket_reso_steps", zero=64),
    switch("bucket_no_upscale"),
    or_blank("lora_model_for_resume", "network_weights"),
    switch("save_state"),
    or_blank("load_previous_save_state", "resume"),
    or_blank("resume"),
    or_blank("training_comment"),
    renamed("test_seed", "seed"),
    same("clip_skip mixed_precision save_precision caption_extension"),
    or_zero("prior_loss_weight", zero=0),
    switch("gradient_checkpointing"),
    KeyRule(
        "gradient_acc_steps", ("gradient_accumulation_steps",), "only with gradient_checkpointing", _read_accumulation
    ),
    renamed("save_as", "save_model_as"),
    renamed("max_clip_token_length", "max_token_length"),
    KeyRule(
        "xformers",
        ("xformers", "sdpa"),
        read=lambda value, _: Reading(
            {"xformers": is_on(value), "sdpa": False} if is_on(value) else {"xformers": False}
        ),
    ),
    _optimizer("use_8bit_adam", "AdamW8bit"),
    _optimizer("use_lion", "Lion"),
    or_blank("optimizer_type"),
    KeyRule(
        f"optimizer_args.{ANY_NAME}",
        ("optimizer_args",),
        "an argument for each name",
        lambda _, values: Reading({"optimizer_args": arguments(entries(values, "optimizer_args"))}),
    ),
    KeyRule("optimizer_args", ("optimizer_args",), read=lambda value, _: Reading({"optimizer_args": arguments(value)})),
    or_zero("max_grad_norm", zero=0),
    each(
        switch,
        "cache_latents cache_latents_to_disk color_aug flip_aug random_crop mem_eff_attn lowram weighted_captions v2",
    ),
    KeyRule("v_parameterization", ("v_parameterization",), "only with v2", _read_v),
    or_blank("vae"),
    switch("no_meta", "no_metadata"),
    or_blank("log_dir", "logging_dir"),
    each(or_blank, "log_prefix log_with log_tracker_name wandb_api_key face_crop_aug_range tokenizer_cache_dir"),
    each(or_blank, "huggingface_repo_id huggingface_repo_type huggingface_path_in_repo huggingface_token"),
    each(or_blank, "huggingface_repo_visibility"),
    each(switch, "save_state_to_huggingface resume_from_huggingface async_upload"),
    or_zero("caption_dropout_rate", zero=0),
    or_zero("caption_dropout_every_n_epochs", zero=0),
    or_zero("caption_tag_dropout_rate", zero=0),
    or_zero("token_warmup_min", zero=1),
    or_zero("token_warmup_step", zero=0),
    or_zero("noise_offset", zero=0),
    or_zero("multires_noise_iterations"),
    or_zero("multires_noise_discount", zero=0.3),
    or_zero("min_snr_gamma"),
    or_blank("sample_prompts"),
    or_blank("sample_sampler"),
    or_zero("sample_every_n_steps"),
    or_zero("sample_every_n_epochs"),
    idle(
        """save_json_folder load_json_path json_load_skip_list multi_run_folder save_json_only save_json_name tag_occurrence_txt_file
        sort_tag_occurrence_alphabetically not_selected list_of_json_to_run""",
        _TOOL,
    ),
)
"""The table of the JSON."""

_OWN = (
    "base_model",
    "img_folder",
    "net_dim",
    "test_seed",
    "warmup_lr_ratio",
    "change_output_name",
    "max_clip_token_length",
)


def _recognises(document: SourceDocument) -> bool:
    # The store's own lines, `self.net_dim: int = 128`, are what guides quote.
    if document.syntax not in ("json", "variables"):
        return False
    keys = [key.key.partition(".")[0] for key in document.keys]
    return any(key in _OWN for key in keys) and known_share(RULES, keys) >= 0.5


def _profile(values: Values) -> str:
    # The popup's store alone has this name.
    return "easy training scripts popup 2023-02" if "save_at_n_epochs" in values else "easy training scripts 2023-02"


def _notes(values: Values) -> tuple[str, ...]:
    found = []
    share_of = number(values.get("warmup_lr_ratio")) or 0
    if 0 < share_of < 1:
        found.append(
            "Until 2023-02-10 the program cut a warm-up below 1 to 0 when it loaded a file: a bake from this file had none, one that wrote it had it."
        )
    if (number(values.get("gradient_acc_steps")) or 0) > 1 and not is_on(values.get("gradient_checkpointing")):
        found.append(
            "The program passes gradient_acc_steps on only together with gradient_checkpointing, which is off."
        )
    return tuple(found)


EASY_TRAINING_SCRIPTS_2023 = TrainerFormat(
    "easy-training-scripts-2023",
    "Easy Training Scripts, JSON (2023)",
    _recognises,
    RULES,
    _profile,
    _notes,
    unprefixed=lambda key: f"optimizer_args.{ANY_NAME}" if key.startswith("optimizer_args.") else key,
)
