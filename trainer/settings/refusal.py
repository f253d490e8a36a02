"""SettingsErrors made from pydantic's reports and from unknown keys."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from typing import TypeVar

from pydantic import ValidationError

from trainer.errors import LoraTuiError, SettingsError
from trainer.settings import describe
from trainer.settings.absent_options import ABSENT_OPTIONS
from trainer.settings.profile_defaults import imitated
from trainer.text import printable

_Error = TypeVar("_Error", bound=LoraTuiError)

# Long enough to recognise a value by, short enough for one line of a terminal.
_SHOWN_LENGTH = 60


def unknown_key(where: str, key: str, known: Iterable[str] | None = None) -> SettingsError:
    """Return the error for an unknown key.

    Its way out is what to do without an option of sd-scripts that is not here, or the closest of `known` (default: the settings).
    """
    return SettingsError(where, found=f"unknown setting `{printable(key, _SHOWN_LENGTH)}`", way_out=_advice(key, known))


def wrong_keys(where: str, errors: Mapping[str, _Error]) -> _Error:
    """Return one error for all keys that a file should not hold, with what to do about each in its details.

    Args:
        where: the file.
        errors: key to the error that it alone would be; at least one.
    """
    first = next(iter(errors.values()))
    if len(errors) == 1:
        return first
    names = ", ".join(f"`{printable(key, _SHOWN_LENGTH)}`" for key in errors)
    return type(first)(
        where,
        found=f"{len(errors)} keys that lora-tui does not know there: {names}",
        way_out="remove them, or write what is meant in their place",
        details=[f"{error.where.removeprefix(where).strip(': ')}: {error.way_out}" for error in errors.values()],
    )


def _advice(key: str, known: Iterable[str] | None = None) -> str:
    if known is None and key in ABSENT_OPTIONS:
        return ABSENT_OPTIONS[key]
    if known is None:
        nearest = describe.nearest_name(key)
    else:
        nearest = next(iter(difflib.get_close_matches(key, known, n=1)), None)
    return f"did you mean `{nearest}`?" if nearest else "remove it"


def wrong_value(
    where: str, name: str, value: object, expected: str = "", behave_like: str | None = None
) -> SettingsError:
    """Return the error for a setting that cannot be `value`.

    Args:
        where: start of the error line.
        name: the setting.
        value: what stands there.
        expected: what should; blank: the setting's kind and bounds.
        behave_like: the trainer whose defaults count; None for our own.
    """
    info = describe.field(name)
    default = describe.shown_default(name, behave_like)
    return SettingsError(
        where,
        found=value_text(value),
        expected=expected or info.expected,
        way_out=f"the default is {default}" if default else "leave it out",
    )


def refused_setting(error: ValidationError, where: Callable[[str], str], behave_like: object = None) -> SettingsError:
    """Return the first error in the settings.

    Args:
        error: pydantic's report.
        where: makes the start of the line from a setting's name.
        behave_like: what the setting of that name should be.
    """
    profile = imitated(behave_like)
    first = error.errors(include_url=False)[0]
    context = first.get("ctx", {})
    if first["type"] == "settings_disagree":
        return SettingsError(
            where(context["field"]),
            found=printable(context["found"]),
            expected=context["expected"],
            way_out=context["way_out"],
        )
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown_key(where(name), name)
    expected = str(context["error"]) if first["type"] == "value_error" else ""
    if first["type"] == "too_short":
        expected = "at least one"
    return wrong_value(where(name), name, first["input"], expected, profile.key if profile is not None else None)


def value_text(value: object) -> str:
    """Return a value from outside as TOML writes it, on one line, cut to a readable length."""
    if isinstance(value, bool | int | float | str | datetime | date | time):
        import tomlkit  # noqa: PLC0415  # only an error waits for it

        return printable(tomlkit.item(value).as_string(), _SHOWN_LENGTH)
    if isinstance(value, dict):
        return "a table"
    return printable(str(value), _SHOWN_LENGTH)
