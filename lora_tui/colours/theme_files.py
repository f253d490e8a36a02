"""Theme files: found, read and checked, and the user's choice among them."""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import Theme

from lora_tui.colours.palettes import GROUNDS, Palette, in_palette, palette_of, palettes
from trainer.errors import SettingsError
from trainer.settings.toml_text import line_of, parse_toml, read_text
from trainer.text import printable
from trainer.workspace import config_home, read_note, write_note

DEFAULT_THEME = "ember"
DEFAULT_LIGHT_THEME = "flour"
CURVE_COLOURS = 8
"""How many colours `curve-1` and so on there are for curves of several bakes."""

_COLOURS = (
    "primary",
    "secondary",
    "background",
    "surface",
    "panel",
    "foreground",
    "success",
    "warning",
    "error",
    "accent",
)
_KEYS = {"name", "dark", "variables", *_COLOURS, *(palette.table for palette in palettes())}


class ThemeFileError(ValueError):
    """A theme file that cannot be used; the message says why.

    Args:
        message: names the key.
        key: the key, to find its line; "" for none.
        table: the table that it stands in, "" for none.
    """

    def __init__(self, message: str, key: str = "", table: str = "") -> None:
        super().__init__(message)
        self.key, self.table = key, table


@dataclass(frozen=True)
class ThemeFile:
    """A theme, and the numbers of its colours on terminals that have few.

    Attributes:
        theme: in the colours of a terminal that has all.
        numbers: table of a palette -> role -> the number chosen for it.
    """

    theme: Theme
    numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundThemes:
    """Themes that loaded, and one line for each file that did not."""

    files: tuple[ThemeFile, ...]
    problems: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The themes' names, in the order of their files."""
        return [file.theme.name for file in self.files]


def themes_folder() -> Path:
    """Return the folder of the shipped themes: in the package when installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "themes"
    return installed if installed.is_dir() else package.parent / "themes"


def find_themes() -> FoundThemes:
    """Load our themes and the user's; a user's theme replaces ours of the same name."""
    files: dict[str, ThemeFile] = {}
    problems: list[str] = []
    for folder in (themes_folder(), config_home() / "themes"):
        for path in sorted(folder.glob("*.toml")):
            try:
                file = load_theme(path)
            except ThemeFileError as error:
                problems.append(f"{printable(path.name)}: {error}")
            else:
                files[file.theme.name] = file
    return FoundThemes(tuple(files.values()), tuple(problems))


def as_shown(file: ThemeFile, color_system: str | None) -> Theme:
    """Return the theme of `file` as a terminal shows it, and as our lists need it.

    Args:
        file: from `find_themes`, or around a theme that has no file.
        color_system: Rich's name of what the terminal has.
    """
    palette, theme = palette_of(color_system), file.theme
    if theme.ansi:
        return theme
    theme = replace(theme, variables={**_list_cursor(theme), **theme.variables})
    if palette is None:
        return theme
    numbers = file.numbers.get(palette.table, {})
    if not palette.apart:
        # Sixteen colours leave a theme little of its own: what it does not choose, ours has chosen.
        numbers = {**_ours(dark=theme.dark).numbers[palette.table], **numbers}
    made = {**roles(theme), **theme.to_color_system().generate(), **theme.variables}
    return in_palette(theme, numbers, palette, {role: made[role] for role in GROUNDS})


@cache
def _ours(*, dark: bool) -> ThemeFile:
    return load_theme(themes_folder() / f"{DEFAULT_THEME if dark else DEFAULT_LIGHT_THEME}.toml")


def mark_of_own_themes() -> tuple[tuple[str, int, int], ...]:
    """Return what tells the user's theme files from those of a moment ago: name, time of change in ns and size of each."""
    found = []
    with contextlib.suppress(OSError):
        for entry in sorted(os.scandir(config_home() / "themes"), key=lambda entry: entry.name):
            if entry.name.endswith(".toml"):
                about = entry.stat()
                found.append((entry.name, about.st_mtime_ns, about.st_size))
    return tuple(found)


def load_theme(path: Path) -> ThemeFile:
    """Read one theme file.

    Raises:
        ThemeFileError: it cannot be read, is not valid TOML, or a key or colour in it is wrong; names the line.
    """
    try:
        text = read_text(path, "a theme file")
    except SettingsError as error:
        raise ThemeFileError(error.found) from error
    try:
        return _theme_of(parse_toml(text, "TOML"), path.stem)
    except SettingsError as error:
        raise ThemeFileError(error.line()) from error
    except ThemeFileError as error:
        line = line_of(text, error.key, error.table) if error.key else None
        raise ThemeFileError(f"line {line}: {error}" if line else str(error)) from None


def _theme_of(table: Mapping[str, Any], stem: str) -> ThemeFile:
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        known = f"known keys: {', '.join(sorted(_KEYS))}"
        raise ThemeFileError(f"unknown key {printable(unknown[0], 40)}; {known}", unknown[0])
    if "primary" not in table:
        raise ThemeFileError("primary is missing")
    colours = {key: _colour(key, table[key]) for key in _COLOURS if key in table}
    theme = Theme(
        name=_name(table.get("name", stem)),
        primary=colours["primary"],
        secondary=colours.get("secondary"),
        background=colours.get("background"),
        surface=colours.get("surface"),
        panel=colours.get("panel"),
        foreground=colours.get("foreground"),
        success=colours.get("success"),
        warning=colours.get("warning"),
        error=colours.get("error"),
        accent=colours.get("accent"),
        dark=_flag("dark", table.get("dark", True)),
        variables=_variables(table.get("variables", {})),
    )
    numbers = {palette.table: _numbers(table.get(palette.table, {}), palette) for palette in palettes()}
    return ThemeFile(theme, numbers)


