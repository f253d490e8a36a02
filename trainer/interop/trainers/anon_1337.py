"""anon-1337's train_network.ps1: the `$name = value` lines of its config, as of v1.13 (2023-01-24) and before.

What stands behind `Config end` builds sd-scripts' command from them; nothing of it is run. Behaviour as of v1.13.
"""

from collections.abc import Iterator

from trainer.interop.record import KeyRule, Reading, SourceDocument, TrainerFormat
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, idle, is_blank, number, renamed, same, table
from trainer.profiles.training_time import script_speed

PROFILE = "anon-1337 2023-02"
_SPEED = "the speed is measured here"

FIXED: dict[str, object] = {
    "caption_extension": ".txt",
    "prior_loss_weight": 1,
    "enable_bucket": True,
    "min_bucket_reso": 256,
    "max_bucket_reso": 1024,
    "use_8bit_adam": True,
    "xformers": True,
    "save_model_as": "safetensors",
    "cache_latents": True,
}
"""The end of every command that the script builds."""


def plain_name(key: str) -> str:
    """Return a variable's name as the tables know it: PowerShell has no capital letters."""
    return key.removeprefix("$").lower()


def _figure(values: Values, key: str, otherwise: float) -> float:
    found = number(values.get(key))
    return otherwise if found is None else found


def at_least_one(value: object) -> bool:
    """Return whether a switch is on as the script asks it: `-ge 1`."""
    if isinstance(value, str) and value.strip().casefold() in ("$true", "true"):
        return True
    return value is True or (number(value) or 0) >= 1


def switch(key: str, option: str = "") -> KeyRule:
    """Return the row of a switch that is on from 1."""
    option = option or key
    return KeyRule(key, (option,), "on from 1", lambda value, _: Reading({option: at_least_one(value)}))


def _read_768(value: object, values: Values) -> Reading:
    if not at_least_one(values.get("is_sd_v2_ckpt", 0)):
        return Reading(no_effect="is_sd_v2_ckpt is 0, and decides")
    return Reading({"v_parameterization": "yes" if at_least_one(value) else "no"})


def read_minutes(value: object, _: Values) -> Reading:
    """Read a training time: minutes above 0, or off."""
    minutes = number(value)
    if minutes is None or minutes <= 0:
        return Reading(no_effect="0: off")
    return Reading({"train_minutes": minutes})


def _has_minutes(values: Values) -> bool:
    return max(_figure(values, "desired_training_time", 0), _figure(values, "train_minutes", 0)) > 0


def _read_speed(value: object, values: Values) -> Reading:
    """Read nothing of the speed; say what the script would have made of it where it counts by the clock."""
    fault = script_speed(str(value)).why if _has_minutes(values) else ""
    return Reading(no_effect=f"{_SPEED}; of the script's own reading: {fault}" if fault else _SPEED)


def read_epochs(value: object, values: Values) -> Reading:
    """Read epochs: from 1 on they decide, unless a time does."""
    if _has_minutes(values):
        return Reading(no_effect="desired_training_time decides")
    if (number(value) or 0) < 1:
        return Reading({"max_train_epochs": None})
    return Reading({"max_train_epochs": value})


def read_steps(value: object, values: Values) -> Reading:
    """Read steps: they decide where neither a time nor epochs do."""
    if _has_minutes(values):
        return Reading(no_effect="desired_training_time decides")
    if max(_figure(values, "max_train_epochs", 0), _figure(values, "num_epochs", 0)) >= 1:
        return Reading(no_effect="the epochs decide")
    if (number(value) or 0) < 1:
        return Reading(no_effect="0: off")
    return Reading({"max_train_steps": value})


def read_ratio(value: object, values: Values) -> Reading:
    """Read a share of the steps for the warm-up, which `constant` has none of."""
    share = number(value)
    if share is None:
        return Reading(no_effect="no number")
    if str(values.get("scheduler", values.get("lr_scheduler", ""))).strip() == "constant":
        return Reading(no_effect="the schedule `constant` has no warm-up")
    share = min(1.0, max(0.0, share))
    return Reading({"lr_warmup_steps": share if 0 < share < 1 else "100%" if share else 0})


def _read_token_length(value: object, _: Values) -> Reading:
    length = number(value)
    return Reading({"max_token_length": f"{int(length)}" if length in (150, 225) else "75"})


def _read_seed(value: object, _: Values) -> Reading:
    if not at_least_one(value):
        return Reading({"seed": 1337})
    return Reading(no_effect="the script draws a seed each time; a bake here has one, so that it can be repeated")


