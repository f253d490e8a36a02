"""Which optimizers are there, and what may be told them? Names and arguments as texts; free of torch."""

import ast
import math
import re
from collections.abc import Callable, Mapping, Sequence

from trainer.errors import SettingsError
from trainer.text import printable

NAMES = ("AdamW", "Adafactor", "Lion", "Prodigy", "SGDNesterov", "AdamW8bit")
"""Those known by a short name, in any case; every other one is a class by its dotted path."""

EXTRAS: Mapping[str, tuple[str, str]] = {"Prodigy": ("prodigyopt", "prodigy"), "AdamW8bit": ("bitsandbytes", "8bit")}
"""Optimizers of packages that are not installed with lora-tui: name -> (package, lora-tui's extra that brings it)."""

Value = bool | int | float | str | tuple[float, ...] | None

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ARGUMENTS = "`weight_decay=0.01`, `betas=0.9:0.999` or another `name=value`"
# The rates and what they apply to are the trainer's own.
_NOT_ARGUMENTS = ("lr", "params")
# They divide each gradient by its own length, or take its sign alone.
_BLIND_TO_SCALE = ("AdamW", "AdamW8bit", "Lion", "Adafactor")
_ADAMS = re.compile(
    r"torch\.optim\.(?:Adam|AdamW|NAdam|RAdam|Adamax)|bitsandbytes\.optim\.\w*Adam\w*|\w+(?:\.\w+)*\.Lion"
)
_ESTIMATES = re.compile(r"prodigy|d_?adapt", re.ASCII | re.IGNORECASE)


def check_optimizer(text: str) -> str:
    """Return the optimizer's name in its plain form: one of NAMES, or a dotted path.

    Raises:
        ValueError: it is neither.
    """
    plain = text.strip()
    known = next((name for name in NAMES if name.casefold() == plain.casefold()), None)
    if known:
        return known
    if not _DOTTED.fullmatch(plain):
        raise ValueError(f"one of {', '.join(NAMES)}, or a class by its dotted path (`torch.optim.NAdam`)")
    return plain


