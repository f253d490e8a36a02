"""Which theme files there are, what they say, and which one the user chose."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from textual.color import Color, ColorParseError
from textual.theme import Theme

from trainer.text import printable
from trainer.workspace import config_home, state_home

DEFAULT_THEME = "ember"

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
_KEYS = {"name", "dark", "variables", *_COLOURS}


class ThemeFileError(ValueError):
    """A theme file cannot be used; the message says why."""


@dataclass(frozen=True)
class FoundThemes:
    """Themes that loaded, and one line for each file that did not."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...]


def themes_folder() -> Path:
    """Return the folder of the themes that come along: beside this module when installed, above it in a checkout."""
    here = Path(__file__).resolve().parent
    installed = here / "themes"
    return installed if installed.is_dir() else here.parent / "themes"


def find_themes() -> FoundThemes:
    """Load our themes and the user's; a user's theme of the same name stands in for ours."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in (themes_folder(), config_home() / "themes"):
        for path in sorted(folder.glob("*.toml")):
            try:
                theme = load_theme(path)
            except ThemeFileError as error:
                problems.append(f"{printable(path.name)}: {error}")
            else:
                themes[theme.name] = theme
    return FoundThemes(tuple(themes.values()), tuple(problems))


def load_theme(path: Path) -> Theme:
    """Read one theme file.

    Raises:
        ThemeFileError: it cannot be read, is no TOML, or a key or colour in it is wrong.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ThemeFileError(f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ThemeFileError(f"no TOML ({printable(str(error), 120)})") from error
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise ThemeFileError(f"unknown key {printable(unknown[0], 40)}; known are {', '.join(sorted(_KEYS))}")
    if "primary" not in table:
        raise ThemeFileError("primary is missing")
    colours = {key: _colour(key, table[key]) for key in _COLOURS if key in table}
    return Theme(
        name=_name(table.get("name", path.stem)),
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


def roles(theme: Theme) -> dict[str, str]:
    """Return a colour for every role of our own that `theme` does not name itself.

    Textual's themes, and users' short ones, thus need no word about curves and meters.
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
    }


def remember_theme(name: str) -> None:
    """Note the chosen theme for the next start. A home that cannot be written is no reason to fail."""
    try:
        state_home().mkdir(parents=True, exist_ok=True)
        (state_home() / "theme").write_text(name, encoding="utf-8")
    except OSError:
        return


def remembered_theme() -> str:
    """Return the theme chosen last, else the default; it may be gone meanwhile."""
    try:
        return (state_home() / "theme").read_text(encoding="utf-8").strip() or DEFAULT_THEME
    except (OSError, UnicodeDecodeError):
        return DEFAULT_THEME


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
}


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ThemeFileError(f"{key} is no text")
    return value


def _name(value: object) -> str:
    name = _text("name", value)
    # Textual makes a class of the screen of it.
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ThemeFileError(f"name {printable(name, 40)} has more than letters, digits, - and _")
    return name


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ThemeFileError(f"{key} is neither true nor false")
    return value


def _colour(key: str, value: object) -> str:
    text = _text(key, value)
    try:
        Color.parse(text)
    except ColorParseError as error:
        raise ThemeFileError(f"{key} is no colour: {printable(text, 40)}") from error
    return text


def _variables(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ThemeFileError("variables is no table")
    return {str(key): _colour(f"variables.{key}", entry) for key, entry in value.items()}