def _read_mixed(value: object, _: Values) -> Reading:
    return Reading({"mixed_precision": value if value in ("fp16", "bf16") else "no"})


def _read_saved(value: object, _: Values) -> Reading:
    return Reading({"save_precision": value if value in ("float", "fp16", "bf16") else "float"})


def _read_chain(value: object, _: Values) -> Reading:
    return Reading(no_effect="other scripts, to run after this one; none is opened" if value else "blank")


def _read_vae(value: object, values: Values) -> Reading:
    if "use_vae" in values and not at_least_one(values["use_vae"]):
        return Reading(no_effect="use_vae is 0")
    return Reading({"vae": "" if is_blank(value) else value})


def rates() -> Iterator[KeyRule]:
    """Yield the rows of the rates; those of the parts are passed where they differ from the first, which comes to the same."""
    for key in ("learning_rate", "unet_lr", "text_encoder_lr"):
        yield KeyRule(key, (key,))


_RULES = table(
    renamed("ckpt", "pretrained_model_name_or_path"),
    switch("is_sd_v2_ckpt", "v2"),
    KeyRule("is_sd_v2_768_ckpt", ("v_parameterization",), "on from 1, with is_sd_v2_ckpt", _read_768),
    renamed("image_dir", "train_data_dir"),
    renamed("reg_dir", "reg_data_dir"),
    KeyRule("vae_path", ("vae",), read=_read_vae),
    same("output_dir output_name"),
    KeyRule(
        "desired_training_time",
        ("train_minutes",),
        reasons.MINUTES,
        read_minutes,
    ),
    KeyRule("max_train_epochs", ("max_train_epochs",), reasons.EPOCHS_OR_STEPS, read_epochs),
    KeyRule("num_epochs", ("max_train_epochs",), reasons.EPOCHS_OR_STEPS, read_epochs),
    KeyRule("max_train_steps", ("max_train_steps",), "where no epochs are set", read_steps),
    same(
        "train_batch_size resolution save_every_n_epochs save_last_n_epochs clip_skip network_dim network_alpha keep_tokens"
    ),
    KeyRule("max_token_length", ("max_token_length",), "150 and 225, anything else is 75", _read_token_length),
    rates(),
    renamed("scheduler", "lr_scheduler"),
    KeyRule("lr_warmup_ratio", ("lr_warmup_steps",), reasons.SHARE, read_ratio),
    KeyRule("is_random_seed", ("seed",), "0 is 1337", _read_seed),
    switch("shuffle_caption"),
    switch("gradient_checkpointing"),
    switch("debug_dataset"),
    same("gradient_accumulation_steps max_data_loader_n_workers logging_dir log_prefix"),
    # Added by hand to many copies of the script.
    same("lr_scheduler_num_cycles lr_scheduler_power noise_offset min_snr_gamma seed max_grad_norm save_every_n_steps"),
    switch("persistent_data_loader_workers"),
    KeyRule("mixed_precision", ("mixed_precision",), "anything but fp16 and bf16 becomes `no`", _read_mixed),
    KeyRule("save_precision", ("save_precision",), "anything but fp16 and bf16 is float", _read_saved),
    KeyRule("script_paths", (), read=_read_chain, why="other scripts; none is opened"),
    KeyRule("gpu_training_speed", (), read=_read_speed, why=_SPEED),
    idle("my_training_speed", _SPEED),
    idle("sd_scripts_dir", "where sd-scripts was; it is not needed"),
    idle("use_vae logging_enabled", "read together with the path"),
    idle(
        "test_run do_not_interrupt do_not_clear_host dont_draw_flags device is_chained_run restart",
        "of the script's own window",
    ),
    idle("current_version", "the script's version"),
)

_MARKS = {
    "is_sd_v2_ckpt",
    "is_sd_v2_768_ckpt",
    "desired_training_time",
    "gpu_training_speed",
    "my_training_speed",
    "is_random_seed",
    "do_not_clear_host",
    "dont_draw_flags",
    "do_not_interrupt",
    "script_paths",
    "sd_scripts_dir",
}


def _recognises(document: SourceDocument) -> bool:
    if document.syntax != "variables":
        return False
    return bool(_MARKS & {plain_name(key.key) for key in document.keys})


ANON_1337 = TrainerFormat(
    key="anon-1337",
    title="anon-1337's train_network.ps1, 2023",
    recognises=_recognises,
    rules=_RULES,
    profile=lambda values: PROFILE,
    fixed=FIXED,
    unprefixed=plain_name,
)
