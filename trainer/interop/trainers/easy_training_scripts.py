"""Easy Training Scripts' TOML of today: sd-scripts' options in tables by group, and a table for each folder of pictures.

`[<group>.args]` goes into sd-scripts' `--config_file`, `[<group>.dataset_args]` and `[[subsets]]` into its `--dataset_config`.
Values that are 0, false or `""` are not passed on. Behaviour as of 2025-04.
"""

import re
from collections.abc import Iterator, Mapping

from trainer.interop.option_list import OPTIONS
from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.easy_training_scripts_2023 import share
from trainer.interop.trainers.rules import (
    ANY_NAME,
    Values,
    arguments,
    each,
    entries,
    idle,
    is_blank,
    is_on,
    number,
    or_blank,
    or_zero,
    same,
    switch,
    table,
)

_OTHER_BASES = reasons.of_other_bases("Flux")
_TOOL = "of the program itself"
_NAME = "${replace}"
_RESTARTS = "CosineAnnealingWarmRestarts"
_REX = "RexAnnealingWarmRestarts"

_ENTRIES = re.compile(r"(?:\w+\.(?:args|dataset_args)\.)?(optimizer_args|lr_scheduler_args)\.(\w+)", re.ASCII)
_GROUPED = re.compile(r"(\w+)\.(args|dataset_args)\.(.+)", re.ASCII | re.DOTALL)
_NETWORK_ENTRIES = (
    "conv_dim",
    "conv_alpha",
    "rank_dropout",
    "module_dropout",
    "loraplus_lr_ratio",
    "loraplus_unet_lr_ratio",
    "loraplus_text_encoder_lr_ratio",
)
_KIND_ENTRIES = (
    "preset",
    "use_tucker",
    "use_cp",
    "train_norm",
    "rescaled",
    "constraint",
    "bypass_mode",
    "dora_wd",
    "wd_on_output",
    "factor",
)
_BLOCK_ENTRIES = (
    "down_lr_weight",
    "mid_lr_weight",
    "up_lr_weight",
    "block_dims",
    "block_alphas",
    "conv_block_dims",
    "conv_block_alphas",
)


def _bare(key: str) -> str:
    """Return a key without its group: `network_args.args.network_dim` is `network_dim`.

    Entries of free tables come under one key, `optimizer_args.NAME`; unknown ones of `network_args` keep their own.
    """
    match = _GROUPED.fullmatch(key)
    bare = match[3] if match else key
    if match and match[1] in ("flux_args", "textual_inversion_args"):
        return f"[{match[1]}]"
    entry = _ENTRIES.fullmatch(bare)
    return f"{entry[1]}.{ANY_NAME}" if entry else bare


def _replaced(key: str, option: str = "") -> KeyRule:
    """Return the row of a text in which the program puts `easy_name`."""
    option = option or key

    def read(value: object, values: Values) -> Reading:
        if is_blank(value):
            return Reading({option: None})
        return Reading({option: str(value).replace(_NAME, str(values.get("easy_name") or ""))})

    return KeyRule(key, (option,), f"{_NAME} stands for easy_name", read, or_blank(option).write)


def _read_scheduler(value: object, _: Values) -> Reading:
    """Return the schedule nearest to one of the program's own classes."""
    name = str(value)
    if name.endswith(_REX):
        return Reading({"lr_scheduler": "rex"})
    if name.endswith(_RESTARTS):
        return Reading({"lr_scheduler": "cosine_with_restarts"})
    return Reading({"lr_scheduler_type": value})


def _read_scheduler_entry(_: object, values: Values) -> Reading:
    found = entries(values, "lr_scheduler_args")
    kind = str(values.get("lr_scheduler_type") or "")
    if not kind.endswith((_REX, _RESTARTS)):
        return Reading({"lr_scheduler_args": arguments(found)})
    lowest, rate = number(found.get("min_lr")), number(values.get("learning_rate"))
    if kind.endswith(_REX) and lowest and rate:
        return Reading({"lr_scheduler_min_lr_ratio": min(1.0, lowest / rate)})
    return Reading(no_effect="the schedule here has no such value")


