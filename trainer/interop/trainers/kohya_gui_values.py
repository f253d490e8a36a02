"""What the values of the kohya_ss GUI's widgets mean, and how an export writes them."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from trainer.interop.flow_rules import flow_family, switches_of
from trainer.interop.option_list import FLOW_OPTIONS, OPTIONS
from trainer.interop.option_meaning import as_entries
from trainer.interop.option_rules import NETWORK_ARGS
from trainer.interop.prompt_lines import read_prompt_lines
from trainer.interop.record import KeyRule, Reading
from trainer.interop.trainers import reasons
from trainer.interop.trainers.rules import Values, is_blank, is_on, is_unreadable, number, whole

LORA = "networks.lora"
_NO_NUMBER = "no number, and a whole number is expected"
_MODULES = {
    "Standard": LORA,
    "Kohya LoCon": LORA,
    "LoCon": "lycoris.kohya",
    "LoRA-FA": "networks.lora_fa",
    "Kohya DyLoRA": "networks.dylora",
    "Kohya LoHa": "networks.loha",
    "Kohya LoKr": "networks.lokr",
    "Flux1": "networks.lora_flux",
    "Flux1 OFT": "networks.oft_flux",
    "HunyuanImage-2.1": "networks.lora_hunyuan_image",
    "Anima": "networks.lora_anima",
    "Lumina": "networks.lora_lumina",
}
# Widgets that came after max_train_steps (2023-08): a file with one of them was edited by hand where it has no max_train_steps.
_LATER = ("max_grad_norm", "LyCORIS_preset", "dataset_config", "loss_type", "lr_warmup_steps", "network_weights")
_OTHER_BASES = {
    "flux1_checkbox": "Flux",
    "sd3_checkbox": "SD3",
    "hunyuan_image_checkbox": "HunyuanImage",
    "lumina_checkbox": "Lumina",
}
_OF_LORA, _SAVED_KEYS = ("network_dim", "LoRA_type", "lora_network_weights", "network_weights", "unet_lr"), 20
_SAME_LAYERS = ("Anima", "Standard", "Kohya LoCon", "LoCon", "LyCORIS/LoCon", "LoRA-FA")
# These build no layers on 3×3 convolutions.
_WITHOUT_CONV = ("Anima", "Standard", "LoRA-FA")


def _of_2023(values: Values) -> bool:
    """Return whether a file is of early 2023: it names no optimizer and no kind of LoRA, which came within weeks of each other."""
    return "optimizer" not in values and "LoRA_type" not in values


def profile(values: Values) -> str:
    """Return the key of the profile that such a file was written for."""
    return "kohya_ss 2023-02" if _of_2023(values) else "kohya_ss 2026-07"


def _steps(values: Values) -> float:
    return number(values.get("max_train_steps")) or 0


def _epochs(values: Values) -> float:
    return number(values.get("max_train_epochs")) or 0


def read_epoch(value: object, values: Values) -> Reading:
    """Read the Basic tab's epochs, from which the GUI computes steps."""
    if _epochs(values):
        return Reading(no_effect="max_train_epochs is set, and decides")
    if _steps(values):
        return Reading(no_effect="max_train_steps is set, and decides")
    if "max_train_steps" not in values and any(key in values for key in _LATER):
        return Reading(no_effect="max_train_steps is not in the file, and the GUI's own value of it, 1600, decides")
    return Reading({"max_train_epochs": value})


def read_epochs(value: object, values: Values) -> Reading:
    """Read the epochs that are passed on."""
    if is_unreadable(value):
        return Reading(no_effect=_NO_NUMBER)
    if not _epochs(values):
        return Reading(no_effect="0 or blank: the GUI computes steps from epoch")
    return Reading({"max_train_epochs": value})


def write_epochs(options: Values) -> object:
    """Return the epochs that sd-scripts counts itself; 0 where the GUI's own arithmetic is meant, from epoch."""
    counts_itself = str(options.get("behave_like") or "").startswith("kohya_ss")
    return 0 if counts_itself else options.get("max_train_epochs") or 0


def read_steps(value: object, values: Values) -> Reading:
    """Read the steps that are passed on."""
    if is_unreadable(value):
        return Reading(no_effect=_NO_NUMBER)
    if not number(value):
        return Reading(no_effect="0: the GUI computes steps from epoch")
    if _epochs(values):
        return Reading(no_effect="max_train_epochs is set, and decides")
    return Reading({"max_train_steps": value, "max_train_epochs": None})


