"""What the keys of the Journal screen read of a bake, and write about it; for a worker thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.bakes import Opened
from lora_tui.forms.draft import SettingsDraft
from lora_tui.wording.numbers import file_size
from trainer.errors import WorkspaceError
from trainer.journal.measure_records import BakeNote
from trainer.journal.records import Checkpoint
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.history.history import BakeHistory
    from trainer.history.removal import Removal
    from trainer.journal.journal import Journal
    from trainer.settings.model import Settings


@dataclass
class NoteRead(Message):
    """What the user wrote about a bake, and every tag that is used; `about` is what it was read for, `notes` or `tags`."""

    note: BakeNote
    tags: tuple[str, ...]
    about: str


@dataclass
class NoteKept(Message):
    """What the user wrote is in the journal."""

    note: BakeNote


@dataclass
class EpochsRead(Message):
    """The saved LoRAs of a bake, and which of them the user calls the best."""

    number: int
    checkpoints: tuple[Checkpoint, ...]
    best: int | None


@dataclass
class RemovalRead(Message):
    """What would be deleted of a bake; `kind` is `prune` or `delete`."""

    kind: str
    number: int
    removal: "Removal"


@dataclass
class FilesRemoved(Message):
    """Files of a bake are gone; `line` says what."""

    line: str


def read_note(journal: "Journal", number: int, about: str) -> NoteRead:
    """Return what the user wrote about a bake, for `about`.

    Raises:
        WorkspaceError: it is damaged.
    """
    tags = {tag: None for note in journal.notes.all().values() for tag in note.tags}
    return NoteRead(journal.notes.of(number), tuple(sorted(tags)), about)


def read_epochs(journal: "Journal", number: int) -> EpochsRead:
    """Return the saved LoRAs of a bake.

    Raises:
        WorkspaceError: its note is damaged.
    """
    saved = tuple(journal.results.checkpoints(number))
    return EpochsRead(number, saved, journal.notes.of(number).best_step)


def keep_text(workspace: Workspace, number: int, text: str) -> Message:
    """Write the text of a bake's note.

    Raises:
        LoraTuiError: it is too long, or cannot be written.
    """
    from trainer.history.notes import keep_note
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return NoteKept(keep_note(journal, workspace, number, text=text))


def keep_tags(workspace: Workspace, number: int, tags: Sequence[str]) -> Message:
    """Write the tags of a bake.

    Raises:
        LoraTuiError: one is none, or they cannot be written.
    """
    from trainer.history.notes import keep_note
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return NoteKept(keep_note(journal, workspace, number, tags=tags))


def keep_best(workspace: Workspace, number: int, step: int | None) -> Message:
    """Write which epoch of a bake is the best: that of a step, or None for none.

    Raises:
        WorkspaceError: it saved none there, or it cannot be written.
    """
    from trainer.history.notes import keep_best as keep
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return NoteKept(keep(journal, workspace, number, step))


def plan_removal(
    journal: "Journal", history: "BakeHistory", workspace: Workspace, number: int, kind: str
) -> RemovalRead:
    """Return what pruning or deleting a bake would remove.

    Raises:
        WorkspaceError: it has not ended, something needs its files, or there is no such bake.
    """
    from trainer.history.removal import plan_deletion, plan_pruning

    entry = history.entry(number)
    if entry is None:
        raise WorkspaceError(f"bake {number}", found="is not in the journal any more")
    if kind == "delete":
        return RemovalRead(kind, number, plan_deletion(journal, workspace, [number]))
    return RemovalRead(kind, number, plan_pruning(journal, workspace, [entry]))


def remove(workspace: Workspace, removal: "Removal") -> Message:
    """Remove files of a bake.

    Raises:
        WorkspaceError: one cannot be removed, or the journal cannot be written.
    """
    from trainer.history.removal import remove as remove_files
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        freed = remove_files(journal, workspace, removal)
    return FilesRemoved(f"deleted {removal.goes}: {file_size(freed)} free")


def open_rebake(workspace: Workspace, number: int) -> Opened:
    """Return the settings of a bake as a draft to bake again from, in the settings file of its subject.

    What the file leaves blank stays blank where that means what the bake had.

    Raises:
        LoraTuiError: the settings cannot be read, or the file cannot be written.
    """
    from trainer.journal.bake_settings import settings_of
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        bake = journal.bakes.read(number)
        settings = settings_of(journal, bake)
    found = _file_of(workspace, settings)
    if found is None:
        from lora_tui.actions.imports import free_name
        from trainer.settings.toml_file import save_settings

        path = workspace.root / f"{free_name(workspace, bake.name)}.toml"
        save_settings(settings, path)
        return Opened(SettingsDraft(path, settings, settings, parent=number))
    path, saved = found
    return Opened(
        SettingsDraft(path, saved, _with_blanks(saved, settings, path), parent=number), f"settings of bake {number:04d}"
    )


def _file_of(workspace: Workspace, settings: "Settings") -> "tuple[Path, Settings] | None":
    """Return the settings file of the workspace that a bake's settings are of: the same subject and name."""
    from trainer.errors import LoraTuiError
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import load_settings

    for path in workspace.settings_files():
        try:
            saved = load_settings(path)
            filled = resolve(saved, path)
        except LoraTuiError:
            # A file that is being edited elsewhere, or is broken, is no reason to refuse.
            continue
        if (filled.subject, filled.output_name) == (settings.subject, settings.output_name):
            return path, saved
    return None


def _with_blanks(saved: "Settings", settings: "Settings", path: "Path") -> "Settings":
    from trainer.settings.subject import resolve
    from trainer.settings.toml_file import with_values

    filled = resolve(saved, path)
    # A path is filled in from the subject; as long as it is the same, the blank says it too.
    same = {
        name: value
        for name, value in saved.model_dump().items()
        if value != getattr(settings, name) == getattr(filled, name)
    }
    return with_values(settings, same) if same else settings