def _read_resolution(value: object, _: Values) -> Reading:
    return Reading({"resolution": ",".join(map(str, value)) if isinstance(value, list) else value})


def _write_resolution(options: Values) -> object:
    sides = [int(side) for side in re.split(r"[,x]", str(options.get("resolution", 512)))]
    return sides[0] if len(sides) == 1 or sides[0] == sides[1] else sides


def _write_ratio(options: Values) -> object:
    found = number(options.get("lr_warmup_steps")) or 0
    return found if 0 < found < 1 else None


def _write_steps(options: Values) -> object:
    found = number(options.get("lr_warmup_steps")) or 0
    return int(found) if found >= 1 else None


def _write_encoder_rate(options: Values) -> object:
    """Return the rate of the text encoders: the program has one for both."""
    value = options.get("text_encoder_lr")
    return value[0] if isinstance(value, list) and value else value


def _dropped(key: str, otherwise: object = None) -> KeyRule:
    """Return the row of a number whose 0 is not passed on, so that sd-scripts' own value is in force."""
    return KeyRule(key, (key,), or_zero(key, zero=otherwise).rule, or_zero(key, zero=otherwise).read)


def _writeentries(name: str, options: Values) -> object:
    value = options.get(name)
    if not isinstance(value, list) or not value:
        return None
    return {key: text for key, _, text in (str(part).partition("=") for part in value)}


def _entry(key: str) -> KeyRule:
    """Return the row of an entry of `network_args` that is a setting here."""
    plain = or_zero(key)
    return KeyRule(f"network_args.{key}", (key,), read=plain.read, write=lambda options: options.get(key) or None)


def _dropout() -> KeyRule:
    return KeyRule(
        "network_args.dropout",
        ("network_dropout",),
        read=lambda value, _: Reading({"network_dropout": value}),
        exported=False,
    )


def _kind(key: str, module: str) -> KeyRule:
    """Return the row of an entry of `network_args` that chooses another kind of layer."""

    def read(value: object, _: Values) -> Reading:
        if key == "algo" and str(value) in ("lora", "locon"):
            return Reading(no_effect="its layers are those of a LoRA")
        return Reading({"network_module": module, "network_args": [f"{key}={value}"]})

    return KeyRule(
        f"network_args.{key}", ("network_module", "network_args"), "another kind of layer", read, exported=False
    )


_SUBSET_SWITCHES = "shuffle_caption flip_aug color_aug is_reg enable_wildcard alpha_mask"
_SUBSET_KEYS = """image_dir num_repeats caption_extension keep_tokens keep_tokens_separator secondary_separator caption_prefix
    caption_suffix caption_dropout_rate caption_dropout_every_n_epochs caption_tag_dropout_rate token_warmup_min token_warmup_step
    conditioning_data_dir random_crop random_crop_padding_percent face_crop_aug_range class_tokens metadata_file cache_info"""


def _subsets() -> Iterator[KeyRule]:
    """Yield the rows of a folder of pictures."""
    for key in f"{_SUBSET_KEYS} {_SUBSET_SWITCHES}".split():
        yield KeyRule(f"subsets[*].{key}", (f"datasets[0].subsets[*].{key}",))
    yield KeyRule("subsets[*].name", why="the name of a tab", exported=False)
    yield KeyRule("subsets", why="no folders of pictures", exported=False)


