"""Texts with a grammar of their own: `10%` of the steps, `512,768` pixels, `betas=0.9:0.999`."""

import itertools
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.text import path_fault

SWAP_BUFFERS = 2
"""Blocks that are on the GPU at any time where `blocks_to_swap` has more of them come and go."""

_AMOUNT = re.compile(r"(?P<number>(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?)\s*(?P<percent>%)?", re.ASCII | re.IGNORECASE)
_SIZE = re.compile(r"(\d{1,6})(?:\s*[,x]\s*(\d{1,6}))?", re.ASCII | re.IGNORECASE)
_STOP = re.compile(r"(\d{1,9})\s*(?:ep|epochs?)", re.ASCII | re.IGNORECASE)
_SHARE = re.compile(r"(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?", re.ASCII | re.IGNORECASE)
_RULE = re.compile(rf"({_SHARE.pattern})\s*:\s*(\d{{1,9}})", re.ASCII | re.IGNORECASE)
_REPEATS = re.compile(r"([^=]*[^=\s])\s*=\s*(\d{1,5})", re.ASCII)
# One part of a list: in double quotes, or up to the next comma.
_PART = re.compile(r'\s*+(?:"((?>(?:[^"]|"")*))"\s*+(?:,|$)|([^,]*)(?:,|$))')
_ARGUMENT = re.compile(r"\w+\s*=")


def check_amount(text: str) -> str:
    """Return `text` in its plain form if it is `100`, `0.1` or `10%`.

    Raises:
        ValueError: it is none of these, or a share above 100 %.
    """
    steps_of(text, 1)
    return text.strip().replace(" ", "")


def steps_of(text: str, total: int) -> int:
    """Return how many of `total` steps `text` stands for.

    `100` is steps; `10%` and any number below 1 are shares, cut to whole steps (sd-scripts: `int(ratio * max_train_steps)`).

    Raises:
        ValueError: `text` is not an amount.
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
        if not number.is_integer() or number > 1e9:
            raise ValueError("whole steps (`100`) or a share (`10%`, `0.1`)")
        return int(number)
    # A share such as 29% is not exact in binary: 0.29 * 100 is 28.999…, which must not lose a step.
    return int(number * total + 1e-9)


def is_share(text: str) -> bool:
    """Return whether an amount is a share of the bake, not steps; 0 is steps."""
    match = _AMOUNT.fullmatch(text.strip())
    return match is not None and (bool(match["percent"]) or 0 < float(match["number"]) < 1)


def check_stop(text: str) -> str:
    """Return `text` in its plain form if it is blank, `3ep`, `600` or `50%`.

    Raises:
        ValueError: it is none of these, or step 0.
    """
    plain = text.strip().lower()
    if not plain:
        return ""
    if match := _STOP.fullmatch(plain):
        if int(match[1]) < 1:
            raise ValueError("at least 1ep")
        return f"{int(match[1])}ep"
    try:
        steps = steps_of(plain, 1_000_000_000)
    except ValueError:
        steps = 0
    if steps < 1:
        raise ValueError("epochs (`3ep`), steps (`600`) or a share of the bake (`50%`), or blank")
    return plain.replace(" ", "")


def stop_step(text: str, *, total: int, steps_per_epoch: int) -> int | None:
    """Return after how many steps a part stops training, None for never.

    Args:
        text: checked by check_stop.
        total: steps of the bake.
        steps_per_epoch: steps of an epoch.
    """
    if not text:
        return None
    if match := _STOP.fullmatch(text):
        return int(match[1]) * steps_per_epoch
    return max(1, steps_of(text, total))


@dataclass(frozen=True)
class StepRules:
    """Shares of a peak rate by step: (step that it ends before, share) in order, and the share after the last."""

    until: tuple[tuple[int, float], ...]
    rest: float


def parse_step_rules(text: str) -> StepRules:
    """Return the rules of `1:100,0.5:200,0.1`: the full rate for 100 steps, half of it up to step 200, then a tenth (as diffusers).

    Raises:
        ValueError: `text` has another form, steps that do not rise, or shares below 0.
    """
    *pairs, last = (part.strip() for part in text.split(","))
    matches = [_RULE.fullmatch(pair) for pair in pairs]
    if any(match is None for match in matches) or not _SHARE.fullmatch(last):
        raise ValueError("`1:100,0.5:200,0.1`: share:step pairs, and the share after the last step")
    until = tuple((int(match[2]), float(match[1])) for match in matches if match)
    if any(before[0] >= after[0] for before, after in itertools.pairwise(until)):
        raise ValueError("steps that rise from pair to pair")
    return StepRules(until, float(last))


def check_rules(text: str) -> str:
    """Return a schedule's argument in its plain form if it is `step_rules=1:100,0.1`, which piecewise_constant takes.

    Raises:
        ValueError: it is not.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or name != "step_rules":
        raise ValueError(
            "`step_rules=1:100,0.5:200,0.1` for piecewise_constant; no other schedule takes an argument here"
        )
    rules = value.strip("'\"").replace(" ", "")
    parse_step_rules(rules)
    return f"step_rules={rules}"


