"""Texts that stand for numbers: `10%` of the steps, `512,768` pixels."""

import re

_AMOUNT = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<percent>%)?")
_SIZE = re.compile(r"(\d+)(?:\s*[,x]\s*(\d+))?")


def check_amount(text: str) -> str:
    """Return `text` in its plain form if it is `100`, `0.1` or `10%`.

    Raises:
        ValueError: it is none of these, or a share above the whole.
    """
    steps_of(text, 1)
    return text.strip().replace(" ", "")


def steps_of(text: str, total: int) -> int:
    """Return how many of `total` steps `text` stands for.

    `100` is steps; `10%` and any number below 1 are shares, cut to whole steps (sd-scripts: `int(ratio * max_train_steps)`).

    Raises:
        ValueError: `text` is no amount.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError("steps (`100`) or a share (`10%`, `0.1`)")
    number = float(match["number"])
    if match["percent"]:
        number /= 100
        if number > 1:
            raise ValueError("a share of at most 100%")
    elif number >= 1:
        if not number.is_integer():
            raise ValueError("whole steps (`100`) or a share (`10%`, `0.1`)")
        return int(number)
    # A share such as 29% is not exact in binary: 0.29 * 100 is 28.999…, which must not lose a step.
    return int(number * total + 1e-9)


def check_resolution(text: str) -> str:
    """Return `text` in its plain form if it is `512` or `512,768`.

    Raises:
        ValueError: it is neither, or a side is not between 32 and 8192 pixels.
    """
    width, height = size_of(text)
    if not all(32 <= side <= 8192 for side in (width, height)):
        raise ValueError("sides between 32 and 8192 pixels")
    return str(width) if width == height else f"{width},{height}"


def size_of(text: str) -> tuple[int, int]:
    """Return (width, height) in pixels.

    Raises:
        ValueError: `text` is not `512` or `512,768`.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("`512` or `width,height`")
    width = int(match[1])
    return width, int(match[2]) if match[2] else width
