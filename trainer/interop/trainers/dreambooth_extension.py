"""sd_dreambooth_extension's `db_config.json`: one flat table with a list of concepts, of 2022-12 to today.

Older files name three concepts as `c1_…` to `c3_…`, and the window's own names begin with `db_`; both are the same keys here.
Behaviour as of 2023-02-09: a LoRA there is cloneofsimo's, without an alpha.
"""

from collections.abc import Callable, Mapping

from trainer.interop.places import row_of
from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.dreambooth_extension_concepts import concept_keys
from trainer.interop.trainers.rules import (
    Values,
    idle,
    if_number,
    is_blank,
    is_on,
    known_share,
    number,
    renamed,
    same,
    table,
    text_of,
)
from trainer.optimizers import OPTIMIZERS

PROFILE = "sd_dreambooth_extension 2023-02"

_OPTIMIZERS = {
    "torch adamw": "AdamW",
    "8bit adamw": "AdamW8bit",
    "8bit adam": "AdamW8bit",
    "lion": "Lion",
    "prodigy": "Prodigy",
    "adafactor": "Adafactor",
}
_SCHEDULERS = {
    "constant": "constant",
    "constant_with_warmup": "constant_with_warmup",
    "linear_with_warmup": "linear",
    "cosine": "cosine",
    "cosine_with_restarts": "cosine_with_restarts",
    "cosine_annealing": "cosine_with_min_lr",
    "polynomial": "polynomial",
    "rex": "rex",
}
_CHECKPOINTS = "every saved epoch is a LoRA file, and keep_states says which training states stay"
_MODELS = "of the extension's folder of models"


def _of_lora(values: Values) -> bool:
    return is_on(values.get("use_lora", False))


def _counts_steps(values: Values) -> bool:
    """Return whether a file is of before 2023, when lengths and intervals were steps."""
    return (number(values.get("max_train_steps")) or 0) > 0


def _when(condition: Callable[[Values], bool], option: str, otherwise: str) -> Callable[[object, Values], Reading]:
    return lambda value, values: Reading({option: value}) if condition(values) else Reading(no_effect=otherwise)


def _read_rate(value: object, values: Values) -> Reading:
    if _of_lora(values):
        return Reading(no_effect="with use_lora the rates of the LoRA are used")
    return Reading({"learning_rate": value})


def _read_rank(value: object, values: Values) -> Reading:
    options: dict[str, object] = {"network_dim": value, "network_alpha": value}
    return Reading(
        options | ({"conv_dim": value, "conv_alpha": value} if is_on(values.get("use_lora_extended")) else {})
    )


def _read_text_rank(value: object, values: Values) -> Reading:
    other = values.get("lora_unet_rank", 4)
    if number(value) == number(other):
        return Reading(no_effect="the same as the U-Net's, as here")
    return Reading(no_effect=f"a LoRA here has one rank for all parts: the U-Net's, {other}")


def _read_extended(value: object, values: Values) -> Reading:
    if not is_on(value):
        return Reading(no_effect="no LoRA on convolutions")
    rank = values.get("lora_unet_rank", values.get("lora_rank", 4))
    return Reading({"conv_dim": rank, "conv_alpha": rank})


def _read_source(value: object, values: Values) -> Reading:
    return Reading(no_effect="blank") if is_blank(value) else Reading({"pretrained_model_name_or_path": value})


def _read_working_folder(value: object, values: Values) -> Reading:
    if text_of(values, "src"):
        return Reading(no_effect="the extension's own copy of src")
    return Reading({"pretrained_model_name_or_path": value})


def _name(key: str, before: tuple[str, ...]) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        if is_blank(value):
            return Reading(no_effect="blank")
        if winner := next((each for each in before if text_of(values, each)), ""):
            return Reading(no_effect=f"{winner} is set")
        return Reading({"output_name": value})

    return KeyRule(key, ("output_name",), read=read)


def _read_epochs(value: object, values: Values) -> Reading:
    if _counts_steps(values):
        return Reading(no_effect="max_train_steps decides")
    return Reading({"max_train_epochs": value})


def _read_steps(value: object, values: Values) -> Reading:
    if not _counts_steps(values):
        return Reading(no_effect="num_train_epochs decides")
    return Reading({"max_train_steps": value})


def _read_stop(value: object, values: Values) -> Reading:
    share = number(value)
    if share is None:
        return Reading(no_effect="no number")
    if share <= 0:
        return Reading({"network_train_unet_only": True})
    if share >= 1:
        return Reading(no_effect="the text encoder trains to the end, here too")
    return Reading({"text_encoder_stop": f"{share * 100:.10g}%"})


