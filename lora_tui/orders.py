"""What the screen writes: orders to a bake, a new bake, a settings file. Each is short, and runs in a worker thread."""

from pathlib import Path
from typing import TYPE_CHECKING

from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.draft import Draft
    from trainer.journal.records import Bake, Order


def give(workspace: Workspace, bake: int, order: "Order") -> None:
    """Write `order` to `bake` into the journal.

    Raises:
        WorkspaceError: the journal cannot be written.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        journal.give_order(bake, order)


def queue(workspace: Workspace, draft: "Draft", why: str, engine_key: str) -> "Bake":
    """Check the draft, save it if it was edited, and queue it as a bake.

    Raises:
        LoraTuiError: the first thing found wrong; nothing was written then.
    """
    from trainer.jobs import check, queue_bake
    from trainer.journal.journal import Journal

    ready = check(draft.now, draft.path)
    if draft.unsaved:
        save(draft)
    with Journal(workspace.journal_path) as journal:
        return queue_bake(journal, workspace, ready, why=why, engine=engine_key)


def save(draft: "Draft") -> None:
    """Write the draft into its file.

    Raises:
        SettingsError: the file cannot be written.
    """
    from trainer.settings.toml_file import save_settings

    save_settings(draft.now, draft.path)


def make_subject(workspace: Workspace, name: str, data: str, base: str, validation: str) -> Path:
    """Write a subject and its settings with defaults from the data, and return the settings file.

    Raises:
        LoraTuiError: what is wrong; nothing was written.
    """
    from trainer.new_subject import make_subject as make

    held_out = Path(validation) if validation else None
    return make(name, Path(data), base, held_out, lambda: workspace).settings_file