_OWN_ROWS = table(
    idle("sdxl", "the base's file tells"),
    KeyRule("batch_size", ("train_batch_size",)),
    KeyRule("resolution", ("resolution",), "width,height", _read_resolution, _write_resolution),
    KeyRule(
        "warmup_ratio",
        ("lr_warmup_steps",),
        "a share of the bake, rounded to whole steps",
        lambda value, _: share(value),
        _write_ratio,
    ),
    KeyRule("lr_warmup_steps", ("lr_warmup_steps",), write=_write_steps),
    KeyRule(
        "lr_scheduler_type",
        ("lr_scheduler",),
        "the schedule nearest to the program's own class",
        _read_scheduler,
        exported=False,
    ),
    KeyRule(
        f"lr_scheduler_args.{ANY_NAME}",
        ("lr_scheduler_args", "lr_scheduler_min_lr_ratio"),
        "an argument for each name; min_lr as a share of learning_rate",
        _read_scheduler_entry,
        exported=False,
    ),
    KeyRule(
        f"optimizer_args.{ANY_NAME}",
        ("optimizer_args",),
        "an argument for each name",
        lambda _, values: Reading({"optimizer_args": arguments(entries(values, "optimizer_args"))}),
        exported=False,
    ),
    KeyRule(
        "optimizer_args",
        ("optimizer_args",),
        "a table of arguments",
        lambda value, _: Reading({"optimizer_args": arguments(value)}),
        lambda options: _writeentries("optimizer_args", options),
    ),
    KeyRule(
        "lr_scheduler_args",
        ("lr_scheduler_args",),
        "a table of arguments",
        lambda value, _: Reading({"lr_scheduler_args": arguments(value)}),
        lambda options: _writeentries("lr_scheduler_args", options),
    ),
    map(_entry, _NETWORK_ENTRIES),
    _dropout(),
    _kind("algo", "lycoris.kohya"),
    _kind("unit", "networks.dylora"),
    (KeyRule(f"network_args.{key}", why=reasons.LYCORIS, exported=False) for key in _KIND_ENTRIES),
    (KeyRule(f"network_args.{key}", why=reasons.BLOCKS, exported=False) for key in _BLOCK_ENTRIES),
    idle("network_args.split_qkv network_args.train_blocks", _OTHER_BASES),
    KeyRule(
        "network_args",
        ("network_args",),
        read=lambda value, _: Reading({"network_args": arguments(value)}),
        exported=False,
    ),
    KeyRule(
        "fa",
        ("network_module",),
        "LoRA-FA",
        lambda value, _: Reading({"network_module": "networks.lora_fa"}) if is_on(value) else Reading(no_effect="off"),
        exported=False,
    ),
    KeyRule(
        "dim_from_weights",
        ("dim_from_weights",),
        "the program asks for a file, and passes on a switch",
        lambda value, _: Reading({"dim_from_weights": not is_blank(value) and value is not False}),
    ),
    KeyRule(
        "text_encoder_lr",
        ("text_encoder_lr",),
        "0 is not passed on",
        or_zero("text_encoder_lr").read,
        _write_encoder_rate,
    ),
    _dropped("unet_lr"),
    _dropped("learning_rate", 2e-6),
    _dropped("network_alpha", 1),
    _dropped("prior_loss_weight", 1),
    _dropped("max_grad_norm", 1),
    _dropped("lr_scheduler_power", 1),
    _dropped("huber_c", 0.1),
    _dropped("huber_scale", 1),
    _dropped("max_timestep", 1000),
    _dropped("multires_noise_discount", 0.3),
    KeyRule(
        "seed",
        ("seed",),
        "0 is not passed on, and sd-scripts draws one each time",
        lambda value, _: Reading({"seed": value}) if number(value) else Reading(no_effect="0 is not passed on"),
    ),
    KeyRule("max_token_length", ("max_token_length",), read=or_zero("max_token_length", zero=75).read),
    same("train_batch_size train_data_dir reg_data_dir dataset_config dataset_repeats network_module", exported=False),
    _replaced("output_name"),
    _replaced("output_dir"),
    _replaced("resume"),
    _replaced("log_prefix"),
    idle("easy_name tag_occurrence tag_file_location save_toml save_toml_location", _TOOL),
    idle("train_mode.train_mode", "a LoRA is trained"),
    idle("[flux_args]", _OTHER_BASES),
    idle("[textual_inversion_args]", "of textual inversion"),
    _subsets(),
)
_TAKEN = {rule.key for rule in _OWN_ROWS}

RULES: tuple[KeyRule, ...] = table(
    _OWN_ROWS,
    each(switch, " ".join(name for name, kind in OPTIONS.items() if kind == "flag" and name not in _TAKEN)),
    same(" ".join(name for name, kind in OPTIONS.items() if kind != "flag" and name not in _TAKEN)),
)
"""The table of the TOML, its keys without their groups: every option of sd-scripts may stand in `[extra_args.args]`."""

