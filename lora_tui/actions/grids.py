"""What the Grid screen reads and writes: specs, a new grid, orders to one being made. Each is short, runs in a worker thread and answers with a message."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from lora_tui.actions.bakes import NothingToTell
from trainer.errors import GridError, LoraTuiError
from trainer.journal.grid_records import CellNote, Grid, GridState
from trainer.journal.records import Bake
from trainer.text import printable
from trainer.workspace import Workspace

if TYPE_CHECKING:
    from lora_tui.actions.kept_specs import KeptSpecs
    from lora_tui.actions.page_file import PageFile
    from trainer.gallery.sidecar import MadeGrid
    from trainer.grid.spec import GridSpec
    from trainer.grid.styles import Style
    from trainer.jobs.grids import PlannedGrid

# Far above any spec.
_MAX_SPEC_BYTES = 64 * 2**20


@dataclass
class SpecRead(Message):
    """A spec for the builder; `about` says where it is from, "" where the user chose it by name."""

    spec: "GridSpec"
    about: str = ""


@dataclass
class FirstSpecRead(Message):
    """What the builder starts with.

    Attributes:
        start: what it is for, as KeptSpecs names it.
        first: what bake or subject suggest.
        spec: the same with what the user changed in it before.
    """

    start: str
    first: "GridSpec"
    spec: "GridSpec"


@dataclass
class NoSpec(Message):
    """The builder has nothing to start from."""

    error: LoraTuiError


@dataclass
class StylesRead(Message):
    """The styles of the workspace."""

    styles: "tuple[Style, ...]"


@dataclass
class GridsRead(Message):
    """All grids, newest first."""

    grids: tuple[Grid, ...]


@dataclass
class NewestRead(Message):
    """The grid to show first: the one being made, else the newest."""

    number: int


@dataclass
class GridQueued(Message):
    """A grid is queued, under its job's number."""

    grid: int
    job: Bake


@dataclass
class GridOrdered(Message):
    """A running bake was ordered to make a grid between two steps."""

    grid: Grid
    bake: int


@dataclass
class PageWritten(Message):
    """A grid's HTML page was written."""

    page: "PageFile"


@dataclass
class GridNote(Message):
    """Something was done; one line about it for the user."""

    line: str


def first_spec(workspace: Workspace, kept: "KeptSpecs", bake: int | None, subject: str) -> Message:
    """Read what a grid starts from: a bake, without one a subject, without that an empty spec; with what was changed in it before.

    Args:
        workspace: where they are.
        kept: what was changed before.
        bake: number of the bake shown, None without one.
        subject: name of the open subject, "" without one.
    """
    try:
        first = _first_spec(workspace, bake, subject)
    except LoraTuiError as error:
        return NoSpec(error)
    start = f"bake {bake}" if bake is not None else f"subject {subject}"
    return FirstSpecRead(start, first, kept.restored(start, first))


def _first_spec(workspace: Workspace, bake: int | None, subject: str) -> "GridSpec":
    from trainer.grid.first_spec import spec_for_bake, spec_for_subject
    from trainer.grid.spec import GridSpec
    from trainer.journal.journal import Journal

    if bake is not None:
        with Journal(workspace.journal_path) as journal:
            return spec_for_bake(journal, workspace, bake)
    file = workspace.subjects / f"{subject}.toml"
    return spec_for_subject(workspace, file) if subject and file.is_file() else GridSpec()


def read_preset(workspace: Workspace, spec: "GridSpec", key: str) -> Message:
    """Read preset `key` applied to `spec`; raises as preset_spec."""
    return SpecRead(preset_spec(workspace, spec, key))


def preset_spec(workspace: Workspace, spec: "GridSpec", key: str) -> "GridSpec":
    """Return preset `key` applied to `spec`.

    Raises:
        LoraTuiError: there is none of that key, its subject cannot be read, or spec and subject lack what it needs.
    """
    from trainer.grid.presets import PRESETS
    from trainer.settings.subject import subject_named

    made = next((each for each in PRESETS if each.key == key), None)
    if made is None:
        raise GridError(
            "--ready", found=printable(key, 40), expected=f"one of {', '.join(each.key for each in PRESETS)}"
        )
    return made.make(spec, subject_named(workspace.subjects, spec.subject))


def read_styles(workspace: Workspace) -> Message:
    """Read the styles of the workspace.

    Raises:
        LoraTuiError: their file cannot be read.
    """
    from trainer.grid.styles import load_styles

    return StylesRead(tuple(load_styles(workspace)))


def read_spec(number: int, workspace: Workspace) -> Message:
    """Return the spec of grid `number`, to edit it as a new one.

    Raises:
        LoraTuiError: there is none, or another version wrote it.
    """
    from trainer.jobs.grids import spec_of
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return SpecRead(spec_of(journal.grids.read(number)), f"grid {number}")


