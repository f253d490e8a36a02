"""What an export can be written as: the text of each kind of file, by the table that also reads it."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from trainer.interop.export.data import SUBSET_OPTIONS, Subset
from trainer.interop.export.options import OUTPUT_DIR
from trainer.interop.flow_rules import flow_family
from trainer.interop.option_list import FLOW_OPTIONS, OPTIONS
from trainer.interop.record import PROGRAM, KeyRule, Options, TrainerFormat
from trainer.interop.trainers.easy_training_scripts import EASY_TRAINING_SCRIPTS, GROUPS
from trainer.interop.trainers.kohya_gui import KOHYA_GUI
from trainer.interop.trainers.sd_scripts import CONFIG
from trainer.settings import describe
from trainer.settings.one_setting import SECTIONS


@dataclass(frozen=True)
class Written:
    """What a target makes its text of.

    Attributes:
        options: sd-scripts' options, every value stated.
        subsets: the folders of pictures.
        data_set: the data set file that stands in for the folders; None where they are named by themselves.
    """

    options: Options
    subsets: tuple[Subset, ...]
    data_set: Path | None


@dataclass(frozen=True)
class Target:
    """One kind of file that an export can be.

    Attributes:
        key: as `--to` takes it.
        format: the table that it is read by.
        ending: of its files.
        behaves_like: the trainer whose own arithmetic its numbers go through: settings that behave like it are written as set.
        folder_by_folder: whether it names folders of pictures one by one, and so needs no data set file.
        always_data_set: whether a data set file is written also where folders by themselves would do.
        trains_flows: whether it can train bases that predict a flow.
        keeps_prompts: whether it has the lines of a prompt file in its own file.
        text: the file.
        how: how it is run, with the file and the data set file in it.
    """

    key: str
    format: TrainerFormat
    ending: str
    behaves_like: str
    folder_by_folder: bool
    always_data_set: bool
    keeps_prompts: bool
    trains_flows: bool
    text: Callable[[Written], str]
    how: Callable[[Written, Path, Path | None], str]


def value_of(rule: KeyRule, options: Mapping[str, object]) -> object:
    """Return what an export writes for a key; None for nothing."""
    if rule.write is not None:
        return rule.write(options)
    return options.get(rule.options[0]) if rule.options else None


def _sd_scripts_text(written: Written) -> str:
    """Return sd-scripts' `--config_file`, in tables by section, which it ignores."""
    known = OPTIONS | (FLOW_OPTIONS if flow_family(written.options) is not None else {})
    options = {name: value for name, value in written.options.items() if name in known and value is not None}
    rate = options.get("text_encoder_lr")
    if rate is not None:
        options["text_encoder_lr"] = rate if isinstance(rate, list) else [rate]
    if "network_args" in options and not options["network_args"]:
        del options["network_args"]
    document = tomlkit.document()
    for section in SECTIONS:
        names = [info.name for info in describe.fields() if info.section == section]
        extra = {
            "Network": ("network_module", "network_args"),
            "Saving": ("output_dir", "save_model_as"),
            "Memory": ("cache_latents",),
        }
        names += extra.get(section, ())
        inside = {name: options.pop(name) for name in names if name in options}
        if inside:
            document[section.lower()] = inside
    if options:
        document["other"] = options
    return tomlkit.dumps(document)


def _sd_scripts_how(written: Written, file: Path, data_set: Path | None) -> str:
    program = str(written.options[PROGRAM])
    words = ["accelerate", "launch", "--num_cpu_threads_per_process", "1", program, "--config_file", str(file)]
    words += ["--dataset_config", str(data_set)] if data_set is not None else []
    return shlex.join(words)


def _kohya_gui_text(written: Written) -> str:
    """Return the GUI's JSON: every key of its table, so that no widget keeps another value."""
    options = dict(written.options)
    if written.data_set is not None:
        options |= {"dataset_config": str(written.data_set), "train_data_dir": None, "reg_data_dir": None}
    found = {rule.key: value_of(rule, options) for rule in KOHYA_GUI.rules if rule.exported}
    values = {key: value for key, value in sorted(found.items()) if value is not None}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _easy_training_scripts_text(written: Written) -> str:
    """Return the TOML of groups; what is off is left out, as the program itself does."""
    options = {name: value for name, value in written.options.items() if name not in SUBSET_OPTIONS}
    document: dict[str, object] = {"subsets": [_subset(each, written.options) for each in written.subsets]}
    document["train_mode"] = {"train_mode": "lora"}
    for rule in EASY_TRAINING_SCRIPTS.rules:
        value = value_of(rule, options) if rule.exported and "[" not in rule.key else None
        if not value:
            # The program passes on nothing that is 0, blank or off.
            continue
        table: dict[str, object] = document
        *groups, name = _place(rule.key).split(".")
        for group in groups:
            table = table.setdefault(group, {})  # type: ignore[assignment]
        table[name] = value
    return tomlkit.dumps(document)


def _place(key: str) -> str:
    """Return where a key of Easy Training Scripts' table stands in its file."""
    group, dot, _ = key.partition(".")
    return f"{group}.args.{key}" if dot else f"{GROUPS.get(key, 'extra_args.args')}.{key}"


def _subset(subset: Subset, options: Mapping[str, object]) -> dict[str, object]:
    """Return a folder as the program has it, with the captions' rules that it asks for folder by folder."""
    own = {key: value for key, value in subset.items() if key != "class_tokens"}
    rules = {name: options[name] for name in SUBSET_OPTIONS if options.get(name) not in (None, "", False, 0)}
    if rules.get("token_warmup_min") == 1:
        del rules["token_warmup_min"]
    name = Path(str(subset.get("image_dir", ""))).name
    return {"name": name} | rules | own


TARGETS: Mapping[str, Target] = {
    target.key: target
    for target in (
        Target(
            "sd-scripts",
            CONFIG,
            ".toml",
            "sd-scripts 2026-02",
            False,
            True,
            False,
            True,
            _sd_scripts_text,
            _sd_scripts_how,
        ),
        Target(
            "kohya-gui",
            KOHYA_GUI,
            ".json",
            "kohya_ss 2026-07",
            False,
            False,
            True,
            True,
            _kohya_gui_text,
            lambda written, file, data_set: f"open {file} in the GUI's LoRA tab: Configuration, Load",
        ),
        Target(
            "easy-training-scripts",
            EASY_TRAINING_SCRIPTS,
            ".toml",
            "easy training scripts 2025-04",
            True,
            False,
            False,
            False,
            _easy_training_scripts_text,
            lambda written, file, data_set: f"open {file} with File, Load TOML; its folder {OUTPUT_DIR} must exist",
        ),
    )
}
"""What `--to` takes."""