def _read_trains_encoder(value: object, values: Values) -> Reading:
    if "stop_text_encoder" in values:
        return Reading(no_effect="stop_text_encoder decides")
    return Reading({"network_train_unet_only": not is_on(value)})


def _read_trains_unet(value: object, values: Values) -> Reading:
    return Reading({"network_train_text_encoder_only": not is_on(value)})


def _read_old_optimizer(value: object, values: Values) -> Reading:
    if text_of(values, "optimizer"):
        return Reading(no_effect="optimizer decides")
    return Reading({"optimizer_type": "AdamW8bit" if is_on(value) else "AdamW"})


def _read_optimizer(value: object, values: Values) -> Reading:
    found = _OPTIMIZERS.get(str(value).strip().lower())
    if found is None:
        return Reading(no_effect=reasons.no_optimizer(value))
    return Reading({"optimizer_type": found})


def _chosen(values: Values) -> str:
    if text_of(values, "optimizer"):
        return _OPTIMIZERS.get(text_of(values, "optimizer").lower(), "")
    return "AdamW8bit" if is_on(values.get("use_8bit_adam", True)) else "AdamW"


def _argument(key: str, name: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        chosen = _chosen(values)
        if chosen not in OPTIMIZERS or name not in OPTIMIZERS[chosen].arguments or number(value) is None:
            return Reading(no_effect=reasons.NO_ARGUMENT)
        return Reading({"optimizer_args": [f"{name}={value}"]})

    return KeyRule(key, ("optimizer_args",), f"as `{name}=…`", read)


def _beta(key: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        first, second = (number(values.get(f"adam_beta{place}")) for place in (1, 2))
        if first is None or second is None or _chosen(values) not in ("AdamW", "AdamW8bit"):
            return Reading(no_effect="the optimizer's own")
        return Reading({"optimizer_args": [f"betas={first:g}:{second:g}"]})

    return KeyRule(key, ("optimizer_args",), "both as `betas=…:…`", read)


def _read_scheduler(value: object, values: Values) -> Reading:
    found = _SCHEDULERS.get(str(value))
    if found is None:
        return Reading(no_effect=f"there is no such schedule here: {value}")
    return Reading({"lr_scheduler": found})


def _read_warmup(value: object, values: Values) -> Reading:
    pictures = number(value)
    if pictures is None:
        return Reading(no_effect="no number")
    if _counts_steps(values):
        return Reading({"lr_warmup_steps": int(pictures)})
    batch = number(values.get("train_batch_size")) or 1
    accumulated = number(values.get("gradient_accumulation_steps")) or 1
    return Reading({"lr_warmup_steps": int(pictures / max(1, batch * accumulated))})


def _read_token_length(value: object, values: Values) -> Reading:
    if str(value) in ("75", "150", "225"):
        return Reading({"max_token_length": value})
    return Reading(no_effect="75, 150 and 225 are the lengths here")


def _read_attention(value: object, values: Values) -> Reading:
    if str(value) == "xformers":
        return Reading({"xformers": True})
    return Reading(no_effect=reasons.ATTENTION)


def _read_gamma(value: object, values: Values) -> Reading:
    return Reading({"min_snr_gamma": value if number(value) else None})


def _interval(epochs: str, steps: str) -> Callable[[object, Values], Reading]:
    def read(value: object, values: Values) -> Reading:
        amount = value if number(value) else None
        if _counts_steps(values):
            return Reading({steps: amount, epochs: None})
        return Reading({epochs: amount})

    return read


def _read_concepts_path(value: object, values: Values) -> Reading:
    if is_blank(value):
        return Reading(no_effect="blank")
    if not is_on(values.get("use_concepts", False)):
        return Reading(no_effect="use_concepts is off")
    return Reading(no_effect=reasons.CONCEPTS_FILE)


_RULES = table(
    KeyRule("use_lora", why="a bake here trains a LoRA", exported=False),
    KeyRule("src", ("pretrained_model_name_or_path",), "the checkpoint that the extension copied", _read_source),
    KeyRule("pretrained_model_name_or_path", ("pretrained_model_name_or_path",), "", _read_working_folder),
    renamed("pretrained_vae_name_or_path", "vae"),
    _name("custom_model_name", ()),
    _name("model_name", ("custom_model_name",)),
    KeyRule(
        "lora_unet_rank",
        ("network_dim", "network_alpha", "conv_dim", "conv_alpha"),
        "alpha is the rank: scale 1, as there",
        _read_rank,
    ),
    KeyRule(
        "lora_rank",
        ("network_dim", "network_alpha", "conv_dim", "conv_alpha"),
        "alpha is the rank: scale 1, as there",
        _read_rank,
    ),
    KeyRule("lora_txt_rank", (), read=_read_text_rank, why="a LoRA here has one rank for all parts"),
    KeyRule("use_lora_extended", ("conv_dim", "conv_alpha"), "convolutions get the U-Net's rank", _read_extended),
    KeyRule("lora_learning_rate", ("unet_lr",), read=_when(_of_lora, "unet_lr", "use_lora is off")),
    KeyRule("lora_txt_learning_rate", ("text_encoder_lr",), read=_when(_of_lora, "text_encoder_lr", "use_lora is off")),
    KeyRule("learning_rate", ("learning_rate",), read=_read_rate),
    KeyRule(
        "txt_learning_rate",
        ("text_encoder_lr",),
        read=_when(
            lambda values: not _of_lora(values), "text_encoder_lr", "with use_lora the rates of the LoRA are used"
        ),
    ),
    KeyRule("num_train_epochs", ("max_train_epochs",), read=_read_epochs),
    KeyRule("max_train_steps", ("max_train_steps",), "of before 2023: above 0 it decides", _read_steps),
    KeyRule(
        "stop_text_encoder",
        ("text_encoder_stop", "network_train_unet_only"),
        "a share of the bake, 1 is never, 0 the U-Net alone",
        _read_stop,
    ),
    KeyRule("train_text_encoder", ("network_train_unet_only",), "off trains the U-Net alone", _read_trains_encoder),
    KeyRule("train_unet", ("network_train_text_encoder_only",), "off trains the text encoder alone", _read_trains_unet),
    KeyRule("optimizer", ("optimizer_type",), "its name here", _read_optimizer),
    KeyRule("use_8bit_adam", ("optimizer_type",), "AdamW8bit, or AdamW", _read_old_optimizer),
    _argument("adamw_weight_decay", "weight_decay"),
    _argument("adam_weight_decay", "weight_decay"),
    _argument("weight_decay", "weight_decay"),
    _argument("adam_epsilon", "eps"),
    _beta("adam_beta1"),
    _beta("adam_beta2"),
    KeyRule("lr_scheduler", ("lr_scheduler",), read=_read_scheduler),
    KeyRule(
        "lr_warmup_steps",
        ("lr_warmup_steps",),
        "counts pictures: divided by the batch and what is accumulated",
        _read_warmup,
    ),
    renamed("lr_cycles", "lr_scheduler_num_cycles"),
    renamed("lr_power", "lr_scheduler_power"),
    same(
        "resolution train_batch_size gradient_accumulation_steps gradient_checkpointing clip_skip mixed_precision cache_latents "
        "prior_loss_weight max_grad_norm v2 seed"
    ),
    KeyRule("max_token_length", ("max_token_length",), read=_read_token_length),
    KeyRule("attention", ("xformers",), read=_read_attention),
    renamed("hflip", "flip_aug"),
    renamed("shuffle_tags", "shuffle_caption"),
    renamed("offset_noise", "noise_offset"),
    KeyRule("min_snr_gamma", ("min_snr_gamma",), "0 is off", _read_gamma),
    KeyRule(
        "save_embedding_every",
        ("save_every_n_epochs", "save_every_n_steps"),
        "0 is never",
        if_number("save_every_n_epochs", _interval("save_every_n_epochs", "save_every_n_steps")),
    ),
    KeyRule(
        "save_preview_every",
        ("sample_every_n_epochs", "sample_every_n_steps"),
        "0 is never",
        _interval("sample_every_n_epochs", "sample_every_n_steps"),
    ),
    KeyRule("concepts_path", (), read=_read_concepts_path, why="that file is not opened"),
    concept_keys(),
    KeyRule("sanity_prompt", ("subject.prompts[sanity]",), "a test prompt of the subject"),
    idle("concepts_list use_concepts", "read together with the concepts"),
    idle("lora_model_name", "a LoRA to continue from: name its .safetensors file as network_weights"),
    idle(
        "lora_weight lora_txt_weight save_lora_for_extra_net half_lora lora_use_buggy_requires_grad",
        "of the checkpoint that it makes of the LoRA",
    ),
    idle(
        "model_dir model_path models_path revision lifetime_revision initial_revision epoch snapshot output_dir",
        _MODELS,
    ),
    idle(
        "shared_diffusers_path use_shared_src model_type half_model has_ema scheduler train_unfrozen unfreeze_model use_subdir",
        _MODELS,
    ),
    idle(
        "save_ckpt_after save_ckpt_cancel save_ckpt_during save_lora_after save_lora_cancel save_lora_during",
        _CHECKPOINTS,
    ),
    idle("save_state_after save_state_cancel save_state_during save_safetensors save_ema", _CHECKPOINTS),
    idle("save_use_epochs save_use_global_counts", _CHECKPOINTS),
    idle("sanity_seed sample_batch_size disable_class_matching save_class_txt", reasons.SAMPLES),
    idle("use_ema ema_predict infer_ema", reasons.NO_AVERAGE),
    idle("epoch_pause_frequency epoch_pause_time", "a bake makes no breaks; it can be paused"),
    idle("graph_smoothing disable_logging", reasons.JOURNAL),
    idle(
        "freeze_clip_normalization freeze_spectral_norm strict_tokens pad_tokens",
        "captions are padded, and the encoder's base is frozen, by itself",
    ),
    idle("gradient_set_to_none full_mixed_precision deterministic tf32_enable", "has no use here"),
    idle("learning_rate_min min_learning_rate lr_factor lr_scale_pos", "of schedules that are not here"),
    idle(
        "prior_loss_scale prior_loss_target prior_loss_weight_min split_loss",
        "a regularisation picture has the one weight prior_loss_weight",
    ),
    idle("not_cache_latents center_crop", "latents are cached, and pictures cropped in the middle, by themselves"),
    idle(
        "noise_scheduler deis_train_scheduler input_pertubation dynamic_img_norm use_dream dream_detail_preservation",
        "the noise is the base's own",
    ),
    idle("tomesd enable_tomesd", "there is no merging of tokens here"),
    idle("tenc_weight_decay tenc_grad_clip_norm", "the optimizer's arguments are the same for all parts"),
    idle(
        "adaptation_beta1 adaptation_beta2 adaptation_d0 adaptation_eps adaptation_growth_rate adaptation_momentum",
        "of optimizers that are not here",
    ),
    idle("train_imagic train_conditioning use_cpu scale_lr train_text_encoder_steps", "is not done here"),
    idle("shuffle_after_epoch total_steps with_prior_preservation", "the extension's own"),
)

_MARKS = {
    "concepts_list",
    "lora_unet_rank",
    "lora_txt_rank",
    "lora_learning_rate",
    "save_embedding_every",
    "save_preview_every",
    "stop_text_encoder",
    "pretrained_vae_name_or_path",
    "lifetime_revision",
    "num_train_epochs",
    "hflip",
    "use_lora",
    "c1_instance_data_dir",
    "concepts_path",
}


# Of before 2022-12: one concept, on the top level.
_OF_ONE_CONCEPT = frozenset(
    rule.key.removeprefix("concepts_list[*].") for rule in _RULES if rule.key.startswith("concepts_list[*].")
)


def _unprefixed(key: str) -> str:
    if key.startswith("items["):
        # A file of concepts alone.
        return f"concepts_list{key.removeprefix('items')}"
    name = key.removeprefix("db_")
    if name in _OF_ONE_CONCEPT:
        return f"concepts_list[0].{name}"
    if len(name) > 3 and name[0] == "c" and name[1] in "1234" and name[2] == "_":
        return f"concepts_list[{int(name[1]) - 1}].{name[3:]}"
    return name


def _recognises(document: SourceDocument) -> bool:
    if document.syntax not in ("json", "yaml"):
        return False
    items = document.tree.get("items")
    if isinstance(items, list) and items and isinstance(items[0], Mapping) and "instance_data_dir" in items[0]:
        return True
    names = {_unprefixed(name) for name in document.tree} | set(document.tree)
    return len(names & _MARKS) >= 3 and known_share(_RULES, (key.key for key in document.keys), _row) > 0.3


def _row(key: str) -> str:
    return row_of(_unprefixed(key))[0]


def _notes(values: Mapping[str, object]) -> tuple[str, ...]:
    notes = []
    if not _of_lora(values) and not any(key.startswith("items[") for key in values):
        notes.append("The file is for the whole model (use_lora is off). Its rates are not meant for a LoRA.")
    if is_on(values.get("v2", False)) or text_of(values, "model_type").startswith("v2"):
        notes.append(f"The file {reasons.for_another_base('a base of SD2.x')}.")
    if is_on(values.get("use_concepts", False)) and text_of(values, "concepts_path"):
        notes.append("The pictures are named in another file, which was not opened: set train_data_dir.")
    return tuple(notes)


DREAMBOOTH_EXTENSION = TrainerFormat(
    key="dreambooth-extension",
    title="sd_dreambooth_extension, db_config.json, 2022 to 2025",
    recognises=_recognises,
    rules=_RULES,
    profile=lambda values: PROFILE,
    notes=_notes,
    fixed={"enable_bucket": True, "caption_extension": ".txt"},
    unprefixed=_unprefixed,
)