def roles(theme: Theme) -> dict[str, str]:
    """Return a colour for every role of our own that `theme` does not name itself.

    So Textual's themes, and users' short ones, need not name the colours of curves and meters.
    """
    if theme.ansi:
        return dict(_ANSI_ROLES)
    made = theme.to_color_system().generate()
    planned, ink = Color.parse(made["background"]), Color.parse(made["foreground"])
    accent, second = made["accent"], made["secondary"]
    return {
        "muted": ink.blend(planned, 0.42).hex6,
        "faint": ink.blend(planned, 0.66).hex6,
        "rule": ink.blend(planned, 0.80).hex6,
        "cursor-ground": planned.blend(ink, 0.10).hex6,
        "live": accent,
        "meter-ours": accent,
        "meter-others": second,
        "meter-free": ink.blend(planned, 0.78).hex6,
        "plot-raw": ink.blend(planned, 0.66).hex6,
        "plot-smooth": accent,
        "plot-validation": second,
        "plot-unet": accent,
        "plot-text-encoder": second,
        "plot-text-encoder-2": made["success"],
        **_curve_colours(Color.parse(accent), dark=theme.dark),
    }


def _curve_colours(first: Color, *, dark: bool) -> dict[str, str]:
    """Return the colours of overlaid curves: the hues of a circle that starts at `first`, all as light."""
    hue = first.hsl.h
    # Every third of the circle first: two or three curves are as far apart as they can be.
    turns = [place * 3 % CURVE_COLOURS / CURVE_COLOURS for place in range(CURVE_COLOURS)]
    made = (Color.from_hsl((hue + turn) % 1.0, 0.6, 0.68 if dark else 0.36) for turn in turns)
    return {f"curve-{place}": colour.hex6 for place, colour in enumerate(made, 1)}


def _list_cursor(theme: Theme) -> dict[str, str]:
    """Return the colours of the row under a list's cursor.

    Textual paints it in the primary colour, in which a row may have words of ours.
    """
    made = theme.to_color_system().generate()
    ground, ink = Color.parse(made["panel"]), Color.parse(made["foreground"])
    return {
        f"block-cursor{which}-{part}": colour
        for which in ("", "-blurred")
        for part, colour in (("background", ground.blend(ink, 0.16).hex6), ("foreground", ink.hex6))
    }


def remember_theme(name: str) -> None:
    """Save the chosen theme for the next start."""
    write_note("theme", name)


def remembered_theme() -> str:
    """Return the theme chosen last, else the default; it may no longer exist."""
    return read_note("theme") or DEFAULT_THEME


_ANSI_ROLES = {
    "muted": "ansi_bright_black",
    "faint": "ansi_bright_black",
    "rule": "ansi_bright_black",
    "cursor-ground": "ansi_bright_black",
    "live": "ansi_yellow",
    "meter-ours": "ansi_yellow",
    "meter-others": "ansi_blue",
    "meter-free": "ansi_bright_black",
    "plot-raw": "ansi_bright_black",
    "plot-smooth": "ansi_yellow",
    "plot-validation": "ansi_blue",
    "plot-unet": "ansi_yellow",
    "plot-text-encoder": "ansi_blue",
    "plot-text-encoder-2": "ansi_green",
    "curve-1": "ansi_yellow",
    "curve-2": "ansi_blue",
    "curve-3": "ansi_green",
    "curve-4": "ansi_magenta",
    "curve-5": "ansi_cyan",
    "curve-6": "ansi_red",
    "curve-7": "ansi_bright_black",
    "curve-8": "ansi_default",
}


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ThemeFileError(f"{key} must be text", *_place(key))
    return value


def _place(key: str) -> tuple[str, str]:
    """Return the key, and the table that it stands in, of a dotted name."""
    table, dot, name = key.rpartition(".")
    return (name, table) if dot else (key, "")


def _name(value: object) -> str:
    name = _text("name", value)
    # Textual uses it as a CSS class of the screen.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ThemeFileError(f"name {printable(name, 40)} may only have letters, digits, - and _", "name")
    return name


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ThemeFileError(f"{key} must be true or false", *_place(key))
    return value


def _colour(key: str, value: object) -> str:
    text = _text(key, value)
    try:
        Color.parse(text)
    except ColorParseError as error:
        raise ThemeFileError(f"{key} is not a colour: {printable(text, 40)}", *_place(key)) from error
    return text


def _variables(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ThemeFileError("variables must be a table", "variables")
    return {str(key): _colour(f"variables.{key}", entry) for key, entry in value.items()}


def _numbers(value: object, palette: Palette) -> dict[str, int]:
    if not isinstance(value, dict):
        raise ThemeFileError(f"{palette.table} must be a table", palette.table)
    return {str(key): _number(f"{palette.table}.{key}", entry, palette) for key, entry in value.items()}


def _number(key: str, value: object, palette: Palette) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value in palette.colours:
        return value
    first, last = min(palette.colours), max(palette.colours)
    unreachable = [str(number) for number in range(first, last + 1) if number not in palette.colours]
    but = f" other than {', '.join(unreachable)}" if unreachable else ""
    raise ThemeFileError(
        f"{key} must be a colour's number from {first} to {last}{but}, not {printable(str(value), 40)}",
        *_place(key),
    )
