"""PowerShell scripts around sd-scripts: the legacy script, its modded copies, and snippets of their `$name = value` lines.

Where the script holds the command, its options say what is done, with the variables put in; without one the names of the variables
do. The legacy script computes max_train_steps from the epochs: that is `behave_like`'s to do, and the epochs are taken.
"""

from trainer.interop.option_list import OPTIONS
from trainer.interop.record import Computed, KeyRule, Reading, SourceDocument, TrainerFormat, is_list_of_options
from trainer.interop.trainers import reasons, sd_scripts
from trainer.interop.trainers.anon_1337 import plain_name, read_epochs, read_minutes, read_ratio, read_steps, switch
from trainer.interop.trainers.rules import Values, idle, renamed, table

LEGACY, NOTES = "legacy ps script 2023-02", "source notes 2023-02"

# Of the legacy script and of scripts like it: what they call sd-scripts' options.
_NAMES = {
    "ckpt": "pretrained_model_name_or_path",
    "pretrained_model": "pretrained_model_name_or_path",
    "base_model": "pretrained_model_name_or_path",
    "image_dir": "train_data_dir",
    "reg_dir": "reg_data_dir",
    "output": "output_dir",
    "vae_path": "vae",
    "scheduler": "lr_scheduler",
    "lr_restart_cycles": "lr_scheduler_num_cycles",
    "lr": "learning_rate",
    "batch_size": "train_batch_size",
    "caption_ext": "caption_extension",
    "num_repeats": "dataset_repeats",
    "model_type_v2": "v2",
}
_SWITCHES = {
    "is_v2_model": "v2",
    "parameterization": "v_parameterization",
    "train_unet_only": "network_train_unet_only",
    "train_text_encoder_only": "network_train_text_encoder_only",
    "use_lion": "use_lion_optimizer",
}
_FLAGS = tuple(name for name, kind in OPTIONS.items() if kind == "flag")
_READ_APART = ("max_train_steps", "max_train_epochs", "v_parameterization")


def _read_legacy_epochs(value: object, values: Values) -> Reading:
    return read_epochs(value, values)


def _read_parameterization(value: object, _: Values) -> Reading:
    on = switch("v_parameterization").read
    found = on(value, {}) if on is not None else Reading()
    return Reading({"v_parameterization": "yes" if found.options.get("v_parameterization") else "no"})


_VARIABLES = table(
    (renamed(key, option) for key, option in _NAMES.items()),
    (switch(key, option) for key, option in _SWITCHES.items() if option != "v_parameterization"),
    KeyRule("parameterization", ("v_parameterization",), "on from 1", _read_parameterization),
    KeyRule("v_parameterization", ("v_parameterization",), "on from 1", _read_parameterization),
    KeyRule("max_train_epochs", ("max_train_epochs",), reasons.EPOCHS_OR_STEPS, read_epochs),
    KeyRule(
        "num_epochs", ("max_train_epochs",), "the script makes steps of them, as behave_like does", _read_legacy_epochs
    ),
    KeyRule("max_train_epoches", ("max_train_epochs",), reasons.EPOCHS_OR_STEPS, read_epochs),
    KeyRule("max_train_steps", ("max_train_steps",), "where no epochs are set", read_steps),
    KeyRule("lr_warmup_ratio", ("lr_warmup_steps",), reasons.SHARE, read_ratio),
    KeyRule(
        "desired_training_time",
        ("train_minutes",),
        reasons.MINUTES,
        read_minutes,
    ),
    (switch(name) for name in _FLAGS if name not in _READ_APART),
    (KeyRule(name, (name,)) for name in OPTIONS if name not in _FLAGS and name not in _READ_APART),
    idle("stop_text_encoder_training", "sd-scripts has it for whole models alone; text_encoder_stop does it here"),
    idle(
        "multi_gpu gpu_ids num_processes",
        "it is of accelerate's launcher: `accelerate launch -m lora_tui bake` trains on several GPUs",
    ),
    idle("sd_scripts_dir venv_dir ext_args launch_args network_module_args", "of the script around sd-scripts"),
    idle("total mts repeats imgs img_repeats iter", "counted by the script"),
)
_ROWS = {rule.key: rule for rule in _VARIABLES}

_COMMAND = (
    *sd_scripts.COMMAND.rules,
    *(KeyRule(f"${rule.key}", rule.options, rule.rule, rule.read, exported=False, why=rule.why) for rule in _VARIABLES),
)

_OF_VARIABLES = frozenset(f"${name}" for name in _ROWS)


def _plain(key: str) -> str:
    """Return a key of a script as the table knows it: variables keep their `$` beside the options of a command."""
    if key.startswith("$"):
        return f"${plain_name(key)}"
    return sd_scripts.COMMAND.unprefixed(key)


def _of_variables(document: SourceDocument) -> bool:
    names = {plain_name(key.key) for key in document.keys}
    own = (set(_ROWS) - set(OPTIONS)) | {"lr_scheduler_num_cycles"}
    return document.syntax == "variables" and bool(names & own) and bool(names & set(_ROWS))


def _counts_steps(document: SourceDocument) -> bool:
    """Return whether a script's command takes its steps from what the script counts."""
    return isinstance(document.tree.get("max_train_steps"), Computed)


def _of_script(document: SourceDocument) -> bool:
    """Return whether a script's command takes something from what the script works out: its steps, or more options."""
    if document.syntax != "command" or document.tree.get("lora_rank") or document.tree.get("instance_data_dir"):
        return False
    more = any(
        (key.key.startswith("$") and key.value == key.key) or is_list_of_options(key.value) for key in document.keys
    )
    return _counts_steps(document) or (more and any(_plain(key.key) in _OF_VARIABLES for key in document.keys))


def _profile_of_script(values: Values) -> str:
    return LEGACY if isinstance(values.get("max_train_steps"), Computed) else sd_scripts.profile_of(values)


def _profile_of_variables(values: Values) -> str:
    names = {plain_name(key) for key in values}
    if names & {"lr_restart_cycles", "max_train_epoches", "pretrained_model"}:
        return sd_scripts.OLD_PROFILE
    # The author's own values, of a legacy script with what the notes added to it.
    return NOTES if {"lr_scheduler_num_cycles", "scheduler"} <= names else LEGACY


VARIABLES = TrainerFormat(
    key="powershell-variables",
    title="`$name = value` lines of a script around sd-scripts, 2023",
    recognises=_of_variables,
    rules=_VARIABLES,
    profile=_profile_of_variables,
    unprefixed=plain_name,
)

LEGACY_SCRIPT = TrainerFormat(
    key="legacy-ps",
    title="a script around sd-scripts, such as the legacy script, 2023",
    recognises=_of_script,
    rules=_COMMAND,
    profile=_profile_of_script,
    unprefixed=_plain,
)
