"""Which optimizers are there, and what may be told them? Names and arguments as texts; free of torch."""

import ast
import re
from collections.abc import Sequence

NAMES = ("AdamW", "Adafactor", "Lion", "Prodigy", "SGDNesterov", "AdamW8bit")
"""Those known by a short name, in any case; every other one is a class by its dotted path."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+", re.ASCII)
_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ARGUMENTS = "`weight_decay=0.01`, `betas=0.9:0.999` or another `name=value`"

Value = bool | int | float | str | tuple[float, ...] | None


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
        ValueError: it is no `name=value`.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not _KEY.fullmatch(key) or not value:
        raise ValueError(_ARGUMENTS)
    parts = [part.strip() for part in re.split(r"[:,]", value.strip("()[] ").rstrip(", "))]
    plain = f"{key}={':'.join(parts)}"
    _value(":".join(parts))
    return plain


def arguments_of(arguments: Sequence[str]) -> dict[str, Value]:
    """Return checked arguments by name: numbers, switches, texts, and `a:b` as a tuple of numbers."""
    pairs = (argument.partition("=") for argument in arguments)
    return {key: _value(value) for key, _, value in pairs}


def _value(text: str) -> Value:
    if ":" in text:
        try:
            return tuple(float(part) for part in text.split(":"))
        except ValueError:
            return text
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return found if isinstance(found, bool | int | float | str) or found is None else text