def read_warmup_percent(value: object, values: Values) -> Reading:
    """Read the warm-up in per cent."""
    if number(values.get("lr_warmup_steps")):
        return Reading(no_effect="lr_warmup_steps is set, and decides")
    if is_unreadable(value):
        return Reading({"lr_warmup_steps": value})
    percent = number(value) or 0
    return Reading({"lr_warmup_steps": f"{whole(percent)}%" if percent else 0})


def read_warmup_steps(value: object, _: Values) -> Reading:
    """Read the warm-up in steps."""
    if is_unreadable(value):
        return Reading({"lr_warmup_steps": value})
    steps = number(value) or 0
    return Reading({"lr_warmup_steps": int(steps)}) if steps > 0 else Reading(no_effect="0: lr_warmup decides")


def _share(options: Values) -> float | None:
    """Return the warm-up as a share of the bake, None where it is steps."""
    value = options.get("lr_warmup_steps", 0)
    text = str(value).strip()
    if text.endswith("%"):
        return (number(text[:-1]) or 0) / 100
    found = number(value) or 0
    return found if 0 < found < 1 else None


def write_warmup_percent(options: Values) -> object:
    """Return the warm-up in per cent, 0 where it is given in steps."""
    return whole(round((_share(options) or 0) * 100, 10))


def write_warmup_steps(options: Values) -> object:
    """Return the warm-up in steps, 0 where it is a share."""
    return 0 if _share(options) is not None else int(number(options.get("lr_warmup_steps")) or 0)


def read_cycles(value: object, values: Values) -> Reading:
    """Read the cycles of the schedule, blank for as many as there are epochs."""
    if is_blank(value):
        epochs = number(values.get("epoch")) or 1
        return Reading({"lr_scheduler_num_cycles": max(1, int(epochs))})
    return Reading({"lr_scheduler_num_cycles": value})


def _rate(values: Values, key: str) -> float | None:
    """Return a part's rate, None where the file does not name it and the GUI's own stays."""
    if key not in values:
        return None
    return 0.0 if is_blank(values[key]) else number(values[key])


def read_encoder_rate(value: object, values: Values) -> Reading:
    """Read the text encoders' rate, and whether they train."""
    if is_unreadable(value):
        return Reading({"text_encoder_lr": value})
    rate, unet, second = (_rate(values, key) for key in ("text_encoder_lr", "unet_lr", "t5xxl_lr"))
    if not rate:
        only = {} if unet == 0 else {"network_train_unet_only": True}
        return Reading({"text_encoder_lr": None, **only})
    return Reading({"text_encoder_lr": [rate, second] if second else rate, "network_train_unet_only": False})


def read_second_rate(_: object, values: Values) -> Reading:
    """Read the rate of the second encoder, which SDXL takes from the widget of T5."""
    if not _rate(values, "t5xxl_lr"):
        return Reading(no_effect="0: the second encoder's rate is text_encoder_lr")
    return read_encoder_rate(None, values)


def read_unet_rate(value: object, values: Values) -> Reading:
    """Read the U-Net's rate, and whether it trains."""
    if is_unreadable(value):
        return Reading({"unet_lr": value})
    rate, encoder = _rate(values, "unet_lr"), _rate(values, "text_encoder_lr")
    if not rate:
        only = {} if encoder == 0 else {"network_train_text_encoder_only": True}
        return Reading({"unet_lr": None, **only})
    return Reading({"unet_lr": rate, "network_train_text_encoder_only": False})


def _encoder_rates(options: Values) -> list[float]:
    value = options.get("text_encoder_lr")
    rates = value if isinstance(value, list) else [value]
    found = [rate for each in rates if (rate := number(each)) is not None]
    return found or [number(options.get("learning_rate")) or 0.0]


def write_encoder_rate(options: Values) -> object:
    """Return the text encoders' rate, 0 where they do not train."""
    return 0.0 if is_on(options.get("network_train_unet_only")) else _encoder_rates(options)[0]


def write_second_rate(options: Values) -> object:
    """Return the second encoder's rate, 0 where it is the first's."""
    rates = _encoder_rates(options)
    return rates[1] if len(rates) > 1 and rates[1] != rates[0] and write_encoder_rate(options) else 0.0


