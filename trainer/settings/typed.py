"""Typed texts as values: from a form, the command line or TOML to what a setting holds."""

from collections.abc import Callable

from trainer.errors import SettingsError
from trainer.settings.describe import FieldInfo
from trainer.settings.refusal import wrong_value
from trainer.text import printable


def as_value(info: FieldInfo, written: object, where: Callable[[str], str]) -> object:
    """Return `written` in the type of the setting; other wrong values are left for the model to refuse.

    Blank is None where the setting is optional, `1e3` is a whole number, a choice may be in any case.

    Args:
        info: the setting.
        written: as it stands there.
        where: start of an error line by the setting's name; called for an error alone, since a line is not found at once.

    Raises:
        SettingsError: a switch stands where a number belongs, which Python would take for 0 or 1; or a path has control characters.
    """
    if isinstance(written, bool) and info.kind in ("int", "float"):
        raise wrong_value(where(info.name), info.name, written)
    if not isinstance(written, str):
        return written
    text = written.strip()
    if info.optional and not text:
        return None
    match info.kind:
        case "text" | "path":
            return written
        case "int":
            return _whole_number(text)
        case "choice":
            return next((choice for choice in info.choices if choice.casefold() == text.casefold()), text)
        case _:
            return text


def split_override(override: str, command: str = "--set") -> tuple[str, str]:
    """Return (name, text) of a `name=text` from the command line; dashes in the name stand for underscores.

    Args:
        override: as typed.
        command: the words before it, for the error.

    Raises:
        SettingsError: there is no `=` or no name.
    """
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise SettingsError(
            f"{command} {printable(override, 60)}",
            found="not in the form NAME=VALUE",
            way_out=f"write `{command} unet_lr=1e-4`",
        )
    return name.strip().replace("-", "_"), text


def _whole_number(text: str) -> int | str:
    """Return `1600`, `1_600`, `1e3` or `512.0` as a whole number, anything else as it is."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else text
