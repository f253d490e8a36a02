"""What becomes of sd-scripts' options that are not settings here under their own name and value."""

import re
from collections.abc import Callable, Mapping, Sequence

from trainer.errors import SettingsError
from trainer.families.registry import FAMILIES
from trainer.interop.flow_rules import ENCODER_RESTS, FLOW_RULES, encoder_rests, switches_of
from trainer.interop.option_meaning import Meaning, Options, Rule, as_entries, as_number, is_blank, is_on
from trainer.optimizers import SD_SCRIPTS_DEFAULT, SD_SCRIPTS_SWITCHES
from trainer.settings.absent_options import why_absent
from trainer.settings.amounts import check_rules
from trainer.settings.optimizers import arguments_of, check_argument, check_arguments, check_optimizer

NETWORK_ARGS = {
    "conv_dim": "conv_dim",
    "conv_alpha": "conv_alpha",
    "rank_dropout": "rank_dropout",
    "module_dropout": "module_dropout",
    "dropout": "network_dropout",
    "loraplus_lr_ratio": "loraplus_lr_ratio",
    "loraplus_unet_lr_ratio": "loraplus_unet_lr_ratio",
    "loraplus_text_encoder_lr_ratio": "loraplus_text_encoder_lr_ratio",
}
"""Entry of networks.lora's `network_args` to our setting."""
# Networks whose layers are those of networks.lora, beside what each family is trained by; LyCORIS's by its `algo`.
_LORA_MODULES = ("networks.lora", "networks.lora_fa")
_LORA_ALGORITHMS = ("lora", "locon")
_LYCORIS = "lycoris.kohya"


def _sentence(refused: Sequence[str]) -> str:
    return "; ".join(refused)


def _network_args(value: object, options: Options) -> Meaning:
    values: dict[str, object] = {}
    refused: list[str] = []
    for key, text in as_entries(value).items():
        if key in NETWORK_ARGS:
            if not is_blank(text):
                values[NETWORK_ARGS[key]] = text
        elif key in switches_of(options):
            values[key] = is_on(text)
            if is_on(text) and not is_blank(options.get("unet_lr")):
                # It is a part of the body there, and trains at its rate.
                values["text_encoder_lr"] = options["unet_lr"]
        elif key in ("algo", "unit") or key.startswith("use_"):
            refused.append(f"{key}={text} belongs to another kind of layers than LoRA's")
        else:
            refused.append(f"{key} has no setting here")
    if "conv_dim" in values and as_number(values["conv_dim"]):
        # sd-scripts' own default; ours keeps the scale of the other layers.
        values.setdefault("conv_alpha", "1")
    elif "conv_dim" in values:
        values["conv_dim"] = None
    return Meaning(values, "its entries are settings of their own" if values else "", _sentence(refused))


def _network_module(value: object, options: Options) -> Meaning:
    name = str(value).strip()
    algorithm = as_entries(options.get("network_args") or {}).get("algo", "lora")
    of_families = {record.network_module for record in FAMILIES.values()}
    if name in (*_LORA_MODULES, *of_families) or (name == _LYCORIS and algorithm in _LORA_ALGORITHMS):
        return Meaning(no_effect=why_absent("network_module"))
    layers = f"{name} with algo={algorithm}" if name == _LYCORIS else name
    return Meaning(no_effect=f"{layers} makes other layers: {why_absent('network_module')}")


def _optimizer_args(value: object, options: Options) -> Meaning:
    kind = _optimizer_of(options)
    kept: list[str] = []
    refused: list[str] = []
    for key, text in as_entries(value).items():
        try:
            argument = check_argument(f"{key}={text}")
            if kind:
                check_arguments(kind, arguments_of([argument]))
            kept.append(argument)
        except SettingsError as error:
            refused.append(f"{error.found}; expected {error.expected}")
        except ValueError as error:
            refused.append(f"{key}={text}: expected {error}")
    written = [str(each) for each in value] if isinstance(value, list) else []
    rule = "" if kept == written else "written `name=value` here, numbers with `:` between them"
    return Meaning({"optimizer_args": kept} if kept else {}, rule, _sentence(refused))


def _optimizer_of(options: Options) -> str:
    """Return the optimizer in force, "" where it is none that is known by a short name."""
    try:
        return check_optimizer(_optimizer_named(options))
    except ValueError:
        return ""


def _optimizer_named(options: Options) -> str:
    named = options.get("optimizer_type")
    if not is_blank(named):
        return str(named)
    chosen = (optimizer for switch, optimizer in SD_SCRIPTS_SWITCHES.items() if is_on(options.get(switch)))
    return next(chosen, SD_SCRIPTS_DEFAULT)


def _optimizer_switch(optimizer: str) -> Rule:
    def rule(value: object, options: Options) -> Meaning:
        if not is_on(value):
            return Meaning(no_effect="off")
        if not is_blank(options.get("optimizer_type")):
            return Meaning(no_effect="optimizer_type wins")
        return Meaning({"optimizer_type": optimizer}, "an old switch for the optimizer")

    return rule


def _scheduler_args(value: object, options: Options) -> Meaning:
    kept: list[str] = []
    refused: list[str] = []
    for key, text in as_entries(value).items():
        try:
            kept.append(check_rules(f"{key}={text}"))
        except ValueError as error:
            refused.append(f"{key}={text}: expected {error}")
    return Meaning({"lr_scheduler_args": kept} if kept else {}, "", _sentence(refused))


