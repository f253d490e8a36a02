"""The user's config file: options of the dashboard, and the user's own keys."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from lora_tui.keys.own_keys import DEFAULT_KEYS, KeyTable, check_own_keys, nearest
from trainer.config_tables import CONFIG_TABLES, config_file
from trainer.errors import SettingsError
from trainer.settings.toml_text import parse_toml, place_of, read_text
from trainer.text import printable

_KEYS = "keys"


@dataclass(frozen=True)
class ConfigOption:
    """One option of the config file that is true or false.

    Attributes:
        key: as the file calls it, and as `UserConfig` does.
        default: its value where the file does not give one.
        help: what it does.
    """

    key: str
    default: bool
    help: str


OPTIONS: tuple[ConfigOption, ...] = (
    ConfigOption(
        "mouse",
        True,
        "whether a click moves the focus and the cursor, and the wheel scrolls; false leaves the mouse to the terminal, which selects text with it",
    ),
)
"""In the order of docs/keys.md."""


@dataclass(frozen=True)
class UserConfig:
    """What the user has set, and what could not be used of it.

    Attributes:
        options: key of an option -> its value, the default where nothing else is given.
        keys: the keys in force.
        problems: what is wrong in the file, one error each; everything else of it holds.
    """

    options: Mapping[str, bool] = field(default_factory=lambda: {option.key: option.default for option in OPTIONS})
    keys: KeyTable = DEFAULT_KEYS
    problems: tuple[SettingsError, ...] = ()

    @property
    def mouse(self) -> bool:
        """Whether the dashboard takes the mouse."""
        return self.options["mouse"]


def read_user_config() -> UserConfig:
    """Return what the config file says. A missing file says nothing; what is wrong in one is left out and told."""
    path = config_file()
    if not os.path.lexists(path):
        return UserConfig()
    try:
        text = read_text(path, "the config of lora-tui")
        values = parse_toml(text, printable(str(path)))
    except SettingsError as error:
        return UserConfig(problems=(error,))
    return _config_of(values, text, printable(str(path)))


def _config_of(values: Mapping[str, object], text: str, where: str) -> UserConfig:
    options = {option.key: option.default for option in OPTIONS}
    problems: list[SettingsError] = []
    for key, value in values.items():
        if key == _KEYS or key in CONFIG_TABLES:
            continue
        place = place_of(text, key, where)
        if key not in options:
            tables = (_KEYS, *CONFIG_TABLES)
            near = nearest(key, (*options, *tables), n=1, cutoff=0.5)
            known = ", ".join((*options, *(f"[{table}]" for table in tables)))
            expected = f"{near[0]}, or another of {known}" if near else f"one of {known}"
            problems.append(SettingsError(place, found="no such option", expected=expected))
        elif isinstance(value, bool):
            options[key] = value
        else:
            problems.append(SettingsError(place, found=printable(str(value), 40), expected="true or false"))
    table = values.get(_KEYS, {})
    if not isinstance(table, dict):
        place = place_of(text, _KEYS, where)
        problems.append(
            SettingsError(
                place, found=printable(str(table), 40), expected='a table, [keys], of lines such as "bake.pause" = "p"'
            )
        )
        table = {}
    keys, wrong = check_own_keys(dict(_flat(table)), lambda name: _place_of_key(text, name, where))
    return UserConfig(options, keys, (*problems, *wrong))


def _flat(table: Mapping[str, object], before: str = "") -> list[tuple[str, object]]:
    """Return id -> keys; an id without quotes is a table in a table to TOML."""
    found: list[tuple[str, object]] = []
    for key, value in table.items():
        name = f"{before}{key}"
        found += _flat(value, f"{name}.") if isinstance(value, dict) and value else [(name, value)]
    return found


def _place_of_key(text: str, name: str, where: str) -> str:
    """Return file, line and id; in a table `[keys.bake]` a line has the end of the id alone."""
    whole = place_of(text, name, where)
    if whole != f"{where}: {printable(name, 60)}":
        return whole
    last = name.rpartition(".")[2]
    return place_of(text, last, where).removesuffix(printable(last, 60)) + printable(name, 60)
