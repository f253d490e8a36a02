"""Tables of the user's configuration file that the engine reads; options and keys of the dashboard stand in the same file."""

from pathlib import Path

from trainer.errors import SettingsError
from trainer.settings.toml_text import parse_toml, read_text
from trainer.text import printable
from trainer.workspace import config_home

CONFIG_NAME = "config.toml"

CONFIG_TABLES = {"energy": "the price of electricity, for the cost of a bake: `price_per_kwh` and `currency`"}
"""Table -> what it says. Each is read, and its keys are checked, by the one module that acts on it."""


def config_file() -> Path:
    """Return where the file is, which need not exist."""
    return config_home() / CONFIG_NAME


def config_table(name: str) -> dict[str, object]:
    """Return one table of the file; empty where there is no file, or the file has no such table.

    Args:
        name: a key of `CONFIG_TABLES`.

    Raises:
        SettingsError: the file cannot be read, is broken, or has something else under that name.
    """
    path = config_file()
    if not path.exists():
        return {}
    where = printable(str(path))
    table = parse_toml(read_text(path, "a configuration file"), where).get(name, {})
    if not isinstance(table, dict):
        raise SettingsError(where, found=f"{name} is not a table", expected=f"a table [{name}]")
    return table
