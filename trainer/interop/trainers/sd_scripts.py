"""sd-scripts' own files: `--config_file` and `--dataset_config`, and command lines with or without a script around them."""

import re
from collections.abc import Mapping

from trainer.dataset.dataset_toml import all_keys
from trainer.interop.flow_rules import SAMPLING_LEFT_OUT, flow_family
from trainer.interop.option_list import FLOW_OPTIONS, OPTIONS
from trainer.interop.option_meaning import is_blank
from trainer.interop.option_rules import RULES
from trainer.interop.record import KeyRule, SourceDocument, TrainerFormat
from trainer.interop.trainers import other_scripts
from trainer.settings.absent_options import ABSENT_OPTIONS

OLD_PROFILE, TODAY_PROFILE = "sd-scripts 2023-02", "sd-scripts 2026-02"

_LAUNCHER = "it is of `accelerate launch`, which starts a bake on several GPUs here too; mixed_precision is a setting"
# Written by people and by the GUIs around it beside the options; argparse has none of them.
_RULES = (
    *(KeyRule(name, (name,)) for name in dict.fromkeys((*OPTIONS, *FLOW_OPTIONS, *RULES, *ABSENT_OPTIONS))),
    KeyRule("text_encoder_lr2", ("text_encoder_lr2",)),
    *other_scripts.rows(),
)


def is_config(document: SourceDocument) -> bool:
    """Return whether a document is a file for `--config_file`, or the same keys in JSON, YAML or a paste."""
    if document.syntax not in ("toml", "json", "yaml", "variables"):
        return False
    names = [own_name(key.key) for key in document.keys]
    return any(name in OPTIONS for name in names)


def is_command(document: SourceDocument) -> bool:
    """Return whether a document is a command line of train_network.py."""
    return document.syntax == "command"


def own_name(key: str) -> str:
    """Return a key without its sections: sd-scripts ignores them."""
    return key.rpartition(".")[2] if "[" not in key else key


def profile_of(values: Mapping[str, object]) -> str:
    """Return which sd-scripts a file was written for: its old switches tell the old one."""
    names = {own_name(key): value for key, value in values.items()}
    old = any(names.get(name) for name in ("use_8bit_adam", "use_lion_optimizer")) and is_blank(
        names.get("optimizer_type")
    )
    return OLD_PROFILE if old or "caption_extention" in names else TODAY_PROFILE


def left_out(options: Mapping[str, object]) -> Mapping[str, object]:
    """Return what sd-scripts' program for a base that predicts a flow takes where its options do not say it."""
    return {"timestep_sampling": SAMPLING_LEFT_OUT} if flow_family(options) is not None else {}


CONFIG = TrainerFormat(
    key="sd-scripts",
    title="sd-scripts, settings for --config_file",
    recognises=is_config,
    rules=_RULES,
    profile=profile_of,
    notes=other_scripts.notes,
    left_out=left_out,
    unprefixed=own_name,
)

COMMAND = TrainerFormat(
    key="sd-scripts-command",
    title="sd-scripts, a command line",
    recognises=is_command,
    rules=(
        *_RULES,
        KeyRule("launcher.*", why=_LAUNCHER),
    ),
    profile=profile_of,
    notes=other_scripts.notes,
    left_out=left_out,
    unprefixed=lambda key: "launcher.*" if key.startswith("launcher.") else key,
)


def is_data_set(document: SourceDocument) -> bool:
    """Return whether a document is a file for `--dataset_config`."""
    datasets = document.tree.get("datasets")
    has_folders = isinstance(datasets, list) and any(
        isinstance(each, Mapping) and "subsets" in each for each in datasets
    )
    return document.syntax in ("toml", "json", "yaml") and has_folders


def _known_key(key: str) -> str:
    """Return a key without what stands in a table of attributes."""
    return re.sub(r"\.custom_attributes\..*", ".custom_attributes", key)


DATA_SET = TrainerFormat(
    key="sd-scripts-dataset",
    title="sd-scripts, a data set for --dataset_config",
    recognises=is_data_set,
    rules=tuple(
        KeyRule(f"{table}.{name}", (f"{table}.{name}",))
        for table in ("general", "datasets[*]", "datasets[*].subsets[*]")
        for name in all_keys()
    ),
    unprefixed=_known_key,
)
