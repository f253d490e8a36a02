"""Optimizer names and arguments as people type them: checked, and turned into values. Free of torch."""

import ast
import re
from collections.abc import Mapping, Sequence

from trainer.errors import SettingsError
from trainer.optimizers import OPTIMIZERS, PATHS_OF_SD_SCRIPTS_NAMES, Value, names_text, spec_of
from trainer.text import printable

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ARGUMENTS = "`weight_decay=0.01`, `betas=0.9:0.999` or another `name=value`"
# The rates and what they apply to are the trainer's own.
_NOT_ARGUMENTS = ("lr", "params")


def check_optimizer(text: str) -> str:
    """Return the optimizer's name in its plain form: a short name, or a dotted path, also for sd-scripts' further short names.

    Raises:
        ValueError: it is neither.
    """
    plain = text.strip()
    known = next((name for name in OPTIMIZERS if name.casefold() == plain.casefold()), None)
    if known:
        return known
    for name, path in PATHS_OF_SD_SCRIPTS_NAMES.items():
        if name.casefold() == plain.casefold():
            return path
    if not _DOTTED.fullmatch(plain):
        raise ValueError(f"one of {names_text()}, or a class by its dotted path (`torch.optim.NAdam`)")
    return plain


def check_argument(text: str) -> str:
    """Return an argument in its plain form; sd-scripts' `betas=0.9,0.999` and `betas=(0.9, 0.999)` become `betas=0.9:0.999`.

    Raises:
        ValueError: it is not in the form NAME=VALUE, or sets what a setting of its own decides.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not _KEY.fullmatch(key) or not value:
        raise ValueError(_ARGUMENTS)
    if key in _NOT_ARGUMENTS:
        raise ValueError(f"any argument but `{key}`: unet_lr, text_encoder_lr and learning_rate set the rates")
    parts = [part.strip() for part in re.split(r"[:,]", value.strip("()[] ").rstrip(", "))]
    return f"{key}={':'.join(parts)}"


def arguments_of(arguments: Sequence[str]) -> dict[str, Value]:
    """Return checked arguments by name: numbers, switches, texts, and `a:b` as a tuple of numbers or None."""
    pairs = (argument.partition("=") for argument in arguments)
    return {key: _value(value) for key, _, value in pairs}


def check_arguments(name: str, arguments: Mapping[str, Value]) -> None:
    """Check that an optimizer known by a short name takes these arguments; those of a class by its path are checked when it is imported.

    Args:
        name: from check_optimizer.
        arguments: from arguments_of.

    Raises:
        SettingsError: it takes no such argument, or not such a value.
    """
    spec = spec_of(name)
    if spec is None:
        return
    for key, value in arguments.items():
        kind = spec.arguments.get(key)
        if kind is None:
            raise SettingsError(
                "optimizer_args",
                found=f"{printable(key, 60)}, which {name} does not take",
                expected=f"one of {', '.join(spec.arguments)}",
            )
        if not kind.accepts(value):
            found = f"{key}={printable(argument_text(value), 60)}"
            raise SettingsError("optimizer_args", found=found, expected=kind.words)


def argument_text(value: Value) -> str:
    """Return a value as it is typed after the `=`."""
    return ":".join(map(repr, value)) if isinstance(value, tuple) else str(value)


def _value(text: str) -> Value:
    if ":" in text:
        try:
            # torch's Adafactor has None in its pair.
            return tuple(None if part == "None" else float(part) for part in text.split(":"))
        except ValueError:
            return text
    try:
        # Literals alone, as sd-scripts reads them: nothing in the text is run.
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return found if isinstance(found, bool | int | float | str) or found is None else text
