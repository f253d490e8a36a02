"""What the Bake screen reads and writes: settings, orders, a new bake. Each is short, runs in a worker thread and answers with a message."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.wording.unexpected import as_error
from trainer.errors import LoraTuiError
from trainer.journal.records import Bake, Order
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.forms.draft import SettingsDraft


@dataclass
class Opened(Message):
    """A settings file was read; `what` names what was loaded into the form besides it, for whoever undoes that."""

    draft: "SettingsDraft"
    what: str = ""


@dataclass
class NothingToOpen(Message):
    """The workspace has no settings file."""


@dataclass
class NotOpened(Message):
    """A settings file cannot be used."""

    path: Path
    error: LoraTuiError


@dataclass
class Saved(Message):
    """A draft was written to its file."""

    draft: "SettingsDraft"


@dataclass
class Queued(Message):
    """A bake is queued for the engine; its draft is saved."""

    bake: Bake
    draft: "SettingsDraft"


@dataclass
class Ordered(Message):
    """An order was written to the journal."""

    order: Order


@dataclass
class Resumed(Message):
    """A bake that ended early, or was parked, is queued for the engine again."""

    bake: Bake


@dataclass
class NothingToTell(Message):
    """Something was written that needs no answer."""


@dataclass
class Refused(Message):
    """Something was found wrong; nothing was written."""

    error: LoraTuiError


def answer_of(job: Callable[[], Message]) -> Message:
    """Do `job` and return its answer, or Refused with what went wrong."""
    try:
        return job()
    except Exception as error:
        # Whatever a disk or a library raises is worth a line on the screen, never the end of the program.
        return Refused(as_error("screen", error))


def open_settings(path: Path) -> Message:
    """Read the settings file `path`."""
    from lora_tui.forms.draft import open_draft

    try:
        return Opened(open_draft(path))
    except LoraTuiError as error:
        return NotOpened(path, error)


def open_first(workspace: Workspace, wanted: Path | None) -> Message:
    """Read the settings file `wanted`, else the workspace's first."""
    path = wanted or next(iter(workspace.settings_files()), None)
    return NothingToOpen() if path is None else open_settings(path)


def save_draft(draft: "SettingsDraft") -> Message:
    """Write the draft into its file.

    Raises:
        SettingsError: the file cannot be written.
    """
    from trainer.settings.toml_file import save_settings

    save_settings(draft.now, draft.path)
    return Saved(draft)


def queue_draft(workspace: Workspace, draft: "SettingsDraft", why: str, engine_key: str) -> Message:
    """Check the draft, save it if it was edited, and queue it as a bake.

    Raises:
        LoraTuiError: the first thing found wrong; nothing was written then.
    """
    from trainer.jobs.bakes import check, queue_bake
    from trainer.journal.journal import Journal

    ready = check(draft.now, draft.path)
    if draft.unsaved:
        save_draft(draft)
    with Journal(workspace.journal_path) as journal:
        queued = queue_bake(journal, workspace, ready, why=why, engine=engine_key, parent=draft.parent)
    # The next one from these settings is made from this one.
    return Queued(queued, replace(draft, parent=None))


def give_order(workspace: Workspace, bake: int, order: Order) -> Message:
    """Write `order` to `bake` into the journal.

    Raises:
        WorkspaceError: the journal cannot be written.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        journal.orders.give(bake, order)
    return Ordered(order)


def change_settings(workspace: Workspace, bake: int, assignments: Sequence[str]) -> Message:
    """Order live settings of `bake` to be changed, each as `name=value`; it obeys them in this order.

    Raises:
        WorkspaceError: the journal cannot be written.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        for assignment in assignments:
            journal.orders.give(bake, Order.SET, assignment)
    return Ordered(Order.SET)


def resume_bake(workspace: Workspace, bake: int, engine_key: str) -> Message:
    """Queue a bake that ended early, or was parked, again, before all others, for the engine with this key.

    Raises:
        WorkspaceError: it is done, running or already queued, or the journal cannot be written.
    """
    from trainer.jobs.fork import resume
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return Resumed(resume(journal, bake, engine_key))


def note_look(workspace: Workspace, now: float) -> Message:
    """Note that somebody looks at the screen at `now` (epoch seconds).

    Raises:
        WorkspaceError: the journal cannot be written.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        journal.digests.set_last_viewed(now)
    return NothingToTell()


def make_subject(workspace: Workspace, name: str, data: str, base: str, validation: str) -> Path:
    """Write a subject and its settings with defaults from the data, and return the settings file.

    Raises:
        LoraTuiError: what is wrong; nothing was written.
    """
    from trainer.jobs.new_subject import make_subject as make

    held_out = Path(validation) if validation else None
    return make(name, Path(data), base, held_out, lambda: workspace).settings_file
