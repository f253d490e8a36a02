"""Arithmetic that several trainers share: the numbers in folder names, steps from pictures, warm-ups, rounding."""

import math
import re
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import cast

from trainer.profiles.record import Counted, FolderName, Options, Repeats
from trainer.text import plural

SD_SCRIPTS_STEPS = 1600
"""The default of max_train_steps."""

_NUMERIC = re.compile(r"[\d.]+", re.ASCII)
_AMOUNT = re.compile(r"(?P<number>(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?)\s*(?P<percent>%)?", re.ASCII | re.IGNORECASE)
_N_NAME = re.compile(r"(\d+)_.*", re.ASCII | re.DOTALL)


def whole(options: Options, name: str, default: int = 0) -> int:
    """Return an option that is a whole number, `default` where it is blank."""
    value = options.get(name)
    return default if value is None or value == "" else int(cast("int", value))


def half_to_even(value: float) -> int:
    """Round as PowerShell's `[int]` and `[math]::Round` and Python's `round` do: 2.5 to 2, 3.5 to 4."""
    return round(value)


def share_of(text: object) -> Fraction | None:
    """Return the share that an amount such as `10%` or `0.1` is, None for one in steps."""
    match = _AMOUNT.fullmatch(str(text).strip())
    if match is None:
        return None
    number = Fraction(match["number"])
    if match["percent"]:
        return number / 100
    return number if number < 1 else None


def amount_in_steps(text: object) -> int:
    """Return the steps of an amount such as `100`, 0 for a share or a blank."""
    match = _AMOUNT.fullmatch(str(text).strip())
    return 0 if match is None or share_of(text) is not None else int(Fraction(match["number"]))


# Repeats in the names of folders.


def _python_int(folder: FolderName, options: Options) -> int | None:
    """Repeats as Python's int() reads the text before the first `_`; folders without are left out (sd-scripts)."""
    try:
        return None if folder.is_root else int(folder.name.split("_")[0])
    except ValueError:
        return None


def _python_int_before_underscore(folder: FolderName, options: Options) -> int | None:
    """The same for folders with a `_` in their names only (Easy Training Scripts)."""
    return _python_int(folder, options) if "_" in folder.name else None


def _python_int_or_stop(folder: FolderName, options: Options) -> int | None:
    """Repeats as Python's int() reads them; a folder without stops the trainer (kohya_ss of 2023).

    Raises:
        ValueError: the folder's name has no whole number in front.
    """
    if folder.is_root:
        return None
    try:
        return int(folder.name.split("_")[0])
    except ValueError:
        raise ValueError(
            f"folder {folder.name} has no whole number of repeats in front, so that it does not start"
        ) from None


def _powershell_int(folder: FolderName, options: Options) -> int | None:
    """Repeats as PowerShell's [int] reads them, `1.5` as 2; folders without a number are left out."""
    return None if folder.is_root else _powershell_number(folder.name.split("_")[0])


def _powershell_int_or_stop(folder: FolderName, options: Options) -> int | None:
    """The same, where a folder without a number above 0 is an error (anon-1337).

    Raises:
        ValueError: the folder's name has none.
    """
    if folder.is_root:
        return None
    number = _powershell_number(folder.name.split("_")[0])
    if number is None:
        raise ValueError(f"folder {folder.name} does not start with a number, which is an error to it")
    if number <= 0:
        raise ValueError(f"folder {folder.name} has {plural(number, 'repeat')}, and it takes those above 0")
    return number


def _every_folder_once(folder: FolderName, options: Options) -> int | None:
    """Return 1: folders are not asked for repeats, and the data folder counts as well."""
    return 1


def _data_folder_once(folder: FolderName, options: Options) -> int | None:
    """Return 1 for the data folder alone."""
    return 1 if folder.is_root else None


def _typed_repeats(folder: FolderName, options: Options) -> int | None:
    """The `num_repeats` of each folder that today's Easy Training Scripts fill in from its name; 1 where it has no number."""
    if folder.is_root:
        return None
    try:
        return max(1, int(folder.name.split("_")[0]))
    except ValueError:
        return 1


def _our_repeats(folder: FolderName, options: Options) -> int | None:
    """Our own: the number before `_`, else dataset_repeats for the data folder and none for others."""
    match = _N_NAME.fullmatch(folder.name)
    if match:
        return int(match[1]) or None
    return whole(options, "dataset_repeats", 1) if folder.is_root else None


def _powershell_number(text: str) -> int | None:
    """Return what PowerShell makes of a text of digits and dots: cast by [int], half to even; None where it is no number."""
    if not _NUMERIC.fullmatch(text):
        return None
    try:
        return half_to_even(float(text))
    except ValueError:
        return None


PYTHON_INT = Repeats(
    _python_int, "the whole number before the first `_` of a folder in the data folder; others are left out"
)
PYTHON_INT_BEFORE_UNDERSCORE = Repeats(
    _python_int_before_underscore, "the whole number before the `_` of a folder in the data folder; others are left out"
)
PYTHON_INT_OR_STOP = Repeats(_python_int_or_stop, "the whole number before the first `_`; a folder without one ends it")
POWERSHELL_INT = Repeats(
    _powershell_int,
    "the number before the first `_`, rounded half to even; folders without one are taken to be left out",
)
POWERSHELL_INT_OR_STOP = Repeats(
    _powershell_int_or_stop,
    "the number before the first `_`, rounded half to even; a folder without one above 0 is an error",
)
EVERY_FOLDER_ONCE = Repeats(_every_folder_once, "a number in a folder's name means nothing: each picture counts once")
DATA_FOLDER_ONCE = Repeats(_data_folder_once, "only pictures in the data folder itself count, each once")
TYPED_REPEATS = Repeats(_typed_repeats, "each folder is chosen by hand, with the number before its first `_`, else 1")
OUR_REPEATS = Repeats(
    _our_repeats, "the number before the `_`; pictures in the data folder itself have dataset_repeats"
)

