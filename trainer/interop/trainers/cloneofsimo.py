"""cloneofsimo/lora's command lines: `lora_pti` and `train_lora_dreambooth.py`, as of 2023-02.

A LoRA there has no alpha: its scale is `lora_scale`, which is alpha / rank here. Textual inversion, its first half, is not here.
"""

from collections.abc import Mapping

from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, idle, is_blank, is_on, number, renamed, same, table, whole

PROFILE = "cloneofsimo lora 2023-02"

_LAUNCHER = "it is of `accelerate launch`, which starts a bake on several GPUs here too"
_INVERSION = "textual inversion is not here: the words stand in the captions"


def _read_rank(value: object, values: Values) -> Reading:
    rank, scale = number(value), number(values.get("lora_scale", 1.0))
    if rank is None or scale is None:
        return Reading(no_effect="no number")
    return Reading({"network_dim": value, "network_alpha": whole(rank * scale)})


def _read_scale(value: object, values: Values) -> Reading:
    if "lora_rank" in values:
        return Reading(no_effect="read together with lora_rank")
    rank, scale = 4.0, number(value)
    if rank is None or scale is None:
        return Reading(no_effect="no number")
    return Reading({"network_alpha": whole(rank * scale)})


def _read_encoder(value: object, _: Values) -> Reading:
    return Reading({"network_train_unet_only": not is_on(value)})


def _read_decay(value: object, values: Values) -> Reading:
    return Reading({"optimizer_args": [f"weight_decay={value}"]})


def _read_saves(value: object, _: Values) -> Reading:
    return Reading({"save_every_n_steps": value, "save_every_n_epochs": None})


def _read_schedule(value: object, values: Values) -> Reading:
    if "lr_scheduler_lora" in values:
        return Reading(no_effect="of the textual inversion; lr_scheduler_lora is the LoRA's")
    return Reading({"lr_scheduler": value})


def _read_warmup(value: object, values: Values) -> Reading:
    if "lr_warmup_steps_lora" in values:
        return Reading(no_effect="of the textual inversion; lr_warmup_steps_lora is the LoRA's")
    return Reading({"lr_warmup_steps": value})


def _read_class_folder(value: object, values: Values) -> Reading:
    if not is_on(values.get("with_prior_preservation", False)):
        return Reading(no_effect="with_prior_preservation is not there")
    if is_blank(values.get("instance_prompt")):
        return Reading({"reg_data_dir": value})
    return Reading({"datasets[0].subsets[reg].image_dir": value, "datasets[0].subsets[reg].is_reg": True})


def _factor(values: Values) -> float:
    """Return what scale_lr multiplies every rate with: the batch times what is accumulated."""
    if not is_on(values.get("scale_lr", False)):
        return 1
    return (number(values.get("gradient_accumulation_steps")) or 1) * (number(values.get("train_batch_size")) or 1)


def _rate(key: str, *options: str) -> KeyRule:
    def read(value: object, values: Values) -> Reading:
        found, factor = number(value), _factor(values)
        if found is None:
            return Reading(no_effect="no number")
        return Reading(dict.fromkeys(options, value if factor == 1 else found * factor))

    return KeyRule(key, options, "with scale_lr times the batch and what is accumulated", read)


def _read_scaled(value: object, values: Values) -> Reading:
    return Reading(no_effect="read together with the rates" if is_on(value) else "off")


def _read_folder(value: object, values: Values) -> Reading:
    if is_blank(values.get("instance_prompt")):
        return Reading({"train_data_dir": value})
    return Reading({"datasets[0].subsets[0].image_dir": value})


def _read_class_prompt(value: object, values: Values) -> Reading:
    if is_blank(value) or is_blank(values.get("class_data_dir")) or is_blank(values.get("instance_prompt")):
        return Reading(no_effect="no pictures of the class with a prompt of their own")
    return Reading({"datasets[0].subsets[reg].class_tokens": value})


def _read_prompt(value: object, values: Values) -> Reading:
    if is_blank(value):
        return Reading(no_effect="blank")
    return Reading({"datasets[0].subsets[0].class_tokens": value})