def write_unet_rate(options: Values) -> object:
    """Return the U-Net's rate, 0 where it does not train."""
    if is_on(options.get("network_train_text_encoder_only")):
        return 0.0
    rate = number(options.get("unet_lr"))
    return number(options.get("learning_rate")) if rate is None else rate


def read_kind(value: object, _: Values) -> Reading:
    """Read the kind of LoRA as the module that builds it."""
    name = str(value)
    return Reading({"network_module": _MODULES.get(name) or ("lycoris.kohya" if name.startswith("LyCORIS/") else name)})


def write_kind(options: Values) -> object:
    """Return the kind of LoRA by its module, and by whether it has layers on 3×3 convolutions."""
    if flow_family(options) is not None:
        module = str(options["network_module"])
        return next(name for name, each in _MODULES.items() if each == module)
    return "Kohya LoCon" if options.get("conv_dim") else "Standard"


def conv_row(key: str) -> KeyRule:
    """Return the row of a setting of 3×3 convolutions."""

    def read(value: object, values: Values) -> Reading:
        kind = str(values.get("LoRA_type", "Standard"))
        if kind in _WITHOUT_CONV:
            return Reading({"conv_dim": None} if key == "conv_dim" else {}, f"LoRA_type {kind} has no such layers")
        return Reading({key: value}) if number(value) else Reading({key: None})

    def write(options: Values) -> object:
        return 1 if options.get(key) is None else options[key]

    return KeyRule(key, (key,), "only of a LoRA_type with layers on 3×3 convolutions", read, write)


def read_attention(value: object, _: Values) -> Reading:
    """Read the kind of attention."""
    name = str(value).strip().casefold()
    xformers = is_on(value) or name == "xformers"
    return Reading({"xformers": xformers, "sdpa": name in ("sdpa", "sdp")})


def write_attention(options: Values) -> object:
    """Return the kind of attention."""
    return "xformers" if is_on(options.get("xformers")) else "sdpa" if is_on(options.get("sdpa")) else "none"


def noise_row(key: str, kind: str, *, zero: object = None) -> KeyRule:
    """Return the row of a value that acts with one noise_offset_type alone."""

    def read(value: object, values: Values) -> Reading:
        chosen = str(values.get("noise_offset_type", "Original"))
        if chosen != kind:
            return Reading(no_effect=f"noise_offset_type is {chosen}")
        if isinstance(value, bool) or is_unreadable(value):
            return Reading({key: value})
        return Reading({key: value}) if number(value) else Reading({key: zero})

    def write(options: Values) -> object:
        return (False if key.endswith("strength") else 0) if options.get(key) is None else options[key]

    return KeyRule(key, (key,), f"only with noise_offset_type {kind}; 0 is off", read, write)


def write_noise_kind(options: Values) -> object:
    """Return which kind of noise the other noise settings are of."""
    return "Multires" if options.get("multires_noise_iterations") else "Original"


def write_resolution(options: Values) -> object:
    """Return the size as the GUI writes it: width and height."""
    text = str(options.get("resolution", "512"))
    return text if "," in text else f"{text},{text}"


def read_half_vae(value: object, values: Values) -> Reading:
    """Read whether the VAE of SDXL stays in fp32."""
    if not is_on(values.get("sdxl", False)):
        return Reading(no_effect="only for SDXL")
    return Reading({"no_half_vae": is_on(value)})


def command_tail(value: object) -> Mapping[str, object]:
    """Return the options of a command line's end as the GUI divides it: at blanks, double quotes left out."""
    return _divided(str(value))


# Every row asks for it.
@lru_cache(maxsize=4)
def _divided(text: str) -> Mapping[str, object]:
    options: dict[str, object] = {}
    name = ""
    for word in text.replace('"', "").split():
        if word.startswith("--") and len(word) > 2:
            name, equals, text = word[2:].partition("=")
            options[name] = text if equals else True
        elif name:
            before = options[name]
            options[name] = word if before is True else [*(before if isinstance(before, list) else [before]), word]
    return options


_TAIL_OPTIONS = OPTIONS.keys() | FLOW_OPTIONS.keys()


def read_tail(value: object, _: Values) -> Reading:
    """Read what stands at the end of the command line; what is no option of sd-scripts is named."""
    options = command_tail(value)
    strange = ", ".join(f"--{name}" for name in options if name not in _TAIL_OPTIONS)
    return Reading(
        {name: each for name, each in options.items() if name in _TAIL_OPTIONS},
        f"nothing here knows {strange}" if strange else "",
    )


