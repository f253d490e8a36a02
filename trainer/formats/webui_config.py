"""A webui's `ui-config.json`: reads the defaults of its first tab, and writes them while everything else is kept."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from trainer.atomic_file import write_atomically
from trainer.errors import GridError
from trainer.formats.webui_file import read_webui_file
from trainer.regular_file import read_regular
from trainer.text import printable

_EXPECTED = "a webui's ui-config.json"
_MAX_BYTES = 16 * 2**20
# Which keys hold a field, current ones first. Their first folders and capitals changed with the versions:
# `txt2img/Sampling Steps/value` (2022), `txt2img/Sampling steps/value`, `customscript/sampler.py/txt2img/Sampling steps/value` (1.9).
_KEYS = {
    "prompt": ("txt2img/Prompt/value",),
    "negative_prompt": ("txt2img/Negative prompt/value",),
    "styles": ("txt2img/Styles/value",),
    "sampler": ("customscript/sampler.py/txt2img/Sampling method/value", "txt2img/Sampling method/value"),
    "schedule": ("customscript/sampler.py/txt2img/Schedule type/value", "txt2img/Schedule type/value"),
    "steps": ("customscript/sampler.py/txt2img/Sampling steps/value", "txt2img/Sampling steps/value"),
    "cfg_scale": ("txt2img/CFG Scale/value",),
    "width": ("txt2img/Width/value",),
    "height": ("txt2img/Height/value",),
    "seed": ("customscript/seed.py/txt2img/Seed/value", "txt2img/Seed/value"),
}
_TEXTS = ("prompt", "negative_prompt", "sampler", "schedule")
# A seed has ten digits.
_MAX_NUMBER = 10**12
_WHOLE = ("steps", "width", "height", "seed")


@dataclass(frozen=True)
class WebuiDefaults:
    """Defaults of the txt2img tab; None where the file has no value.

    Attributes:
        prompt, negative_prompt: the texts.
        styles: names of styles in styles.csv.
        sampler: its name, including the schedule before 1.9.
        schedule: the schedule type.
        steps: sampling steps.
        cfg_scale: factor of classifier-free guidance.
        width, height: pixels.
        seed: -1 for a random one.
    """

    prompt: str | None = None
    negative_prompt: str | None = None
    styles: tuple[str, ...] | None = None
    sampler: str | None = None
    schedule: str | None = None
    steps: int | None = None
    cfg_scale: float | None = None
    width: int | None = None
    height: int | None = None
    seed: int | None = None


def read_ui_config(path: Path) -> WebuiDefaults:
    """Return the defaults of the txt2img tab in a ui-config.json; a value of the wrong type counts as missing.

    Raises:
        GridError: it cannot be read or is not a JSON table.
    """
    table = _table(path)
    found: dict[str, object] = {}
    for name in _KEYS:
        for key in _present(table, name):
            if name not in found and (value := _as(name, table[key])) is not None:
                found[name] = value
    return WebuiDefaults(**found)  # type: ignore[arg-type]


def has_schedules(path: Path) -> bool:
    """Return whether the webui of this file has a separate schedule setting, as it does since 1.9.

    Raises:
        GridError: as read_ui_config.
    """
    table = _table(path)
    return bool(_present(table, "schedule")) or not _present(table, "sampler")


def write_ui_config(path: Path, defaults: WebuiDefaults) -> Path:
    """Write what is not None in `defaults` into a ui-config.json and return the path of the backup made before.

    Everything else in the file keeps its place and value. A value is written to every key that holds it now, or to the
    current webui's where none does.

    Raises:
        GridError: it cannot be read or written, or is not a JSON table.
    """
    table = dict(_table(path))
    for field in fields(defaults):
        value = getattr(defaults, field.name)
        if value is not None:
            for key in _present(table, field.name) or _KEYS[field.name][:1]:
                table[key] = list(value) if isinstance(value, tuple) else value
    try:
        backup = _backed_up(path)
        # The webui's own layout.
        write_atomically(path, json.dumps(table, indent=4, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise GridError(
            printable(str(error.filename or path)), found=f"cannot be written ({error.strerror})"
        ) from error
    return backup


def _table(path: Path) -> Mapping[str, object]:
    where = printable(str(path))
    content = read_webui_file(path, _MAX_BYTES, _EXPECTED)
    try:
        table = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        found = "nothing in it" if not content.strip() else f"not valid JSON{line}"
        raise GridError(where, found=found, expected=_EXPECTED) from error
    if not isinstance(table, dict):
        raise GridError(where, found="not a table", expected=_EXPECTED)
    return table


def _present(table: Mapping[str, object], name: str) -> list[str]:
    """Return the keys in `table` that hold a field, current ones first, in any case."""
    return [key for wanted in _KEYS[name] for key in table if key.lower() == wanted.lower()]


def _as(name: str, value: object) -> object:
    if name in _TEXTS:
        return value if isinstance(value, str) else None
    if name == "styles":
        names = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        return tuple(each for each in names if isinstance(each, str) and each not in ("", "None"))
    # Written so that NaN is refused too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _MAX_NUMBER:
        return None
    return float(value) if name not in _WHOLE else int(value) if value == value // 1 else None


def _backed_up(path: Path) -> Path:
    """Copy the file beside itself under a name with the time; existing backups stay."""
    content = read_regular(path, _MAX_BYTES)
    stamp = time.strftime("%Y%m%d-%H%M%S")
    number = 0
    while True:
        again = f"-{number}" if number else ""
        backup = path.with_name(f"{path.name}.{stamp}{again}.bak")
        try:
            handle = os.open(backup, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return backup