_RULES = table(
    same("pretrained_model_name_or_path output_dir resolution train_batch_size gradient_accumulation_steps"),
    same("gradient_checkpointing mixed_precision seed max_grad_norm prior_loss_weight use_8bit_adam"),
    renamed("pretrained_vae_name_or_path", "vae"),
    KeyRule("instance_data_dir", ("train_data_dir", "datasets[0].subsets[0].image_dir"), read=_read_folder),
    KeyRule("instance_prompt", ("datasets[0].subsets[0].class_tokens",), "the caption of every picture", _read_prompt),
    KeyRule(
        "class_data_dir",
        ("reg_data_dir", "datasets[0].subsets[reg].image_dir", "datasets[0].subsets[reg].is_reg"),
        "regularisation pictures, with with_prior_preservation",
        _read_class_folder,
    ),
    KeyRule(
        "class_prompt", ("datasets[0].subsets[reg].class_tokens",), "the caption of every picture", _read_class_prompt
    ),
    KeyRule("lora_rank", ("network_dim", "network_alpha"), "alpha is the rank times lora_scale", _read_rank),
    KeyRule("lora_scale", ("network_alpha",), "times the rank", _read_scale),
    renamed("lora_dropout_p", "network_dropout"),
    _rate("learning_rate_unet", "unet_lr"),
    _rate("learning_rate_text", "text_encoder_lr"),
    _rate("learning_rate", "learning_rate", "unet_lr"),
    KeyRule("train_text_encoder", ("network_train_unet_only",), "off trains the U-Net alone", _read_encoder),
    renamed("max_train_steps_tuning", "max_train_steps"),
    same("max_train_steps"),
    renamed("num_train_epochs", "max_train_epochs"),
    KeyRule("save_steps", ("save_every_n_steps", "save_every_n_epochs"), "counts steps", _read_saves),
    renamed("lr_scheduler_lora", "lr_scheduler"),
    KeyRule("lr_scheduler", ("lr_scheduler",), read=_read_schedule),
    renamed("lr_warmup_steps_lora", "lr_warmup_steps"),
    KeyRule("lr_warmup_steps", ("lr_warmup_steps",), read=_read_warmup),
    KeyRule("weight_decay_lora", ("optimizer_args",), "as `weight_decay=…`", _read_decay),
    KeyRule("adam_weight_decay", ("optimizer_args",), "as `weight_decay=…`", _read_decay),
    renamed("enable_xformers_memory_efficient_attention", "xformers"),
    renamed("use_xformers", "xformers"),
    renamed("out_name", "output_name"),
    KeyRule("scale_lr", (), read=_read_scaled, why="rates are not scaled here"),
    idle("with_prior_preservation", "read together with class_data_dir"),
    idle("adam_beta1 adam_beta2 adam_epsilon", "write them as optimizer_args where they are not the usual ones"),
    idle(
        "placeholder_tokens placeholder_token_at_data initializer_tokens use_template",
        _INVERSION,
    ),
    idle("perform_inversion max_train_steps_ti learning_rate_ti continue_inversion continue_inversion_lr", _INVERSION),
    idle("clip_ti_decay weight_decay_ti proxy_token stochastic_attribute", _INVERSION),
    idle("placeholder_token learnable_property initializer_token unfreeze_lora_step just_ti", _INVERSION),
    idle("num_class_images sample_batch_size", "pictures of the class are not made here"),
    idle(
        "color_jitter center_crop resize train_inpainting",
        "pictures are used as they are: resized, and cropped in the middle",
    ),
    idle(
        "use_face_segmentation_condition use_mask_captioned_data mask_temperature", "masks are made by other programs"
    ),
    idle(
        "lora_unet_target_modules lora_clip_target_modules use_extended_lora",
        reasons.WHICH_LAYERS,
    ),
    idle(
        "log_wandb wandb_log_prompt_cnt wandb_project_name wandb_entity logging_dir",
        reasons.JOURNAL,
    ),
    idle(
        "revision tokenizer_name output_format push_to_hub hub_token hub_model_id local_rank device extra_args",
        "has no use here",
    ),
    idle("resume_unet resume_text_encoder", "a LoRA to continue from: name it as network_weights"),
    idle("launcher", _LAUNCHER),
)
_SCRIPTS = ("lora_pti", "train_lora_dreambooth", "train_lora_w_ti", "train_lora_pt_caption")
_MARKS = {
    "instance_data_dir",
    "lora_rank",
    "learning_rate_text",
    "learning_rate_unet",
    "max_train_steps_tuning",
    "lora_scale",
}


def _recognises(document: SourceDocument) -> bool:
    if document.syntax != "command":
        return False
    script = document.tree.get("(script)")
    name = str(script.get("", "")) if isinstance(script, Mapping) else ""
    names = {key.key for key in document.keys}
    return (name in _SCRIPTS and "instance_data_dir" in names) or len(_MARKS & names) >= 2


def _notes(values: Values) -> tuple[str, ...]:
    if "max_train_steps_ti" not in values and not is_on(values.get("perform_inversion", False)):
        return ()
    return (
        "lora_pti trains an embedding first, for max_train_steps_ti steps, which is not here; the LoRA's steps are taken.",
    )


CLONEOFSIMO = TrainerFormat(
    key="cloneofsimo",
    title="cloneofsimo/lora, a command line, 2023",
    recognises=_recognises,
    rules=_RULES,
    profile=lambda values: PROFILE,
    notes=_notes,
    unprefixed=lambda key: "launcher" if key.startswith("launcher.") else key,
)