# Options that the GUI has no widget for, with the value that needs no words; an export puts them on the command line's end.
_IN_TAIL: dict[str, object] = {
    "zero_terminal_snr": False,
    "alpha_mask": False,
    "sample_at_first": False,
    "enable_wildcard": False,
    "keep_tokens_separator": "",
    "secondary_separator": "",
    "caption_prefix": "",
    "caption_suffix": "",
    "caption_tag_dropout_rate": 0,
    "token_warmup_min": 1,
    "token_warmup_step": 0,
    "lr_decay_steps": 0,
    "lr_scheduler_min_lr_ratio": None,
    "lr_scheduler_timescale": None,
    "conditioning_data_dir": "",
    "validation_seed": 0,
    "validate_every_n_steps": None,
    "torch_compile": False,
}


# The same for bases that predict a flow.
_IN_FLOWS_TAIL: dict[str, object] = {"weighting_scheme": None, "logit_mean": None, "logit_std": None}


def write_tail(options: Values) -> object:
    """Return what no widget says, for the end of the command line."""
    words = []
    for name, plain in (_IN_TAIL | _IN_FLOWS_TAIL if flow_family(options) is not None else _IN_TAIL).items():
        value = options.get(name, plain)
        word = f"--{name}" if value is True else f"--{name}={value}"
        # The GUI divides at blanks and quotes what a shell would need quoted, without a shell.
        if value not in (plain, None, "") and shlex.quote(word) == word:
            words.append(word)
    return " ".join([*words, *_layers_tail(options)])


def _layers_tail(options: Values) -> list[str]:
    """Return `network_args` where a part of the base is switched on, whole: the command line's take the place of those that widgets make."""
    entries = as_entries(options.get("network_args") or {})
    if not switches_of(options) & entries.keys():
        return []
    of_widgets = {entry: options.get(setting) for entry, setting in NETWORK_ARGS.items() if entry != "dropout"}
    entries = {name: str(value) for name, value in of_widgets.items() if value} | entries
    return ["--network_args", *(f"{name}={value}" for name, value in entries.items())]


def under_tail(rule: KeyRule) -> KeyRule:
    """Return a row whose key has no effect where additional_parameters sets the same option: sd-scripts prefers the command line."""

    def read(value: object, values: Values) -> Reading:
        reading = rule.read(value, values) if rule.read else Reading({rule.options[0]: value})
        tail = command_tail(values.get("additional_parameters", ""))
        left = {name: each for name, each in reading.options.items() if name not in tail}
        if reading.options and not left:
            return Reading(no_effect="additional_parameters sets it, and comes last")
        return Reading(left, reading.no_effect)

    return replace(rule, read=read) if rule.options and rule.key != "additional_parameters" else rule


def read_prompts(value: object, _: Values) -> Reading:
    """Read the text of the sample prompts, one for each line with options behind it; a path alone is a prompt file's."""
    text = str(value or "").strip()
    if not text:
        return Reading({"sample_prompts": None})
    if "\n" not in text and text.lower().endswith((".txt", ".toml", ".json")):
        return Reading({"sample_prompts": text})
    return read_prompt_lines(text)


def notes(values: Values) -> tuple[str, ...]:
    """Return what a user should know of a file beside its keys."""
    found = []
    for key, base in _OTHER_BASES.items():
        if is_on(values.get(key)):
            found.append(f"The file {reasons.for_another_base(base)}.")
    # As the GUI saves it, with all its keys; a file of a few lines leaves out what it likes.
    if len(values) > _SAVED_KEYS and not any(key in values for key in _OF_LORA):
        found.append(
            "The file is of a tab that trains a whole base or an embedding; its rates are not meant for a LoRA."
        )
    if _epochs(values):
        found.append(
            "max_train_epochs is set: sd-scripts counts these epochs bucket by bucket, behave_like as the GUI does for epoch; the two may be some steps apart."
        )
    kind = str(values.get("LoRA_type", "Standard"))
    if kind not in _SAME_LAYERS and kind not in _OTHER_BASES.values():
        found.append(reasons.becomes_lora(kind))
    if _of_2023(values) and _rate(values, "unet_lr") == 0 and _rate(values, "text_encoder_lr") == 0:
        found.append(
            "Both rates are 0, with which the GUI of its day does not start; here both parts train at learning_rate."
        )
    return tuple(found)
