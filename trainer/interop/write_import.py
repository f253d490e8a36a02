"""An import on its way into a folder: its documents read, its settings, subject and data set file written."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.errors import LoraTuiError, SettingsError
from trainer.interop.foreign_paths import remember_map, remembered_map
from trainer.interop.importer import PATHS_OF_SUBJECT, Imported, import_documents
from trainer.interop.named_models import finder
from trainer.interop.record import SourceDocument
from trainer.refusals import real_path, user_path
from trainer.settings.subject import FOLDER, Subject, load_subject, save_subject
from trainer.settings.toml_file import load_settings, refuse_existing, save_text
from trainer.text import printable
from trainer.workspace import Workspace, find_workspace
from trainer.workspace_paths import paths_around


def import_to(
    documents: Sequence[SourceDocument],
    out: Path,
    *,
    path_map: Mapping[str, str] | None = None,
    subject: str | None = None,
) -> Imported:
    """Return what an import into the settings file `out` would write; nothing is written yet.

    Folders of other computers that its workspace knows are mapped too.

    Args:
        documents: of one bake.
        out: the settings file.
        path_map: further folders of another computer to those here.
        subject: the subject's name; None for one that fits, that of its bake for a LoRA of this workspace; "" for none.

    Raises:
        SettingsError: as import_documents.
    """
    folder = subjects_folder(out)
    workspace = find_workspace(_folder_of(out))
    if subject is None and workspace is not None:
        subject = _subject_of_bake(workspace, documents)
    known = remembered_map(workspace)
    return import_documents(
        documents,
        path_map={**known, **(path_map or {})},
        subject=subject,
        data_set_name=f"{out.stem}-data.toml",
        has_subject=lambda name: (folder / f"{name}.toml").exists(),
        pictures_of=lambda name: _pictures_of(folder / f"{name}.toml"),
        find=finder(workspace.root) if workspace else None,
    )


def _subject_of_bake(workspace: Workspace, documents: Sequence[SourceDocument]) -> str | None:
    """Return the name of the subject that a bake in this workspace was of whose LoRA is imported, if that subject is still there.

    The metadata do not tell it, since they leave the machine; without it nothing would say where the pictures lie.
    """
    for folder in (Path(document.folder) for document in documents if document.folder):
        if real_path(folder).parent != real_path(workspace.bakes):
            continue
        try:
            name = load_settings(folder / "settings.toml").subject
        except LoraTuiError:
            # Removed or damaged: then the LoRA is like one from elsewhere.
            continue
        if name and (workspace.subjects / f"{name}.toml").is_file():
            return name
    return None


def _pictures_of(subject: Path) -> str:
    """Return the folder of a subject's pictures; a relative one counts from the folder that holds `subjects/`."""
    try:
        pictures = load_subject(subject).train_data_dir
        return str(subject.parent.parent / user_path(pictures)) if pictures else ""
    except LoraTuiError:
        # Not there, or damaged, which the plan says.
        return ""


def write_import(
    imported: Imported, out: Path, *, force: bool = False, path_map: Mapping[str, str] | None = None
) -> list[Path]:
    """Write an import: the settings last, so that they name nothing that is not there. Return the files.

    Args:
        imported: from import_to with the same `out`.
        out: the settings file.
        force: whether a settings file or data set file that is there is overwritten; a subject never is.
        path_map: folders of another computer that the workspace remembers from now on.

    Raises:
        SettingsError: a file is there already, or cannot be written; nothing was written then.
    """
    data_set = out.parent / f"{out.stem}-data.toml" if imported.data_set_text else None
    if not force:
        for path in filter(None, (out, data_set)):
            refuse_existing(path)
    _refuse_folder(out)
    # Refused before anything is written, whatever it holds.
    _ = imported.settings
    written: list[Path] = []
    if data_set is not None:
        save_text(imported.data_set_text, data_set)
        written.append(data_set)
    if imported.subject is not None:
        path = subjects_folder(out) / f"{imported.subject.name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_subject(_kept(imported.subject, path.parent.parent), path)
        written.append(path)
    save_text(imported.text, out)
    workspace = find_workspace(_folder_of(out))
    if workspace is not None and path_map:
        remember_map(workspace, path_map)
    return [*written, out]


def _refuse_folder(out: Path) -> None:
    """Refuse a settings file that could not be written, before the files that it names are.

    Raises:
        SettingsError: it is a folder, or lies in none that is there.
    """
    found = "a folder" if out.is_dir() else "" if out.parent.is_dir() else f"no folder {printable(str(out.parent))}"
    if found:
        raise SettingsError(
            printable(str(out)), found=found, expected="a file in a folder that exists", way_out="make the folder first"
        )


def _kept(subject: Subject, home: Path) -> Subject:
    """Return a subject whose paths into its workspace are from there, so that the workspace can be moved."""
    around = paths_around(home)
    if around.root != Path(os.path.abspath(home)):
        return subject
    named = {key: getattr(subject, key) for key in PATHS_OF_SUBJECT}
    return subject.model_copy(update={key: around.kept(text) for key, text in named.items() if os.path.isabs(text)})


def subjects_folder(out: Path) -> Path:
    """Return the folder of the subjects that a settings file can name: its workspace's, else the one beside it."""
    workspace: Workspace | None = find_workspace(_folder_of(out))
    return workspace.subjects if workspace else _folder_of(out) / FOLDER


def _folder_of(path: Path) -> Path:
    return Path(os.path.abspath(path)).parent
