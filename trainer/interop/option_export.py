"""Settings as sd-scripts' options."""

from trainer.interop.option_list import OPTIONS
from trainer.interop.option_rules import NETWORK_ARGS
from trainer.interop.record import Options
from trainer.settings import describe
from trainer.settings.model import Settings

_SWITCHES = {"yes": True, "no": False}


def options_from(settings: Settings) -> Options:
    """Return settings as sd-scripts' options, and those that it lacks under our names; a blank is left out.

    `settings_from` gives the same settings back. What is `auto` here is left out: sd-scripts has no such value.

    Args:
        settings: any.
    """
    options: Options = {}
    network_args: list[str] = []
    of_entries = {setting: entry for entry, setting in NETWORK_ARGS.items() if setting != "network_dropout"}
    for info in describe.fields():
        value = getattr(settings, info.name)
        if value is None or value in ("", "auto", []):
            continue
        if info.name in of_entries:
            if value != info.default:
                network_args.append(f"{of_entries[info.name]}={describe.number_text(value)}")
            continue
        options[info.name] = _as_option(info.name, value)
    if network_args:
        options["network_args"] = network_args
    if settings.conv_dim is not None and settings.conv_alpha is None:
        # sd-scripts' own default is 1.
        options["network_args"] = [*network_args, f"conv_alpha={describe.number_text(settings.alpha_of_conv)}"]
    if settings.text_encoder_lr2 is not None:
        options["text_encoder_lr"] = [
            settings.text_encoder_lr or settings.learning_rate,
            options.pop("text_encoder_lr2"),
        ]
    if settings.max_train_epochs is not None:
        options.pop("max_train_steps", None)
    return options


def _as_option(name: str, value: object) -> object:
    """Return a setting's value as sd-scripts takes it."""
    match name:
        case "v_parameterization" | "zero_terminal_snr":
            return _SWITCHES.get(str(value), value)
        case "caption_extension" if isinstance(value, list):
            return value[0] if len(value) == 1 else list(value)
        case "optimizer_args" if isinstance(value, list):
            return [str(each).replace(":", ",") for each in value]
        case "lr_warmup_steps" | "lr_decay_steps" | "token_warmup_step":
            return amount_option(str(value))
        case "max_token_length":
            return int(str(value))
        case _:
            return value


def amount_option(text: str) -> int | float:
    """Return `100`, `0.1` or `10%` as sd-scripts takes it: steps as a whole number, a share as a number below 1."""
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        # Of `10%`, not 0.1000…1.
        return round(share, 12)
    number = float(text)
    return int(number) if number >= 1 or number == 0 else number


def is_ours_alone(name: str) -> bool:
    """Return whether a setting is none of sd-scripts' options."""
    return name not in OPTIONS