def _encoder_rates(value: object, options: Options) -> Meaning:
    """sd-scripts takes one rate for all text encoders, or one for each."""
    if encoder_rests(options):
        return Meaning(no_effect=ENCODER_RESTS)
    rates = list(value) if isinstance(value, list | tuple) else re.split(r"[\s,]+", str(value).strip("[]() "))
    rates = [rate for rate in rates if not is_blank(rate)]
    if len(rates) == 1:
        return Meaning({"text_encoder_lr": rates[0]}, "a list of one" if isinstance(value, list) else "")
    if rates[1:] and all(rate == rates[0] for rate in rates):
        return Meaning({"text_encoder_lr": rates[0]}, "the same rate for each text encoder")
    more = "" if len(rates) <= 2 else "a third text encoder's rate: SDXL has two"
    return Meaning({"text_encoder_lr": rates[0], "text_encoder_lr2": rates[1]}, "one rate for each text encoder", more)


def _resolution(value: object, options: Options) -> Meaning:
    if isinstance(value, list | tuple):
        return Meaning({"resolution": ",".join(str(side) for side in value)}, "width,height")
    text = str(value).strip().strip("()[]").replace(" ", "")
    return Meaning({"resolution": text}, "" if text == str(value) else "width,height")


def _share_of_epochs(value: object, options: Options) -> Meaning:
    """sd-scripts: `floor(epochs / ratio)`, at least 1."""
    parts, epochs = as_number(value), as_number(options.get("max_train_epochs"))
    if not parts or parts < 1:
        return Meaning(no_effect="blank")
    if not is_blank(options.get("save_every_n_epochs")):
        return Meaning(no_effect="save_every_n_epochs is set")
    if not epochs:
        return Meaning(no_effect="it counts by epochs, and max_train_epochs is blank")
    return Meaning({"save_every_n_epochs": max(1, int(epochs // parts))}, f"epochs / {parts:g}, rounded down")


def _unless(other: str, setting: str, value_of: Callable[[object], object], rule: str) -> Rule:
    """Return the rule of a switch or text that becomes another setting, unless that setting's own option is there too."""

    def made(value: object, options: Options) -> Meaning:
        if value is False or (isinstance(value, str) and value.casefold() in ("false", "no")) or value == 0:
            return Meaning(no_effect="off")
        if not is_blank(options.get(other)) and options.get(other) is not False:
            return Meaning(no_effect=f"{other} wins")
        return Meaning({setting: value_of(value)}, rule)

    return made


def _caption_separator(value: object, options: Options) -> Meaning:
    return Meaning(no_effect=why_absent("caption_separator"))


def _amount(setting: str) -> Rule:
    """Return the rule of a length in steps, which below 1 is a share of the bake."""

    def rule(value: object, options: Options) -> Meaning:
        number = as_number(value)
        if number is None or not 0 < number < 1:
            return Meaning({setting: value})
        return Meaning({setting: f"{round(number * 100, 10):g}%"}, "a share of the steps")

    return rule


def _clip_skip(value: object, options: Options) -> Meaning:
    number = as_number(value)
    return Meaning({"clip_skip": None}, "0 stands for the last layer") if number == 0 else Meaning({"clip_skip": value})


def _token_length(value: object, options: Options) -> Meaning:
    return Meaning({"max_token_length": "75"}, "0 stands for 75") if as_number(value) == 0 else _same(value)


def _same(value: object) -> Meaning:
    return Meaning({"max_token_length": value})


RULES: Mapping[str, Rule] = {
    **FLOW_RULES,
    "network_args": _network_args,
    "network_module": _network_module,
    "optimizer_args": _optimizer_args,
    **{switch: _optimizer_switch(optimizer) for switch, optimizer in SD_SCRIPTS_SWITCHES.items()},
    "lr_scheduler_args": _scheduler_args,
    "lr_warmup_steps": _amount("lr_warmup_steps"),
    "lr_decay_steps": _amount("lr_decay_steps"),
    "token_warmup_step": _amount("token_warmup_step"),
    "text_encoder_lr": _encoder_rates,
    "text_encoder_lr1": _unless(
        "text_encoder_lr", "text_encoder_lr", lambda value: value, "the first text encoder's rate"
    ),
    "resolution": _resolution,
    "save_n_epoch_ratio": _share_of_epochs,
    "clip_skip": _clip_skip,
    "max_token_length": _token_length,
    "caption_extention": _unless("caption_extension", "caption_extension", lambda value: value, "an old spelling"),
    "full_fp16": _unless("mixed_precision", "mixed_precision", lambda value: "fp16", "the LoRA itself stays fp32 here"),
    "full_bf16": _unless("mixed_precision", "mixed_precision", lambda value: "bf16", "the LoRA itself stays fp32 here"),
    "fp8_base_unet": _unless("fp8_base", "fp8_base", lambda value: True, "the base's large weights in 8 bits"),
    "mem_eff_attn": _unless("xformers", "sdpa", lambda value: True, "another attention that saves memory"),
    "metadata_description": _unless(
        "training_comment", "training_comment", lambda value: value, "a line for the metadata"
    ),
    "config_file": lambda value, options: Meaning(
        no_effect="no file is opened that is not named: name it beside this one"
    ),
    "stop_text_encoder_training": lambda value, options: Meaning(
        no_effect="sd-scripts has it for whole models alone; text_encoder_stop does it here"
    ),
    "dynamo_backend": lambda value, options: Meaning(
        no_effect="it says how torch_compile compiles; here there is one way"
    ),
    "lr_scheduler_type": lambda value, options: Meaning(
        no_effect="a schedule by its class is not run here; lr_scheduler has the ones there are"
    ),
}
"""Option to what its value means. An option that is a setting of the same name needs none."""
