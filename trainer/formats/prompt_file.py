"""sd-scripts' prompt files: lines with options (.txt), or the same as tables (.toml, .json)."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from trainer.errors import SettingsError
from trainer.families.record import MAX_SHIFT, MIN_SHIFT
from trainer.regular_file import open_regular
from trainer.text import printable
from trainer.text_encoding import UndecodableText, decode_text

_MAX_BYTES = 2**20
_OPTION = re.compile(r"\s--(?=[A-Za-z])")
_SIDE = 8


@dataclass(frozen=True)
class FilePrompt:
    """One prompt of the file; None where the file gives no value.

    Attributes:
        prompt: as written.
        negative_prompt: as written.
        width, height: pixels, cut to multiples of 8 as sd-scripts does.
        seed: 0 to 2**32 - 1.
        steps: sampling steps.
        cfg_scale: factor of guidance.
        sampler: as written; sd-scripts' names or the webui's.
        shift: of the times, on bases that predict a flow.
    """

    prompt: str
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    seed: int | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    sampler: str | None = None
    shift: float | None = None


# Option of a line -> our name; then the keys of tables, which may also be our names.
_OPTIONS = {
    "n": "negative_prompt",
    "w": "width",
    "h": "height",
    "d": "seed",
    "s": "steps",
    "l": "cfg_scale",
    "ss": "sampler",
    "fs": "shift",
}
_KEYS = {
    "sample_steps": "steps",
    "scale": "cfg_scale",
    "sample_sampler": "sampler",
    "flow_shift": "shift",
    **{field.name: field.name for field in fields(FilePrompt)},
}


def read_prompt_file(path: Path) -> tuple[FilePrompt, ...]:
    """Return the prompts of a file, in its order; its extension decides the format.

    Raises:
        SettingsError: it cannot be read, or a line or value is wrong; names the line.
    """
    where = printable(str(path))
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise SettingsError(
            where,
            found=f"extension {printable(path.suffix, 20)}" if path.suffix else "no extension",
            expected="a .txt, .toml or .json file",
        )
    prompts = parse(_text(path, where), where)
    if not prompts:
        raise SettingsError(where, found="no prompt", expected="at least one")
    return prompts


def _text(path: Path, where: str) -> str:
    try:
        with open_regular(path) as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            where, found=f"cannot be read ({error.strerror})", expected="a file with prompts", way_out="check the path"
        ) from error
    if len(content) > _MAX_BYTES:
        raise SettingsError(where, found="more than 1 MiB", expected="a file with prompts")
    try:
        return decode_text(content)
    except UndecodableText as error:
        raise SettingsError(where, found=error.found, expected="prompts in UTF-8", way_out=error.way_out) from None


def prompts_in_lines(text: str, where: str) -> tuple[FilePrompt, ...]:
    """Return the prompts of lines with options behind them, as a .txt file has them.

    Raises:
        SettingsError: a line is wrong; names it.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            found.append(_line(line.strip(), f"{where} line {number}"))
    return tuple(found)


def _line(line: str, where: str) -> FilePrompt:
    """Return the prompt of a line `words --option value …`."""
    # With the space before it a line may start with an option.
    words, *options = _OPTION.split(f" {line}")
    values: dict[str, object] = {"prompt": words.strip()}
    for option in options:
        name, _, text = option.strip().partition(" ")
        key = _OPTIONS.get(name.lower())
        if key is None:
            raise SettingsError(
                f"{where}: --{printable(name, 30)}",
                found="unknown option",
                expected=", ".join(f"--{each}" for each in _OPTIONS),
                way_out="remove it",
            )
        values[key] = text.strip()
    return _prompt(values, where)


def _toml(text: str, where: str) -> tuple[FilePrompt, ...]:
    """Return the prompts of `[prompt]` with its `[[prompt.subset]]`s, which inherit its values."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            where, found=printable(f"not valid TOML ({error})", 160), expected="prompts as TOML"
        ) from None
    shared = table.get("prompt")
    if not isinstance(shared, dict):
        raise SettingsError(where, found="no table [prompt]", expected="[prompt] and [[prompt.subset]]")
    subsets = shared.pop("subset", [{}])
    if not isinstance(subsets, list):
        raise SettingsError(f"{where}: subset", found="not a list of tables", expected="[[prompt.subset]]")
    return tuple(
        _table({**shared, **_mapping(subset, place)}, place)
        for place, subset in ((f"{where}: subset {number}", subset) for number, subset in enumerate(subsets, start=1))
    )


def _json(text: str, where: str) -> tuple[FilePrompt, ...]:
    """Return the prompts of a list of tables or lines."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            where, found=printable(f"not valid JSON ({error})", 160), expected="a list of prompts"
        ) from None
    if not isinstance(entries, list):
        raise SettingsError(where, found="not a list", expected="a list of prompts")
    return tuple(
        _line(entry.strip(), place) if isinstance(entry, str) else _table(_mapping(entry, place), place)
        for place, entry in ((f"{where}: prompt {number}", entry) for number, entry in enumerate(entries, start=1))
    )


_PARSERS: Mapping[str, Callable[[str, str], tuple[FilePrompt, ...]]] = {
    ".txt": prompts_in_lines,
    ".toml": _toml,
    ".json": _json,
}


def _mapping(entry: object, where: str) -> dict[str, object]:
    if not isinstance(entry, dict):
        raise SettingsError(where, found=printable(str(entry), 60), expected="a table with a prompt")
    return entry


def _table(entry: Mapping[str, object], where: str) -> FilePrompt:
    values: dict[str, object] = {}
    for name, value in entry.items():
        # sd-scripts writes the prompt's number in here.
        if name == "enum":
            continue
        key = _KEYS.get(name)
        if key is None:
            raise SettingsError(
                f"{where}: {printable(name, 30)}",
                found="unknown key",
                expected=", ".join(_KEYS),
                way_out="remove it",
            )
        values[key] = value
    return _prompt(values, where)


def _prompt(values: Mapping[str, object], where: str) -> FilePrompt:
    def whole(key: str, low: int, high: int) -> int | None:
        number = _number(values.get(key), f"{where}: {key}", low, high)
        if number is not None and number != int(number):
            raise SettingsError(f"{where}: {key}", found=f"{number:g}", expected="a whole number")
        return None if number is None else int(number)

    def words(key: str) -> str | None:
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise SettingsError(f"{where}: {key}", found=printable(str(value), 60), expected="text")
        return value

    def side(key: str) -> int | None:
        pixels = whole(key, 64, 4096)
        return None if pixels is None else pixels // _SIDE * _SIDE

    if not isinstance(values.get("prompt"), str):
        raise SettingsError(where, found="no prompt", expected='`prompt = "…"`')
    return FilePrompt(
        prompt=words("prompt") or "",
        negative_prompt=words("negative_prompt"),
        width=side("width"),
        height=side("height"),
        seed=whole("seed", 0, 2**32 - 1),
        steps=whole("steps", 1, 1000),
        cfg_scale=_number(values.get("cfg_scale"), f"{where}: cfg_scale", 0, 100),
        shift=_number(values.get("shift"), f"{where}: shift", MIN_SHIFT, MAX_SHIFT),
        sampler=words("sampler"),
    )


def _number(value: object, where: str, low: float, high: float) -> float | None:
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
        if not low <= number <= high:
            raise ValueError
    except (ValueError, OverflowError):
        raise SettingsError(
            where, found=printable(repr(value), 60), expected=f"a number from {low:g} to {high:.10g}"
        ) from None
    return number