GROUPS: Mapping[str, str] = {
    **dict.fromkeys(
        ("enable_bucket", "bucket_no_upscale", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps"),
        "bucket_args.dataset_args",
    ),
    **dict.fromkeys(("batch_size", "resolution"), "general_args.dataset_args"),
    **dict.fromkeys(
        [
            "pretrained_model_name_or_path",
            "vae",
            "no_half_vae",
            "sdxl",
            "v_parameterization",
            "scale_v_pred_loss_like_noise_pred",
            "full_fp16",
            "full_bf16",
            "fp8_base",
            "gradient_checkpointing",
            "gradient_accumulation_steps",
            "seed",
            "clip_skip",
            "max_token_length",
            "prior_loss_weight",
            "mixed_precision",
            "xformers",
            "sdpa",
            "max_train_epochs",
            "max_train_steps",
            "cache_latents",
            "cache_latents_to_disk",
            "keep_tokens_separator",
            "training_comment",
        ],
        "general_args.args",
    ),
    **dict.fromkeys(
        [
            "network_dim",
            "network_alpha",
            "min_timestep",
            "max_timestep",
            "network_train_unet_only",
            "network_train_text_encoder_only",
            "network_dropout",
            "cache_text_encoder_outputs",
            "ip_noise_gamma",
            "network_weights",
            "dim_from_weights",
        ],
        "network_args.args",
    ),
    **dict.fromkeys(
        [
            "optimizer_type",
            "optimizer_args",
            "lr_scheduler",
            "lr_scheduler_args",
            "learning_rate",
            "warmup_ratio",
            "lr_scheduler_num_cycles",
            "unet_lr",
            "lr_scheduler_power",
            "text_encoder_lr",
            "scale_weight_norms",
            "max_grad_norm",
            "min_snr_gamma",
            "zero_terminal_snr",
            "loss_type",
            "huber_schedule",
            "huber_c",
            "masked_loss",
        ],
        "optimizer_args.args",
    ),
    **dict.fromkeys(
        [
            "output_dir",
            "output_name",
            "save_precision",
            "save_model_as",
            "save_every_n_epochs",
            "save_every_n_steps",
            "save_state",
        ],
        "saving_args.args",
    ),
    **dict.fromkeys(["noise_offset", "multires_noise_iterations", "multires_noise_discount"], "noise_args.args"),
    **dict.fromkeys(
        ["sample_every_n_epochs", "sample_every_n_steps", "sample_prompts", "sample_sampler"], "sample_args.args"
    ),
}
"""Key to the group whose widget it belongs to; the others go to `extra_args.args`."""


def _recognises(document: SourceDocument) -> bool:
    groups = [value for name, value in document.tree.items() if name.endswith("_args") and isinstance(value, Mapping)]
    return document.syntax == "toml" and any("args" in group or "dataset_args" in group for group in groups)


def _notes(values: Values) -> tuple[str, ...]:
    found = []
    if "[flux_args]" in values:
        found.append(f"The file {reasons.for_another_base('Flux')}.")
    if "[textual_inversion_args]" in values or values.get("train_mode.train_mode") not in (None, "lora"):
        found.append("The file is for a textual inversion; here a LoRA is trained.")
    for key, kind in (("network_args.algo", values.get("network_args.algo")), ("network_args.unit", "DyLoRA")):
        if key in values and str(kind) not in ("lora", "locon"):
            found.append(reasons.becomes_lora(str(kind)))
    return tuple(found)


EASY_TRAINING_SCRIPTS = TrainerFormat(
    "easy-training-scripts",
    "Easy Training Scripts, TOML (2024 to today)",
    _recognises,
    RULES,
    lambda _: "easy training scripts 2025-04",
    _notes,
    # The program starts with 225, and writes 75 down as nothing.
    fixed={"max_token_length": 75},
    unprefixed=_bare,
)
