"""How does a settings file become a job? Loaded and checked, with the speed of bakes like it where the workspace knows one."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.bake.ground import Ground


def ready(settings_file: Path, overrides: Sequence[str]) -> "Ground":
    """Load and check a settings file, in the order a user would look for mistakes.

    Raises:
        SettingsError, DatasetError, ModelError, DeviceError, GridError: the first thing found wrong.
    """
    from trainer.errors import WorkspaceError
    from trainer.jobs import check, measured_speed, plan_for
    from trainer.journal.journal import Journal
    from trainer.settings.toml_file import load_settings
    from trainer.workspace import find_workspace

    path = settings_file.expanduser().resolve()
    ground = check(load_settings(path, overrides), path)
    workspace = find_workspace(path.parent)
    if workspace is None:
        return ground
    try:
        with Journal(workspace.journal_path) as journal:
            speed = measured_speed(journal, ground.settings)
    except WorkspaceError:
        # A plan tells less without the journal, and is right all the same.
        return ground
    return plan_for(ground.settings, ground.data, ground.validation, ground.base, speed)
