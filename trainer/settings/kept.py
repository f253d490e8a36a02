"""Settings as a workspace keeps them, in its journal, states and folders of bakes: paths inside it are relative."""

import os
from collections.abc import Callable
from pathlib import Path

from trainer.errors import SettingsError
from trainer.settings.describe import fields
from trainer.settings.model import Settings
from trainer.settings.subject import DEMO_BASE
from trainer.settings.toml_file import parse_settings, save_settings, settings_toml
from trainer.workspace_paths import WorkspacePaths


def kept_toml(settings: Settings, paths: WorkspacePaths) -> str:
    """Return settings whose paths are absolute as the TOML that is kept; paths in the workspace count from its root."""
    return settings_toml(_with_paths(settings, lambda path: kept_path(path, paths)))


def kept_path(path: str, paths: WorkspacePaths) -> str:
    """Return an absolute path as it is written down: from the root if it lies in the workspace; anything else as it is."""
    return _plain(paths.kept(path)) if os.path.isabs(path) else path


def kept_settings(text: str, where: str, paths: WorkspacePaths) -> Settings:
    """Return the settings of a TOML text that was kept, every path absolute, as it is now.

    Raises:
        SettingsError: as parse_settings.
    """
    return with_paths_found(parse_settings(text, where), paths)


def with_paths_found(settings: Settings, paths: WorkspacePaths) -> Settings:
    """Return `settings` with every path absolute, as it is now; blank ones and the base `demo` stay."""
    return _with_paths(settings, paths.found)


def save_beside(settings: Settings, file: Path, paths: WorkspacePaths) -> None:
    """Write settings whose paths are absolute to a file in the workspace, from which paths in the workspace count.

    Raises:
        SettingsError: as save_settings.
    """
    folder = os.path.relpath(file.parent, paths.root)

    def from_there(path: str) -> str:
        kept = paths.kept(path)
        return kept if os.path.isabs(kept) else _plain(os.path.relpath(kept, folder))

    save_settings(_with_paths(settings, from_there), file)


def kept_from_beside(text: str, file: Path, paths: WorkspacePaths) -> str:
    """Return the TOML of a file that save_beside wrote, with its paths as kept_toml has them; unchanged if it has none."""
    try:
        settings = parse_settings(text, file.name)
    except SettingsError:
        return text
    # One that an older version wrote has absolute paths.
    found = _with_paths(settings, lambda path: paths.found(os.path.normpath(file.parent / path)))
    return text if found == settings else kept_toml(found, paths)


def _with_paths(settings: Settings, change: Callable[[str], str]) -> Settings:
    values = {info.name: str(getattr(settings, info.name)) for info in fields() if info.kind == "path"}
    return settings.model_copy(
        update={name: change(value) for name, value in values.items() if value and value != DEMO_BASE}
    )


def _plain(path: str) -> str:
    """Return a relative path that is not taken for the base `demo` or somebody's home."""
    return f"./{path}" if path == DEMO_BASE or path.startswith("~") or path != path.strip() else path