def read_grids(workspace: Workspace) -> Message:
    """Return all grids.

    Raises:
        WorkspaceError: the journal cannot be read.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return GridsRead(tuple(journal.grids.latest()))


def read_newest(workspace: Workspace) -> Message:
    """Return the grid to show first.

    Raises:
        WorkspaceError: the journal cannot be read.
    """
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        grids = journal.grids.latest()
    making = [grid for grid in grids if grid.state is GridState.MAKING]
    first = next(iter([*making, *grids]), None)
    return NothingToTell() if first is None else NewestRead(first.number)


def queue_planned(workspace: Workspace, ready: "PlannedGrid", engine_key: str) -> Message:
    """Queue a checked grid at the end, for the engine with this key.

    Raises:
        LoraTuiError: there is no room, or the journal cannot be written.
    """
    from trainer.jobs.grids import queue_grid
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        grid, job = queue_grid(journal, workspace, ready, engine=engine_key)
    return GridQueued(grid.number, job)


def order_planned(workspace: Workspace, ready: "PlannedGrid", bake: int) -> Message:
    """Order a checked grid from the running bake.

    Raises:
        LoraTuiError: there is no room, or the journal cannot be written.
    """
    from trainer.jobs.grids import order_grid
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return GridOrdered(order_grid(journal, workspace, ready, bake), bake)


def requeue(workspace: Workspace, number: int, engine_key: str) -> Message:
    """Queue a grid that was cut off, or failed, again.

    Raises:
        WorkspaceError: it waits, is being made or is done.
    """
    from trainer.jobs.grids import resume_grid
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return GridQueued(number, resume_grid(journal, number, engine_key))


def end_grid(workspace: Workspace, number: int) -> Message:
    """End a grid that is queued or being made.

    Raises:
        WorkspaceError: it is neither.
    """
    from trainer.jobs.grids import stop_grid
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        stop_grid(journal, number)
    return GridNote(f"grid {number} ends; its pictures are kept")


def skip_epoch(workspace: Workspace, number: int, label: str) -> Message:
    """Skip an epoch in the rest of a grid that is being made.

    Raises:
        WorkspaceError: it is not.
    """
    from trainer.jobs.grids import drop_epoch
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        drop_epoch(journal, number, label)
    return GridNote(f"epoch {label} is skipped in the rest of grid {number}")


def write_page(workspace: Workspace, number: int) -> Message:
    """Write the HTML page of a grid into its folder.

    Raises:
        LoraTuiError: it has no pictures yet, or the page cannot be written.
    """
    from lora_tui.actions.page_file import write_page as write
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        return PageWritten(write(journal, workspace, number))


def save_spec(spec: "GridSpec", path: Path) -> Message:
    """Write a spec into a JSON file of a workspace, which `lora-tui grid` makes; files in the workspace are named from its root.

    Another spec in that file is kept beside it, as NAME.json.bak.

    Raises:
        OSError: it cannot be written.
    """
    from trainer.atomic_file import write_atomically
    from trainer.grid.spec import kept_spec, spec_json
    from trainer.workspace_paths import paths_around

    path.parent.mkdir(parents=True, exist_ok=True)
    content = spec_json(kept_spec(spec, paths_around(path.parent))).encode()
    kept = _kept_before(path, content)
    write_atomically(path, content)
    return GridNote(f"saved {path}; what it had before is in {kept.name}" if kept is not None else f"saved {path}")


def _kept_before(path: Path, content: bytes) -> Path | None:
    """Write what is in a file beside it, unless that is `content`; return where it is then."""
    from trainer.atomic_file import write_atomically
    from trainer.regular_file import read_regular

    try:
        before = read_regular(path, _MAX_SPEC_BYTES)
    except FileNotFoundError:
        return None
    if before == content:
        return None
    kept = path.with_name(f"{path.name}.bak")
    write_atomically(kept, before)
    return kept


def queue_variants(workspace: Workspace, made: "MadeGrid", notes: Mapping[str, CellNote], engine: str) -> Message:
    """Queue the variants that the verdicts on a grid ask for, held back for the engine with this key.

    Raises:
        LoraTuiError: the verdicts point in no direction, or a variant cannot be baked.
    """
    from trainer.jobs.proposals import queue_proposals as propose_variants
    from trainer.journal.journal import Journal

    with Journal(workspace.journal_path) as journal:
        drafts = propose_variants(journal, workspace, made, notes, engine=engine).held_bakes
    numbers = ", ".join(f"{draft.number:04d}" for draft in drafts)
    return GridNote(
        f"bakes {numbers} are queued and held: press <key queue.open> on the Bake screen to edit (<key queue.change>) and release "
        "(<key queue.hold>) them"
    )
