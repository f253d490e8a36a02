"""TOML files: reading, parsing, and the line of a key, each mistake as one SettingsError."""

import re
import tomllib
from pathlib import Path

from trainer.errors import SettingsError
from trainer.text import printable

_POSITION = re.compile(r" \(at (?:(line \d+), column \d+|(end) of document)\)$")
# Far above any settings file: a picture or a model given by mistake is refused before it fills the memory.
_MAX_BYTES = 4 * 2**20


def read_text(path: Path, kind: str = "a settings file") -> str:
    """Return the text of a TOML file; a byte order mark in front is dropped.

    Raises:
        SettingsError: it is missing, no file, not allowed to be read, too large or not UTF-8.
    """
    where = printable(str(path))
    try:
        if path.is_dir():
            raise SettingsError(where, found="a folder", expected=kind, way_out="name the .toml file in it")
        if path.stat().st_size > _MAX_BYTES:
            raise SettingsError(where, found=f"{path.stat().st_size:,} bytes", expected=f"{kind} in TOML")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(where, found="no such file", expected=kind, way_out="check the path") from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            where,
            found=f"not UTF-8 text (byte {error.start})",
            expected=f"{kind} in TOML",
            way_out="save it as UTF-8",
        ) from None
    except OSError as error:
        raise SettingsError(where, found=f"cannot be read ({error.strerror})", way_out="fix its permissions") from error


def parse_toml(text: str, where: str) -> dict[str, object]:
    """Return the values of a TOML text.

    Raises:
        SettingsError: it is broken; names the line and what is wrong there.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise SettingsError(where, found="brackets nested too deeply", expected="TOML") from None
    except ValueError as error:
        # TOMLDecodeError tells the line inside its message only; int() adds a plain ValueError for endless digits.
        message = str(error)
        position = _POSITION.search(message)
        place = f" {position[1] or position[2]}" if position else ""
        what = _POSITION.sub("", message)
        if what == "Cannot overwrite a value":
            what = "a key is given twice"
        raise SettingsError(
            f"{where}{place}",
            found=printable(f"broken TOML, {what[:1].lower()}{what[1:]}"),
            way_out="put texts in quotes, and one `key = value` on each line",
        ) from None


def place_of(text: str, key: str, where: str) -> str:
    """Return `where` with the line that `key` stands on, as far as it is found, and the key itself."""
    pattern = re.compile(rf"""^\s*["']?{re.escape(key)}["']?\s*=""")
    for number, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return f"{where} line {number}: {printable(key, 60)}"
    return f"{where}: {printable(key, 60)}"
