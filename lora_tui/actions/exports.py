"""Exports as the dashboard makes them: the settings being edited, written into the workspace's folder `exports`; for a thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.forms.draft import SettingsDraft
    from trainer.interop.export.export import Exported

FOLDER = "exports"
"""In a workspace. Not its root, where a TOML file is a settings file of ours."""


@dataclass(frozen=True)
class ReadyExport:
    """What an export would write: its files, and where."""

    exported: "Exported"
    file: Path


def make_export(workspace: Workspace, draft: "SettingsDraft", target: str) -> ReadyExport:
    """Return an export of a draft, not written yet.

    Args:
        workspace: where it will be written.
        draft: the settings as they are edited.
        target: key of what it is written for.

    Raises:
        LoraTuiError: the settings cannot be exported.
    """
    from trainer.interop.export.export import export_settings
    from trainer.interop.export.targets import TARGETS
    from trainer.settings.subject import resolve

    kind = TARGETS[target]
    folder = workspace.root / FOLDER
    stem, number = f"{draft.path.stem}.{kind.key}", 1
    # The text names the files beside it, so all names are settled now.
    endings = (kind.ending, ".dataset.toml", ".prompts.txt")
    while any((folder / f"{stem}{ending}").exists() for ending in endings):
        number += 1
        stem = f"{draft.path.stem}.{kind.key}-{number}"
    file, data_set = folder / f"{stem}{kind.ending}", folder / f"{stem}.dataset.toml"
    return ReadyExport(export_settings(resolve(draft.now, draft.path), draft.path, kind, file, data_set), file)


def write_export(ready: ReadyExport) -> Sequence[Path]:
    """Write an export and return its files.

    Raises:
        SettingsError: a file cannot be written.
    """
    from trainer.settings.toml_file import save_text

    # What is named is there before what names it.
    files = {**ready.exported.beside, ready.file: ready.exported.text}
    ready.file.parent.mkdir(exist_ok=True)
    for path, text in files.items():
        save_text(text, path)
    return tuple(files)