def check_repeats(text: str) -> str:
    """Return `text` in its plain form if it is `folder=4`.

    Raises:
        ValueError: it is not, or the number is not between 0 and 10,000.
    """
    match = _REPEATS.fullmatch(text.strip())
    if match is None or int(match[2]) > 10_000:
        raise ValueError("a folder and its repeats, `10_school=4` (0 leaves it out)")
    return f"{match[1]}={int(match[2])}"


def check_picture_name(text: str) -> str:
    """Return `text` if it can be the name of a picture from the data folder: `10_school/a.png`.

    Raises:
        ValueError: it is blank or leads out of the folder, or as check_path.
    """
    parts = text.split("/")
    if not text or not all(part and part not in (".", "..") for part in parts):
        raise ValueError("the name of a picture from the data folder, `10_school/a.png`")
    return check_path(text)


def check_resolution(text: str) -> str:
    """Return `text` in its plain form if it is `512` or `512,768`.

    Raises:
        ValueError: it is neither, or a side is not between 32 and 8192 pixels.
    """
    width, height = parse_size(text)
    if not all(32 <= side <= 8192 for side in (width, height)):
        raise ValueError("sides between 32 and 8192 pixels")
    return str(width) if width == height else f"{width},{height}"


def check_sample_size(text: str) -> str:
    """Return `text` in its plain form if it is blank, `512` or `512,768`.

    Raises:
        ValueError: it is neither, or a side is not between 64 and 4096 pixels.
    """
    if not text.strip():
        return ""
    width, height = (side // 8 * 8 for side in parse_size(text))
    if not all(64 <= side <= 4096 for side in (width, height)):
        raise ValueError("sides between 64 and 4096 pixels, or blank")
    return str(width) if width == height else f"{width},{height}"


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) in pixels.

    Raises:
        ValueError: `text` is not `512` or `512,768`.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("`512` or `width,height`")
    width = int(match[1])
    return width, int(match[2]) if match[2] else width


def check_text(text: str) -> str:
    """Return `text` if a file can hold it; bytes of a file name that are not UTF-8 reach Python as lone surrogates, which no file can hold.

    Raises:
        ValueError: it holds such bytes.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a text or path in UTF-8 (rename the folder)") from None
    return text


def check_path(text: str) -> str:
    """Return `text` if a file can have it as its path.

    Raises:
        ValueError: it is too long, or as check_text.
    """
    if fault := path_fault(text):
        raise ValueError(f"a path that can exist ({fault})")
    return check_text(text)


def check_states(text: str) -> str:
    """Return `text` in its plain form if it is `last`, `epochs` or a number of states, at least 1.

    Raises:
        ValueError: it is none of these.
    """
    plain = text.strip().lower()
    if plain in ("last", "epochs"):
        return plain
    if not re.fullmatch(r"\d{1,6}", plain, re.ASCII) or int(plain) < 1:
        raise ValueError("`last`, `epochs` or a number of states (`3`)")
    return str(int(plain))


def check_command(text: str) -> str:
    """Return `text` if it can be split into a command and arguments, or is blank.

    Raises:
        ValueError: a quote is left open, or it has a character that no command line can hold.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("a command with closed quotes") from None
    if any("\0" in word for word in words) or (words and not words[0]):
        raise ValueError("a command and its arguments")
    return text.strip()


def bucket_range(low: int, high: int, step: int) -> tuple[int, int]:
    """Return the shortest and longest bucket side in pixels: `low` rounded down and `high` up to multiples of `step`.

    As sd-scripts rounds, but never below one step: a side of 0 pixels is no bucket.
    """
    return max(step, low // step * step), -(-high // step) * step


def split_list(text: str) -> list[str]:
    """Return the parts of a list typed as one text: parted by commas, one with a comma in double quotes, as `list_text` writes it."""
    parts = []
    for match in _PART.finditer(text):
        quoted, plain = match.groups()
        parts.append(plain.strip() if quoted is None else quoted.replace('""', '"'))
    return [part for part in parts if part]


def list_text(parts: Sequence[str]) -> str:
    """Return a list as one text, which `split_list` reads back; of arguments (`betas=0.9,0.999`) split_arguments does."""
    return ", ".join(map(_part_text, parts))


def _part_text(part: str) -> str:
    if part.startswith('"') or part != part.strip() or ("," in part and not _ARGUMENT.match(part)):
        escaped = part.replace('"', '""')
        return f'"{escaped}"'
    return part


def split_arguments(text: str) -> list[str]:
    """Return the `key=value` parts of `text`; a comma separates them only before a key (`betas=0.9,0.999` is one part)."""
    return [part.strip() for part in re.split(r",(?=\s*\w+\s*=)", text) if part.strip()]