# Steps. Floats as in the scripts themselves, so that their roundings are theirs too.


def epochs_of(options: Options) -> int | None:
    """Return max_train_epochs, None where steps count."""
    value = options.get("max_train_epochs")
    return None if value in (None, "") else int(cast("int", value))


def steps_beside_epochs(options: Options, stated: Collection[str]) -> bool:
    """Return whether steps were asked for beside epochs. sd-scripts' own number says nothing: files that are written out have it."""
    steps = options.get("max_train_steps")
    return "max_train_steps" in stated and steps != SD_SCRIPTS_STEPS and epochs_of(options) is not None


def engine_counts(counted: Counted) -> int | None:
    """Leave the steps to the engine."""
    return None


def rounded_steps(counted: Counted) -> int | None:
    """`[int](total / batch * epochs)`, half to even (the legacy script)."""
    return _scaled(counted, half_to_even)


def rounded_steps_doubled(counted: Counted) -> int | None:
    """The same, of twice the pictures where there are any for regularisation (anon-1337)."""
    return _scaled(counted, half_to_even, 2 if counted.regularisation else 1)


def truncated_steps(counted: Counted) -> int | None:
    """`int(total / batch * epochs)` (Easy Training Scripts)."""
    return _scaled(counted, int)


def ceiling_steps(counted: Counted) -> int | None:
    """`ceil(total / batch * epochs)` (kohya_ss of 2023)."""
    return _scaled(counted, math.ceil)


def ceiling_steps_accumulated(counted: Counted) -> int | None:
    """`ceil(total / batch / accumulation * epochs * (2 with regularisation))` (today's kohya_ss)."""
    epochs = epochs_of(counted.options)
    if epochs is None:
        return whole(counted.options, "max_train_steps")
    batch = whole(counted.options, "train_batch_size", 1)
    accumulated = whole(counted.options, "gradient_accumulation_steps", 1)
    return math.ceil(float(counted.total) / batch / accumulated * epochs * (2 if counted.regularisation else 1))


def batch_steps(counted: Counted) -> int | None:
    """`ceil(batches / accumulation) × epochs` (today's Easy Training Scripts)."""
    epochs = epochs_of(counted.options)
    if epochs is None:
        return whole(counted.options, "max_train_steps")
    return -(-counted.batches // whole(counted.options, "gradient_accumulation_steps", 1)) * epochs


def pictures_shown(counted: Counted) -> int | None:
    """Epochs × pictures shown in one: a picture is a step (sd_dreambooth_extension)."""
    epochs = epochs_of(counted.options)
    if epochs is None:
        return None
    return epochs * (counted.total if counted.shown is None else counted.shown)


def _scaled(counted: Counted, to_whole: Callable[[float], int], factor: int = 1) -> int | None:
    epochs = epochs_of(counted.options)
    if epochs is None:
        return whole(counted.options, "max_train_steps")
    batch = whole(counted.options, "train_batch_size", 1)
    return to_whole(counted.total * factor / batch * epochs)


# Warm-ups. A schedule without one is dealt with where they are asked for (`run.warmup_in_force`).


def steps_alone(options: Options, total: int) -> int:
    """A number of steps; a share cannot be passed (sd-scripts of 2023)."""
    return amount_in_steps(options.get("lr_warmup_steps", "0"))


def pictures_alone(options: Options, total: int) -> int:
    """A number of pictures, since the schedule moves on by the batch with each step (sd_dreambooth_extension)."""
    return -(-steps_alone(options, total) // whole(options, "train_batch_size", 1))


def truncated_share(options: Options, total: int) -> int:
    """`int(steps * ratio)` (Easy Training Scripts, today's sd-scripts)."""
    share = share_of(options.get("lr_warmup_steps", "0"))
    return steps_alone(options, total) if share is None else int(total * float(share))


def rounded_share(options: Options, total: int) -> int:
    """`round(steps * ratio)`, the ratio between 0 and 1, half to even (anon-1337, the legacy script)."""
    share = share_of(options.get("lr_warmup_steps", "0"))
    if share is None:
        return steps_alone(options, total)
    return half_to_even(total * min(1.0, max(0.0, float(share))))


def whole_percent(options: Options, total: int) -> int:
    """`round(int(percent) * steps / 100)` (kohya_ss of 2023).

    Raises:
        ValueError: the share is no whole per cent, which that field cannot hold.
    """
    share = share_of(options.get("lr_warmup_steps", "0"))
    if share is None:
        return steps_alone(options, total)
    percent = share * 100
    if percent.denominator != 1:
        raise ValueError(f"a warm-up of {float(percent):g} %, and its field takes whole per cents")
    return half_to_even(float(int(percent) * total / 100))


def onetrainer_warmup(options: Options, total: int) -> int:
    """Above 1 batches, divided by the accumulation; up to 1 a share, cut to whole steps (OneTrainer)."""
    share = share_of(options.get("lr_warmup_steps", "0"))
    if share is not None:
        return int(total * float(share))
    return steps_alone(options, total) // whole(options, "gradient_accumulation_steps", 1)


def our_warmup(options: Options, total: int) -> int:
    """Our own: whole steps of a share, without losing one to binary fractions."""
    share = share_of(options.get("lr_warmup_steps", "0"))
    return steps_alone(options, total) if share is None else int(share * total)