def check_argument(text: str) -> str:
    """Return an argument in its plain form; sd-scripts' `betas=0.9,0.999` and `betas=(0.9, 0.999)` become `betas=0.9:0.999`.

    Raises:
        ValueError: it is no `name=value`, or sets what a setting of its own decides.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not _KEY.fullmatch(key) or not value:
        raise ValueError(_ARGUMENTS)
    if key in _NOT_ARGUMENTS:
        raise ValueError(f"no `{key}`: unet_lr, text_encoder_lr and learning_rate say the rates")
    parts = [part.strip() for part in re.split(r"[:,]", value.strip("()[] ").rstrip(", "))]
    return f"{key}={':'.join(parts)}"


def arguments_of(arguments: Sequence[str]) -> dict[str, Value]:
    """Return checked arguments by name: numbers, switches, texts, and `a:b` as a tuple of numbers."""
    pairs = (argument.partition("=") for argument in arguments)
    return {key: _value(value) for key, _, value in pairs}


def check_arguments(name: str, arguments: Mapping[str, Value]) -> None:
    """See that an optimizer of NAMES takes these arguments; those of a class by its path are known when it is imported.

    Args:
        name: from check_optimizer.
        arguments: from arguments_of.

    Raises:
        SettingsError: it takes no such argument, or not such a value.
    """
    known = _KNOWN.get(name)
    if known is None:
        return
    for key, value in arguments.items():
        if key not in known:
            raise SettingsError(
                "optimizer_args",
                found=f"{printable(key, 60)}, which {name} does not take",
                expected=f"one of {', '.join(known)}",
            )
        fits, words = known[key]
        if not fits(value):
            raise SettingsError("optimizer_args", found=f"{key}={printable(argument_text(value), 60)}", expected=words)


def argument_text(value: Value) -> str:
    """Return a value as it is typed behind the `=`."""
    return ":".join(map(repr, value)) if isinstance(value, tuple) else str(value)


def blind_to_scale(name: str, arguments: Mapping[str, Value]) -> bool:
    """Return whether an optimizer's steps do not depend on how long gradients are (but for its eps), as with Adam.

    For such a one alpha times c is lora_up's rate times c.
    """
    if name == "Adafactor":
        return not arguments.get("scale_parameter", False)
    return name in _BLIND_TO_SCALE or _ADAMS.fullmatch(name) is not None


def estimates_rates(name: str) -> bool:
    """Return whether an optimizer estimates its own step size and takes a rate as a factor on it: Prodigy, D-Adaptation."""
    return _ESTIMATES.search(name) is not None


def _value(text: str) -> Value:
    if ":" in text:
        try:
            return tuple(float(part) for part in text.split(":"))
        except ValueError:
            return text
    try:
        # Literals alone, as sd-scripts reads them: nothing in the text is run.
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return found if isinstance(found, bool | int | float | str) or found is None else text


_Kind = tuple[Callable[[Value], bool], str]


def _number(low: float, high: float = math.inf, *, above: bool = False) -> _Kind:
    def fits(value: Value) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return math.isfinite(value) and low <= value <= high and not (above and value == low)

    bounds = f" above {low:g}" if above else f" from {low:g}"
    return fits, f"a number{bounds if math.isinf(high) else f' from {low:g} to {high:g}'}"


def _pair(low: float, high: float) -> _Kind:
    one, _ = _number(low)

    def fits(value: Value) -> bool:
        return isinstance(value, tuple) and len(value) == 2 and all(one(part) and part < high for part in value)

    return fits, f"two numbers from {low:g} and below {high:g}, as `0.9:0.99`"


def _switch(value: Value) -> bool:
    return isinstance(value, bool)


_POSITIVE = _number(0.0, above=True)
_FROM_0 = _number(0.0)
_BETAS = _pair(0.0, 1.0)
_SWITCH: _Kind = (_switch, "True or False")
_SHARE = _number(0.0, 1.0)
_OFF: _Kind = (
    lambda value: value is False,
    "False: the rates and the schedule say how large a step is, and with it they would say nothing",
)

# What their classes take and what is of use here, in the words of torch, transformers, prodigyopt and bitsandbytes.
_KNOWN: Mapping[str, Mapping[str, _Kind]] = {
    "AdamW": {"weight_decay": _FROM_0, "betas": _BETAS, "eps": _FROM_0, "amsgrad": _SWITCH},
    "AdamW8bit": {
        "weight_decay": _FROM_0,
        "betas": _BETAS,
        "eps": _FROM_0,
        "min_8bit_size": (lambda value: type(value) is int and value >= 0, "a whole number from 0"),
    },
    "Lion": {"weight_decay": _FROM_0, "betas": _BETAS},
    "SGDNesterov": {"weight_decay": _FROM_0, "momentum": _number(0.0, 1.0, above=True)},
    "Adafactor": {
        "weight_decay": _FROM_0,
        "eps": (_pair(0.0, math.inf)[0], "two numbers from 0, as `1e-30:1e-3`"),
        "clip_threshold": _POSITIVE,
        "decay_rate": _number(-10.0, 0.0),
        "beta1": (lambda value: value is None or _SHARE[0](value), "a number from 0 to 1, or None"),
        "scale_parameter": _SWITCH,
        "relative_step": _OFF,
        "warmup_init": _OFF,
    },
    "Prodigy": {
        "weight_decay": _FROM_0,
        "betas": _BETAS,
        "beta3": (lambda value: value is None or _SHARE[0](value), "a number from 0 to 1, or None"),
        "eps": _POSITIVE,
        "decouple": _SWITCH,
        "use_bias_correction": _SWITCH,
        "safeguard_warmup": _SWITCH,
        "d0": _POSITIVE,
        "d_coef": _POSITIVE,
        "growth_rate": _number(1.0),
        "slice_p": (lambda value: type(value) is int and value >= 1, "a whole number from 1"),
    },
}
